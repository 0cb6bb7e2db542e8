package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.PhysicalMemory;

/**
 * What CPUID tells one vCPU: only what is implemented (SDM 2A "CPUID", APM 3 appendix E). Immutable.
 *
 * <p>The vendor is AMD, which spares kernels the page-table isolation that Intel's processors need. One package of
 * single-threaded cores; the APIC id of a core is its index. KVM's signature and clock are there so that a kernel knows
 * the rate of the TSC at once.
 */
public final class Cpuid {
    /** Guest-physical address bits. */
    public static final int PHYSICAL_BITS = PhysicalMemory.PHYSICAL_BITS;
    /** Family 19h, model 1, stepping 1: EAX of leaf 1, and EDX after reset. */
    static final int SIGNATURE = 0x00a0_0f11;

    private static final int MAX_LEAF = 0x16;
    private static final int MAX_EXTENDED = 0x8000_0021;
    private static final int HYPERVISOR = 0x4000_0000;
    private static final String NAME = "jvmm x86-64 software CPU";

    private static final int LINE_BYTES = 64;

    /** FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2. */
    private static final int LEAF1_EDX =
            bits(0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26);

    private static final int LEAF1_EDX_HTT = 1 << 28;
    /**
     * SSE3 SSSE3 SSE4.1 SSE4.2 x2APIC POPCNT TSC-deadline XSAVE hypervisor. Not CX16: there is no atomic 16-byte
     * access.
     */
    private static final int LEAF1_ECX = bits(0, 9, 19, 20, 21, 23, 24, 26, 31);

    private static final int LEAF1_ECX_OSXSAVE = 1 << 27;
    /** FSGSBASE TSC_ADJUST SMEP ERMS SMAP CLFLUSHOPT CLWB. */
    private static final int LEAF7_EBX = bits(0, 1, 7, 9, 20, 23, 24);
    /** UMIP. */
    private static final int LEAF7_ECX = bits(2);
    /** FSRM, SPEC_CTRL, ARCH_CAPABILITIES. */
    private static final int LEAF7_EDX = bits(4, 26, 29);
    /** What leaf 1 has in the same places, then SYSCALL NX MMXEXT MMX FXSR 1-GB-pages RDTSCP LM. */
    private static final int EXT1_EDX =
            bits(0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 20, 22, 23, 24, 26, 27, 29);
    /** LAHF in 64-bit mode, PREFETCHW, topology extensions. */
    private static final int EXT1_ECX = bits(0, 8, 22);

    private static final int EXT1_ECX_CMP_LEGACY = 1 << 1;
    /** No nested data breakpoints, LFENCE serializes, null selectors clear the base, no return-stack overflow. */
    private static final int EXT21_EAX = bits(0, 2, 6, 29);
    /** No transient-scheduler leaks. */
    private static final int EXT21_ECX = bits(1, 2);
    /** No delay for port accesses, clock source (new MSRs), clock source stable. */
    private static final int KVM_FEATURES = bits(1, 3, 24);
    /** XSAVE area: legacy region and header. */
    private static final int XSAVE_BYTES = 576;

    private final int index;
    private final int count;

    /** The table of vCPU {@code index} (its APIC id) of {@code count}. */
    public Cpuid(int index, int count) {
        this.index = index;
        this.count = count;
    }

    /** CPUID: EAX and ECX in, EAX EBX ECX EDX out, upper halves cleared. */
    public void run(Cpu cpu) {
        final int leaf = (int) cpu.r[Cpu.RAX];
        final int subleaf = (int) cpu.r[Cpu.RCX];
        switch (leaf) {
            case 0 -> vendor(cpu, MAX_LEAF);
            case 1 -> features(cpu);
            case 6 -> set(cpu, 1 << 2, 0, 0, 0);
            case 7 -> structured(cpu, subleaf);
            case 0xb -> topology(cpu, subleaf);
            case 0xd -> extendedState(cpu, subleaf);
            // TSC = crystal * EBX / EAX; then base, maximum and bus frequency in MHz.
            case 0x15 -> set(cpu, 1, 1, (int) TimeSource.TSC_HZ, 0);
            case 0x16 -> set(cpu, mhz(), mhz(), 100, 0);
            case HYPERVISOR -> set(cpu, HYPERVISOR + 1, 0x4b4d_564b, 0x564b_4d56, 0x4d);
            case HYPERVISOR + 1 -> set(cpu, KVM_FEATURES, 0, 0, 0);
            case 0x8000_0000 -> vendor(cpu, MAX_EXTENDED);
            case 0x8000_0001 -> set(cpu, SIGNATURE, 0, EXT1_ECX | (count > 1 ? EXT1_ECX_CMP_LEGACY : 0), EXT1_EDX);
            case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> name(cpu, (leaf - 0x8000_0002) * 16);
            // 64 entries in each fully associative TLB; L1 caches of 32 KiB, 8 ways.
            case 0x8000_0005 ->
                set(
                        cpu,
                        0xff40_ff40,
                        0xff40_ff40,
                        32 << 24 | 8 << 16 | 1 << 8 | LINE_BYTES,
                        32 << 24 | 8 << 16 | 1 << 8 | LINE_BYTES);
            // L2 512 KiB, 8 ways; L3 16 MiB, 16 ways.
            case 0x8000_0006 ->
                set(
                        cpu,
                        0,
                        0x4200_4200,
                        512 << 16 | 6 << 12 | 1 << 8 | LINE_BYTES,
                        32 << 18 | 8 << 12 | 1 << 8 | LINE_BYTES);
            // The TSC's rate never changes and it never stops.
            case 0x8000_0007 -> set(cpu, 0, 0, 0, 1 << 8);
            case 0x8000_0008 -> set(cpu, PHYSICAL_BITS | 48 << 8, 0, idBits() << 12 | (count - 1), 0);
            case 0x8000_001d -> cache(cpu, subleaf);
            case 0x8000_001e -> set(cpu, index, index & 0xff, 0, 0);
            case 0x8000_0021 -> set(cpu, EXT21_EAX, 0, EXT21_ECX, 0);
            default -> set(cpu, 0, 0, 0, 0);
        }
    }

