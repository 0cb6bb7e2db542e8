package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;

/**
 * Guest memory for generated code. The reading methods are cut so small that C1 (which inlines nothing over 35 bytecodes)
 * makes one straight piece of each access.
 */
final class MemoryAccess {
    private MemoryAccess() {}

    /** First long of the TLB entry of an address. A shift of an int: C1 wants the count of a shift of a long in CL. */
    static int entry(long linear) {
        return (int) linear >>> Mmu.INDEX_SHIFT & Mmu.INDEX_MASK;
    }

    /** Reads a byte, zero-extended; {@code e} is {@link #entry} of {@code linear}. */
    static long read8(Cpu cpu, long[] tlb, long linear, int e) {
        return linear - tlb[e] <= Mmu.LIMIT_1 ? hit8(tlb, linear, e) : cpu.mmu.read8(linear);
    }

    /** 16 bits, zero-extended. */
    static long read16(Cpu cpu, long[] tlb, long linear, int e) {
        return linear - tlb[e] <= Mmu.LIMIT_2 ? hit16(tlb, linear, e) : cpu.mmu.read16(linear);
    }

    /** 32 bits, zero-extended. */
    static long read32(Cpu cpu, long[] tlb, long linear, int e) {
        return linear - tlb[e] <= Mmu.LIMIT_4 ? hit32(tlb, linear, e) : cpu.mmu.read32(linear) & 0xffff_ffffL;
    }

    /** 64 bits. */
    static long read64(Cpu cpu, long[] tlb, long linear, int e) {
        return linear - tlb[e] <= Mmu.LIMIT_8 ? hit64(tlb, linear, e) : cpu.mmu.read64(linear);
    }

    private static long hit8(long[] tlb, long linear, int e) {
        return HostMemory.get8(linear + tlb[e + 2]);
    }

    private static long hit16(long[] tlb, long linear, int e) {
        return HostMemory.get16(linear + tlb[e + 2]);
    }

    private static long hit32(long[] tlb, long linear, int e) {
        return HostMemory.get32(linear + tlb[e + 2]) & 0xffff_ffffL;
    }

    private static long hit64(long[] tlb, long linear, int e) {
        return HostMemory.get64(linear + tlb[e + 2]);
    }

    /** The read half of an instruction that also writes, on a TLB miss: faults as the write would. */
    static long readForUpdate(Mmu mmu, long linear, int widthBytes) {
        mmu.probeWrite(linear, widthBytes);
        return mmu.read(linear, widthBytes);
    }
}
