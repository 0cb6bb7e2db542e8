package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Random 64-bit code of the instructions that have steps: straight lines, branches back and forth, calls and returns. */
final class RandomCode {
    private static final int[] ONE_BYTE = ints(
            0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
            0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d,
            0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55,
            0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x63, 0x68, 0x69, 0x6a, 0x6b, 0x80, 0x81, 0x83,
            0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x98, 0x99, 0xa8, 0xa9,
            0xb0, 0xb4, 0xb8, 0xbb, 0xc0, 0xc1, 0xc6, 0xc7, 0xc9, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff, 0xf8,
            0xf9, 0xf5);
    private static final int[] TWO_BYTE = ints(
            0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x90, 0x91,
            0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa3, 0xa4, 0xa5, 0xab,
            0xac, 0xaf, 0xb0, 0xb1, 0xb3, 0xb6, 0xb7, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xc8, 0xc9, 0xcf,
            0xb8, 0x1f);

    private static final int[] PREFIXES = ints(0, 0x66, 0xf3, 0xf2);

    private final SplittableRandom random;
    /** One instruction in so many is general, the others are SSE; 0: all are general. */
    private final int generalOneIn;

    private final List<byte[]> parts = new ArrayList<>();

    RandomCode(SplittableRandom random, int generalOneIn) {
        this.random = random;
        this.generalOneIn = generalOneIn;
    }

    private static int[] ints(int... values) {
        return values;
    }

    /** A program of so many instructions that ends by jumping to its start; {@code only} restricts it, null for all. */
    byte[] program(int length, java.util.function.Predicate<Insn> only, boolean branches) {
        parts.clear();
        final int[] jumpTo = new int[length];
        for (int i = 0; i < length; i++) {
            jumpTo[i] = -1;
            if (branches && random.nextInt(6) == 0) {
                jumpTo[i] = random.nextInt(Math.max(0, i - 8), Math.min(length, i + 8) + 1);
                parts.add(branch());
            } else {
                parts.add(instruction(only));
            }
        }
        return assemble(jumpTo);
    }

    /** Jcc, sometimes JMP or CALL, with a displacement of 32 bits to be filled in. */
    private byte[] branch() {
        return switch (random.nextInt(10)) {
            case 0 -> new byte[] {(byte) 0xe9, 0, 0, 0, 0};
            case 1 -> new byte[] {(byte) 0xe8, 0, 0, 0, 0};
            default -> new byte[] {0x0f, (byte) (0x80 | random.nextInt(16)), 0, 0, 0, 0};
        };
    }

    private byte[] assemble(int[] jumpTo) {
        final int[] offset = new int[parts.size() + 1];
        for (int i = 0; i < parts.size(); i++) {
            offset[i + 1] = offset[i] + parts.get(i).length;
        }
        final byte[] code = new byte[offset[parts.size()] + 5];
        for (int i = 0; i < parts.size(); i++) {
            System.arraycopy(parts.get(i), 0, code, offset[i], parts.get(i).length);
            if (jumpTo[i] >= 0) {
                putInt(code, offset[i + 1] - 4, offset[jumpTo[i]] - offset[i + 1]);
            }
        }
        code[code.length - 5] = (byte) 0xe9;
        putInt(code, code.length - 4, -code.length);
        return code;
    }

    static void putInt(byte[] code, int at, int value) {
        for (int i = 0; i < 4; i++) {
            code[at + i] = (byte) (value >> (8 * i));
        }
    }

    /** One instruction that has a step, transfers no control, and for which {@code only} holds. */
    byte[] instruction(java.util.function.Predicate<Insn> only) {
        final Insn insn = new Insn();
        while (true) {
            final byte[] code =
                    generalOneIn == 0 || random.nextInt(generalOneIn) == 0 ? candidate() : vectorCandidate();
            if (Decoder.decode(code, 0, 15, 8, insn) && accepted(insn) && likely(insn) && only.test(insn)) {
                return Arrays.copyOf(code, insn.length);
            }
        }
    }

    private static boolean accepted(Insn i) {
        return switch (i.op) {
            case INVALID, UD, NOP, JMP, CALL, JMP_FAR, CALL_FAR, DIV, IDIV, PAUSE, ENDBR ->
                i.op == Op.DIV || i.op == Op.NOP || i.op == Op.IDIV;
            case MOV -> i.kind1 != OperandKind.SEGMENT && i.kind2 != OperandKind.SEGMENT;
            case PUSH, POP -> i.kind1 != OperandKind.SEGMENT;
            case EMMS -> false;
            // MMX registers are not compared.
            default -> i.kind1 != OperandKind.MMX && i.kind2 != OperandKind.MMX;
        };
    }

    /** Most addresses are a register's, which often is that of data: or nearly everything would fault. */
    private boolean likely(Insn i) {
        final boolean far = i.indexRegister != Insn.NO_REGISTER || i.base == Insn.NO_REGISTER;
        return !i.hasMemory() || i.op == Op.LEA || !far || random.nextInt(20) == 0;
    }

    /** SSE, or something else of the two-byte map. */
    private byte[] vectorCandidate() {
        final byte[] code = new byte[15];
        for (int i = 0; i < code.length; i++) {
            code[i] = (byte) random.nextInt(-16, 16);
        }
        int at = 0;
        final int prefix = PREFIXES[random.nextInt(4)];
        if (prefix != 0) {
            code[at++] = (byte) prefix;
        }
        if (random.nextInt(10) < 6) {
            code[at++] = (byte) (0x40 | random.nextInt(16));
        }
        code[at++] = 0x0f;
        final int kind = random.nextInt(24);
        if (kind < 2) {
            code[at++] = (byte) (kind == 0 ? 0x38 : 0x3a);
            code[at++] = (byte) random.nextInt(0x64);
        } else {
            code[at++] = (byte) vectorOpcode();
        }
        code[at] = (byte) (random.nextInt(3) == 0 ? random.nextInt(0x80) : 0xc0 | random.nextInt(64));
        return code;
    }

    private int vectorOpcode() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(0x10, 0x18);
            case 1 -> random.nextInt(0x28, 0x30);
            case 2 -> random.nextInt(0x50, 0x60);
            case 3 -> random.nextInt(0x60, 0x80);
            default -> random.nextInt(0xc2, 0x100);
        };
    }

    private byte[] candidate() {
        final byte[] code = new byte[15];
        for (int i = 0; i < code.length; i++) {
            code[i] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : random.nextInt(-16, 16));
        }
        int at = 0;
        if (random.nextInt(12) == 0) {
            code[at++] = 0x66;
        }
        if (random.nextInt(60) == 0) {
            code[at++] = 0x67;
        }
        if (random.nextInt(40) == 0) {
            code[at++] = (byte) (random.nextBoolean() ? 0x64 : 0x65);
        }
        if (random.nextInt(60) == 0) {
            code[at++] = (byte) (random.nextInt(3) == 0 ? 0xf3 : 0xf0);
        }
        if (random.nextInt(10) < 6) {
            code[at++] = (byte) (0x40 | random.nextInt(16) | (random.nextInt(3) == 0 ? 0 : 8));
        }
        if (random.nextInt(3) == 0) {
            code[at++] = 0x0f;
            code[at++] = (byte) TWO_BYTE[random.nextInt(TWO_BYTE.length)];
        } else {
            code[at++] = (byte) ONE_BYTE[random.nextInt(ONE_BYTE.length)];
        }
        // ModRM: registers, or a base with a short displacement, mostly.
        final int mod = random.nextInt(5);
        code[at] = (byte) (((mod > 2 ? 3 : mod) << 6) | random.nextInt(64));
        return code;
    }
}