    private static void vendor(Cpu cpu, int largest) {
        set(cpu, largest, 0x6874_7541, 0x444d_4163, 0x6974_6e65);
    }

    private void features(Cpu cpu) {
        final int osXsave = (cpu.cr4 & ControlRegisters.CR4_OSXSAVE) != 0 ? LEAF1_ECX_OSXSAVE : 0;
        set(
                cpu,
                SIGNATURE,
                index << 24 | Math.min(count, 255) << 16 | (LINE_BYTES / 8) << 8,
                LEAF1_ECX | osXsave,
                LEAF1_EDX | (count > 1 ? LEAF1_EDX_HTT : 0));
    }

    private static void structured(Cpu cpu, int subleaf) {
        if (subleaf == 0) {
            set(cpu, 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX);
        } else {
            set(cpu, 0, 0, 0, 0);
        }
    }

    /** Level 0: one thread a core; level 1: all cores in one package. EDX is the x2APIC id. */
    private void topology(Cpu cpu, int subleaf) {
        switch (subleaf) {
            case 0 -> set(cpu, 0, 1, 1 << 8, index);
            case 1 -> set(cpu, idBits(), count, 2 << 8 | 1, index);
            default -> set(cpu, 0, 0, subleaf & 0xff, index);
        }
    }

    private static void extendedState(Cpu cpu, int subleaf) {
        switch (subleaf) {
            case 0 -> set(cpu, (int) ControlRegisters.XCR0_BITS, XSAVE_BYTES, XSAVE_BYTES, 0);
            // XSAVEOPT.
            case 1 -> set(cpu, 1, 0, 0, 0);
            default -> set(cpu, 0, 0, 0, 0);
        }
    }

    /** AMD's cache leaf: L1 data, L1 code, L2 for each core, L3 for all. */
    private void cache(Cpu cpu, int subleaf) {
        switch (subleaf) {
            case 0 -> cache(cpu, 1, 1, 8, 64, 1);
            case 1 -> cache(cpu, 2, 1, 8, 64, 1);
            case 2 -> cache(cpu, 3, 2, 8, 1024, 1);
            case 3 -> cache(cpu, 3, 3, 16, 16384, 1 << idBits());
            default -> set(cpu, 0, 0, 0, 0);
        }
    }

    private static void cache(Cpu cpu, int type, int level, int ways, int sets, int sharedBy) {
        set(cpu, type | level << 5 | 1 << 8 | (sharedBy - 1) << 14, (ways - 1) << 22 | (LINE_BYTES - 1), sets - 1, 0);
    }

    private static void name(Cpu cpu, int from) {
        set(cpu, letters(from), letters(from + 4), letters(from + 8), letters(from + 12));
    }

    private static int letters(int from) {
        int word = 0;
        for (int i = 3; i >= 0; i--) {
            word = word << 8 | (from + i < NAME.length() ? NAME.charAt(from + i) : 0);
        }
        return word;
    }

    /** Bits of an APIC id that tell cores apart. */
    private int idBits() {
        return 32 - Integer.numberOfLeadingZeros(count - 1);
    }

    private static int mhz() {
        return (int) (TimeSource.TSC_HZ / 1_000_000);
    }

    private static void set(Cpu cpu, int eax, int ebx, int ecx, int edx) {
        cpu.r[Cpu.RAX] = eax & 0xffff_ffffL;
        cpu.r[Cpu.RBX] = ebx & 0xffff_ffffL;
        cpu.r[Cpu.RCX] = ecx & 0xffff_ffffL;
        cpu.r[Cpu.RDX] = edx & 0xffff_ffffL;
    }

    private static int bits(int... numbers) {
        int mask = 0;
        for (final int number : numbers) {
            mask |= 1 << number;
        }
        return mask;
    }
}
