package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;

/**
 * The read half of read-modify-write: reads bytes that the instruction is about to write, so that a fault is the fault of
 * the write (its error code has W set) and comes before anything has changed.
 */
final class Update {
    private static final long LIMIT_0 = Long.MIN_VALUE + PhysicalMemory.PAGE_BYTES;

    private Update() {}

    /** Raises the fault that writing would raise. */
    static void prepare(Mmu mmu, long linear, int bytes) {
        final int e = (int) (linear >>> Mmu.INDEX_SHIFT) & Mmu.INDEX_MASK;
        if (linear - mmu.tlb[e + 1] > LIMIT_0 - bytes) {
            mmu.probeWrite(linear, bytes);
        }
    }

    /** Reads a byte, zero-extended. */
    static int read8(Mmu mmu, long linear) {
        final long[] tlb = mmu.tlb;
        final int e = (int) (linear >>> Mmu.INDEX_SHIFT) & Mmu.INDEX_MASK;
        if (linear - tlb[e + 1] <= Mmu.LIMIT_1) {
            return HostMemory.get8(linear + tlb[e + 2]);
        }
        mmu.probeWrite(linear, 1);
        return mmu.read8(linear);
    }

    /** Reads 32 bits. */
    static int read32(Mmu mmu, long linear) {
        final long[] tlb = mmu.tlb;
        final int e = (int) (linear >>> Mmu.INDEX_SHIFT) & Mmu.INDEX_MASK;
        if (linear - tlb[e + 1] <= Mmu.LIMIT_4) {
            return HostMemory.get32(linear + tlb[e + 2]);
        }
        mmu.probeUpdate(linear, 4);
        return mmu.read32(linear);
    }

    /** Reads 64 bits. */
    static long read64(Mmu mmu, long linear) {
        final long[] tlb = mmu.tlb;
        final int e = (int) (linear >>> Mmu.INDEX_SHIFT) & Mmu.INDEX_MASK;
        if (linear - tlb[e + 1] <= Mmu.LIMIT_8) {
            return HostMemory.get64(linear + tlb[e + 2]);
        }
        mmu.probeUpdate(linear, 8);
        return mmu.read64(linear);
    }

    /** Reads 1, 2, 4 or 8 bytes, zero-extended. */
    static long read(Mmu mmu, long linear, int bytes) {
        return switch (bytes) {
            case 1 -> read8(mmu, linear);
            case 4 -> read32(mmu, linear) & 0xffff_ffffL;
            case 8 -> read64(mmu, linear);
            default -> {
                mmu.checkOperand(linear, bytes);
                prepare(mmu, linear, bytes);
                yield mmu.read(linear, bytes);
            }
        };
    }
}
