package io.jvmm.vcpu.x86.oracle;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * What the manuals leave open and processors do differently, so that the host's is no measure: whichever maker's the tests run on, they
 * have to agree in all else. Flags and results that are undefined are in {@link UndefinedFlags}.
 */
final class EachProcessorsOwn {
    private static final long LOW_HALF = 0xffff_ffffL;
    private static final int QUIET_BIT = 0x40_0000;

    private EachProcessorsOwn() {}

    /**
     * Whether memory may have been written when the instruction is refused: PUSHA and POPA page by page, and CALL, whose return address
     * Intel's processors have stored when they find that the target is not canonical. It can be done again.
     */
    static boolean storesBeforeItFaults(Insn insn) {
        return insn.op == Op.PUSHA || insn.op == Op.POPA || insn.op == Op.CALL;
    }

    /**
     * Whether the two exceptions are those of an instruction that can have either: BOUND whose first bound is broken and whose second
     * cannot be read (SDM 2, BOUND, does not say which is looked at first).
     */
    static boolean eitherException(Insn insn, int vector, int other) {
        return insn.op == Op.BOUND
                && ((vector == Vector.BR && other == Vector.PF) || (vector == Vector.PF && other == Vector.BR));
    }

    /**
     * Which bits of a register have to agree: with a repeat count of 0 in ECX, which is all of it for an address size of 32 bits, Intel's
     * processors clear the upper halves of RCX and of the pointers they would have moved, and AMD's leave them.
     *
     * @param rcx before
     */
    static long comparedBits(Insn insn, int register, long rcx) {
        final boolean counts = (insn.rep || insn.repne) && insn.addressBytes == 4 && (rcx & LOW_HALF) == 0;
        final boolean moved = register == 1 || register == 6 || register == 7;
        return counts && moved && isString(insn.op) ? LOW_HALF : -1L;
    }

    private static boolean isString(Op op) {
        return switch (op) {
            case MOVS, CMPS, STOS, LODS, SCAS -> true;
            default -> false;
        };
    }

    /** Whether each pair of floats is equal, or two NaNs: which of several NaNs a sum of products has is open in SDM 2, DPPS. */
    static boolean sameButWhichNan(long a, long b) {
        return sameButWhichNan((int) a, (int) b) && sameButWhichNan((int) (a >>> 32), (int) (b >>> 32));
    }

    private static boolean sameButWhichNan(int a, int b) {
        return a == b || (isQuietNan(a) && isQuietNan(b));
    }

    private static boolean isQuietNan(int bits) {
        return Float.isNaN(Float.intBitsToFloat(bits)) && (bits & QUIET_BIT) != 0;
    }
}
