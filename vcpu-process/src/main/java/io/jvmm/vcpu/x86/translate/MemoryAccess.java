package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;

/**
 * Guest memory for generated code. The reading methods are cut so small that C1 (which inlines nothing over 35 bytecodes)
 * makes one straight piece of each access.
 */
final class MemoryAccess {
    /** From the slot of an entry to its write tag. */
    static final int WRITE_TAG = Long.BYTES;
    /** From the slot of an entry to what leads to the host's address. */
    static final int ADDEND = 2 * Long.BYTES;

    private static final int SLOT_SHIFT = Mmu.INDEX_SHIFT - 3;
    private static final int SLOT_MASK = Mmu.INDEX_MASK << 3;

    private MemoryAccess() {}

    /** First long of the TLB entry of an address. A shift of an int: C1 wants the count of a shift of a long in CL. */
    static int entry(long linear) {
        return (int) linear >>> Mmu.INDEX_SHIFT & Mmu.INDEX_MASK;
    }

    /** Where {@link HostMemory#word} finds the TLB entry of an address. */
    static int slot(long linear) {
        return ((int) linear >>> SLOT_SHIFT & SLOT_MASK) + HostMemory.FIRST_WORD;
    }

    /** Reads a byte, zero-extended; {@code s} is {@link #slot} of {@code linear}. */
    static long read8(Cpu cpu, long[] tlb, long linear, int s) {
        return linear - HostMemory.word(tlb, s) <= Mmu.LIMIT_1 ? hit8(tlb, linear, s) : cpu.mmu.read8(linear);
    }

    /** 16 bits, zero-extended. */
    static long read16(Cpu cpu, long[] tlb, long linear, int s) {
        return linear - HostMemory.word(tlb, s) <= Mmu.LIMIT_2 ? hit16(tlb, linear, s) : cpu.mmu.read16(linear);
    }

    /** 32 bits, zero-extended. */
    static long read32(Cpu cpu, long[] tlb, long linear, int s) {
        return linear - HostMemory.word(tlb, s) <= Mmu.LIMIT_4 ? hit32(tlb, linear, s) : miss32(cpu, linear);
    }

    /** 64 bits. */
    static long read64(Cpu cpu, long[] tlb, long linear, int s) {
        return linear - HostMemory.word(tlb, s) <= Mmu.LIMIT_8 ? hit64(tlb, linear, s) : cpu.mmu.read64(linear);
    }

    private static long hit8(long[] tlb, long linear, int s) {
        return HostMemory.get8(linear + HostMemory.word(tlb, s + ADDEND));
    }

    private static long hit16(long[] tlb, long linear, int s) {
        return HostMemory.get16(linear + HostMemory.word(tlb, s + ADDEND));
    }

    private static long hit32(long[] tlb, long linear, int s) {
        return HostMemory.get32(linear + HostMemory.word(tlb, s + ADDEND)) & 0xffff_ffffL;
    }

    private static long miss32(Cpu cpu, long linear) {
        return cpu.mmu.read32(linear) & 0xffff_ffffL;
    }

    private static long hit64(long[] tlb, long linear, int s) {
        return HostMemory.get64(linear + HostMemory.word(tlb, s + ADDEND));
    }

    /** The read half of an instruction that also writes, on a TLB miss: faults as the write would. */
    static long readForUpdate(Mmu mmu, long linear, int widthBytes) {
        mmu.probeUpdate(linear, widthBytes);
        return mmu.read(linear, widthBytes);
    }
}
