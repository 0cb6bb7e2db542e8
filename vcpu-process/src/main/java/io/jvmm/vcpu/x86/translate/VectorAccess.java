package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;

/**
 * 16 bytes between guest memory and {@code Cpu.xmm}, for generated code; what {@link MemoryAccess} is for up to eight. {@code x} is
 * {@code Cpu.xmm}, {@code d} and {@code s} are indexes of low halves.
 */
final class VectorAccess {
    private static final long LIMIT_16 = Mmu.LIMIT_8 - 8;

    private VectorAccess() {}

    /** Whether SSE instructions raise something other than their own exceptions now (SDM 3A 14.1). */
    static boolean isForbidden(Cpu cpu) {
        return ((cpu.cr0 & 0xc) | (~cpu.cr4 & 0x200)) != 0;
    }

    /** #GP(0) where 16 bytes are not aligned. */
    static void align(Cpu cpu, long linear) {
        if ((linear & 15) != 0) {
            throw cpu.protection();
        }
    }

    /** Loads; {@code e} is {@link MemoryAccess#entry} of {@code linear}. */
    static void load(long[] x, int d, long linear, long[] tlb, int e, Mmu mmu) {
        if (linear - tlb[e] <= LIMIT_16) {
            loadHit(x, d, linear, tlb, e);
            return;
        }
        loadMiss(x, d, linear, mmu);
    }

    private static void loadHit(long[] x, int d, long linear, long[] tlb, int e) {
        loadFrom(x, d, linear + tlb[e + 2]);
    }

    private static void loadFrom(long[] x, int d, long host) {
        x[d] = HostMemory.get64(host);
        x[d + 1] = HostMemory.get64(host + 8);
    }

    private static void loadMiss(long[] x, int d, long linear, Mmu mmu) {
        mmu.checkOperand(linear, 16);
        final long low = mmu.read64(linear);
        x[d + 1] = mmu.read64(linear + 8);
        x[d] = low;
    }

    /**
     * Stores.
     *
     * @param e1 {@link MemoryAccess#entry} of {@code linear} plus 1
     * @return false when it went the slow way: then what stands there may be the region itself
     */
    static boolean store(long[] x, int s, long linear, long[] tlb, int e1, Mmu mmu) {
        if (linear - tlb[e1] <= LIMIT_16) {
            return storeHit(x, s, linear, tlb, e1);
        }
        return storeMiss(x, s, linear, mmu);
    }

    private static boolean storeHit(long[] x, int s, long linear, long[] tlb, int e1) {
        storeTo(x, s, linear + tlb[e1 + 1]);
        return true;
    }

    private static void storeTo(long[] x, int s, long host) {
        HostMemory.put64(host, x[s]);
        HostMemory.put64(host + 8, x[s + 1]);
    }

    private static boolean storeMiss(long[] x, int s, long linear, Mmu mmu) {
        mmu.write128(linear, x[s], x[s + 1]);
        return false;
    }
}
