package io.jvmm.vcpu.x86.decode;

/** Decodes one instruction. Stateless; any thread. */
public final class Decoder {
    /** Longest instruction. */
    public static final int MAX_BYTES = 15;

    private Decoder() {}

    /**
     * Decodes the instruction at {@code code[at]}.
     *
     * @param code instruction bytes; those from {@code at} to {@code limit} are there
     * @param codeBytes 2, 4 or 8: 16-bit, 32-bit or 64-bit code
     * @param into where it goes; every field is set. What does not exist is {@link Op#INVALID} with the length up to the byte that
     *     decided it; an instruction of more than 15 bytes is {@link Op#INVALID} of length 15 (#GP rather than #UD: {@link
     *     Insn#imm} is 1 then)
     * @return whether the instruction is complete; false when it goes on at {@code limit} (more bytes are needed)
     */
    public static boolean decode(byte[] code, int at, int limit, int codeBytes, Insn into) {
        throw new UnsupportedOperationException("" + at + limit + codeBytes + into + code.length);
    }
}
