package io.jvmm.vcpu.x86.cpu;

/**
 * RDMSR and WRMSR, without the privilege check (SDM 4 table 2-2, APM 2 appendix A, Linux's KVM MSRs). An unknown number
 * is #GP(0), as are values the register does not take: kernels probe with exception tables.
 */
public final class Msrs {
    private static final int TSC = 0x10;
    private static final int APIC_BASE = 0x1b;
    private static final int TSC_ADJUST = 0x3b;
    private static final int SPEC_CTRL = 0x48;
    private static final int PRED_CMD = 0x49;
    private static final int UCODE_WRITE = 0x79;
    private static final int PATCH_LEVEL = 0x8b;
    private static final int MTRR_CAP = 0xfe;
    private static final int ARCH_CAPABILITIES = 0x10a;
    private static final int SYSENTER_CS = 0x174;
    private static final int SYSENTER_ESP = 0x175;
    private static final int SYSENTER_EIP = 0x176;
    private static final int MCG_CAP = 0x179;
    private static final int MCG_STATUS = 0x17a;
    private static final int MISC_ENABLE = 0x1a0;
    private static final int DEBUG_CTL = 0x1d9;
    private static final int LAST_BRANCH_FROM = 0x1db;
    private static final int LAST_EXCEPTION_TO = 0x1de;
    private static final int MTRR_BASE_0 = 0x200;
    private static final int MTRR_FIX_64K = 0x250;
    private static final int MTRR_FIX_16K = 0x258;
    private static final int MTRR_FIX_4K = 0x268;
    private static final int PAT = 0x277;
    private static final int MTRR_DEF_TYPE = 0x2ff;
    private static final int MC0_CTL = 0x400;
    private static final int TSC_DEADLINE = 0x6e0;
    private static final int X2APIC_FIRST = 0x800;
    private static final int X2APIC_LAST = 0x8ff;
    private static final int PV_WALL_CLOCK = 0x4b56_4d00;
    private static final int PV_CLOCK = 0x4b56_4d01;
    private static final int EFER = 0xc000_0080;
    private static final int STAR = 0xc000_0081;
    private static final int LSTAR = 0xc000_0082;
    private static final int CSTAR = 0xc000_0083;
    private static final int SYSCALL_MASK = 0xc000_0084;
    private static final int FS_BASE = 0xc000_0100;
    private static final int GS_BASE = 0xc000_0101;
    private static final int KERNEL_GS_BASE = 0xc000_0102;
    private static final int TSC_AUX = 0xc000_0103;
    private static final int AMD_SYSCFG = 0xc001_0010;
    private static final int AMD_HWCR = 0xc001_0015;
    private static final int AMD_NB_CFG = 0xc001_001f;
    private static final int AMD_PATCH_LOADER = 0xc001_0020;
    private static final int AMD_INT_PENDING = 0xc001_0055;
    private static final int AMD_MMIO_CONFIG = 0xc001_0058;
    private static final int AMD_DC_CFG = 0xc001_1022;
    private static final int AMD_DE_CFG = 0xc001_1029;
    private static final int AMD_BU_CFG2 = 0xc001_102a;

    /** Eight variable ranges, fixed ranges, write-combining. */
    private static final long MTRR_CAPABILITIES = 0x508;
    /**
     * Not subject to Meltdown, L1TF, store bypass, MDS, page-size machine checks, TAA, MMIO stale data, branch history,
     * post-barrier return and gather sampling leaks; indirect branches restricted always: nothing here runs ahead of
     * the program in the guest's sight.
     */
    private static final long CAPABILITIES = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 13 | 1 << 14
            | 1 << 15 | 1 << 20 | 1 << 24 | 1 << 26 | 1 << 27 | 1L << 62;
    /** IBRS, STIBP, SSBD. */
    private static final long SPEC_CTRL_BITS = 7;
    /** A level no update is known for. */
    private static final long PATCH = 0x0100_0065;
    /** TscFreqSel: the TSC counts at the P0 frequency. */
    private static final long HWCR = 1 << 24;
    /** LFENCE serializes. */
    private static final long DE_CFG = 1 << 1;

    private static final long PHYSICAL = (1L << Cpuid.PHYSICAL_BITS) - 1;

    private Msrs() {}

    /** Reads one. */
    public static long read(Cpu cpu, int number) {
        final MsrBank bank = cpu.msrs;
        return switch (number) {
            case TSC -> cpu.tsc();
            case APIC_BASE, TSC_DEADLINE -> cpu.interrupts.readMsr(number);
            case TSC_ADJUST -> bank.tscAdjust;
            case SPEC_CTRL -> bank.speculationControl;
            case PATCH_LEVEL -> PATCH;
            case MTRR_CAP -> MTRR_CAPABILITIES;
            case ARCH_CAPABILITIES -> CAPABILITIES;
            case SYSENTER_CS -> cpu.sysenterCs;
            case SYSENTER_ESP -> cpu.sysenterEsp;
            case SYSENTER_EIP -> cpu.sysenterEip;
            case MCG_CAP -> MsrBank.MACHINE_CHECK_BANKS;
            case MCG_STATUS -> bank.machineCheckStatus;
            case MISC_ENABLE -> bank.miscEnable;
            case PAT -> cpu.pat;
            case MTRR_DEF_TYPE -> bank.mtrrDefaultType;
            case PV_WALL_CLOCK -> bank.pvWallClock;
            case PV_CLOCK -> bank.pvClock;
            case EFER -> cpu.efer;
            case STAR -> cpu.star;
            case LSTAR -> cpu.lstar;
            case CSTAR -> cpu.cstar;
            case SYSCALL_MASK -> cpu.syscallMask;
            case FS_BASE -> cpu.segments[Segment.FS].base;
            case GS_BASE -> cpu.segments[Segment.GS].base;
            case KERNEL_GS_BASE -> cpu.kernelGsBase;
            case TSC_AUX -> cpu.tscAux;
            case AMD_HWCR -> HWCR;
            case AMD_DE_CFG -> DE_CFG;
            case DEBUG_CTL, AMD_SYSCFG, AMD_NB_CFG, AMD_INT_PENDING, AMD_MMIO_CONFIG, AMD_DC_CFG, AMD_BU_CFG2 -> 0;
            default -> readRange(cpu, number);
        };
    }

    private static long readRange(Cpu cpu, int number) {
        final MsrBank bank = cpu.msrs;
        if (number >= X2APIC_FIRST && number <= X2APIC_LAST) {
            return cpu.interrupts.readMsr(number);
        }
        if (number >= LAST_BRANCH_FROM && number <= LAST_EXCEPTION_TO) {
            return 0;
        }
        final int variable = number - MTRR_BASE_0;
        if (variable >= 0 && variable < 2 * MsrBank.VARIABLE_RANGES) {
            return ((variable & 1) == 0 ? bank.mtrrBase : bank.mtrrMask)[variable >> 1];
        }
        final int fixed = fixedRange(number);
        if (fixed >= 0) {
            return bank.mtrrFixed[fixed];
        }
        final int bankRegister = number - MC0_CTL;
        if (bankRegister >= 0 && bankRegister < 4 * MsrBank.MACHINE_CHECK_BANKS) {
            return (bankRegister & 3) == 0 ? bank.machineCheckControl[bankRegister >> 2] : 0;
        }
        throw cpu.protection();
    }

    /** Index into {@link MsrBank#mtrrFixed}, or -1. */
    private static int fixedRange(int number) {
        return switch (number) {
            case MTRR_FIX_64K -> 0;
            case MTRR_FIX_16K -> 1;
            case MTRR_FIX_16K + 1 -> 2;
            default -> number >= MTRR_FIX_4K && number < MTRR_FIX_4K + 8 ? 3 + number - MTRR_FIX_4K : -1;
        };
    }

    /** Writes one. */
    public static void write(Cpu cpu, int number, long value) {
        final MsrBank bank = cpu.msrs;
        switch (number) {
            case TSC -> moveTsc(cpu, value - cpu.tsc());
            case APIC_BASE, TSC_DEADLINE -> {
                cpu.interrupts.writeMsr(number, value);
                cpu.budget = 0;
            }
            case TSC_ADJUST -> moveTsc(cpu, value - bank.tscAdjust);
            case SPEC_CTRL -> bank.speculationControl = allow(cpu, value, SPEC_CTRL_BITS);
            case PRED_CMD -> allow(cpu, value, 1);
            case PATCH_LEVEL,
                    UCODE_WRITE,
                    AMD_PATCH_LOADER,
                    AMD_HWCR,
                    AMD_DE_CFG,
                    AMD_NB_CFG,
                    AMD_DC_CFG,
                    AMD_BU_CFG2 -> {}
            case SYSENTER_CS -> cpu.sysenterCs = value & 0xffff_ffffL;
            case SYSENTER_ESP -> cpu.sysenterEsp = canonical(cpu, value);
            case SYSENTER_EIP -> cpu.sysenterEip = canonical(cpu, value);
            case MCG_STATUS -> bank.machineCheckStatus = allow(cpu, value, 7);
            case MISC_ENABLE -> bank.miscEnable = value;
            case DEBUG_CTL, AMD_SYSCFG, AMD_INT_PENDING, AMD_MMIO_CONFIG -> allow(cpu, value, 0);
            case PAT -> cpu.pat = memoryTypes(cpu, value, true);
            case MTRR_DEF_TYPE -> bank.mtrrDefaultType = memoryType(cpu, allow(cpu, value, 0xcff));
            case PV_WALL_CLOCK -> {
                bank.pvWallClock = value;
                PvClock.writeWallClock(cpu);
            }
            case PV_CLOCK -> {
                bank.pvClock = value;
                PvClock.writeClock(cpu);
            }
            case EFER -> ControlRegisters.writeEfer(cpu, value);
            case STAR -> cpu.star = value;
            case LSTAR -> cpu.lstar = canonical(cpu, value);
            case CSTAR -> cpu.cstar = canonical(cpu, value);
            case SYSCALL_MASK -> cpu.syscallMask = value & 0xffff_ffffL;
            case FS_BASE -> cpu.segments[Segment.FS].base = canonical(cpu, value);
            case GS_BASE -> cpu.segments[Segment.GS].base = canonical(cpu, value);
            case KERNEL_GS_BASE -> cpu.kernelGsBase = canonical(cpu, value);
            case TSC_AUX -> cpu.tscAux = allow(cpu, value, 0xffff_ffffL);
            default -> writeRange(cpu, number, value);
        }
    }

    private static void writeRange(Cpu cpu, int number, long value) {
        final MsrBank bank = cpu.msrs;
        final int variable = number - MTRR_BASE_0;
        final int fixed = fixedRange(number);
        final int bankRegister = number - MC0_CTL;
        if (number >= X2APIC_FIRST && number <= X2APIC_LAST) {
            cpu.interrupts.writeMsr(number, value);
            cpu.budget = 0;
        } else if (variable >= 0 && variable < 2 * MsrBank.VARIABLE_RANGES) {
            if ((variable & 1) == 0) {
                bank.mtrrBase[variable >> 1] = memoryType(cpu, allow(cpu, value, (PHYSICAL & ~0xfffL) | 0xff));
            } else {
                bank.mtrrMask[variable >> 1] = allow(cpu, value, PHYSICAL & ~0x7ffL);
            }
        } else if (fixed >= 0) {
            bank.mtrrFixed[fixed] = memoryTypes(cpu, value, false);
        } else if (bankRegister >= 0 && bankRegister < 4 * MsrBank.MACHINE_CHECK_BANKS) {
            if ((bankRegister & 3) == 0) {
                bank.machineCheckControl[bankRegister >> 2] = value;
            } else {
                // Status, address and the like can only be cleared.
                allow(cpu, value, 0);
            }
        } else {
            throw cpu.protection();
        }
    }

    private static void moveTsc(Cpu cpu, long delta) {
        cpu.tscOffset += delta;
        cpu.msrs.tscAdjust += delta;
        PvClock.writeClock(cpu);
        cpu.budget = 0;
    }

    private static long allow(Cpu cpu, long value, long bits) {
        if ((value & ~bits) != 0) {
            throw cpu.protection();
        }
        return value;
    }

    private static long canonical(Cpu cpu, long value) {
        if (!Segmentation.isCanonical(value)) {
            throw cpu.protection();
        }
        return value;
    }

    /** Checks the type in the low byte: UC, WC, WT, WP or WB. */
    private static long memoryType(Cpu cpu, long value) {
        memoryTypes(cpu, value & 0xff, false);
        return value;
    }

    private static long memoryTypes(Cpu cpu, long value, boolean isPat) {
        if (!areMemoryTypes(value, isPat)) {
            throw cpu.protection();
        }
        return value;
    }

    /** Whether all eight bytes are memory types (SDM 3A table 12-2): UC, WC, WT, WP, WB; PAT also knows UC-. */
    static boolean areMemoryTypes(long value, boolean isPat) {
        for (int shift = 0; shift < 64; shift += 8) {
            final boolean known = switch ((int) (value >>> shift) & 0xff) {
                case 0, 1, 4, 5, 6 -> true;
                case 7 -> isPat;
                default -> false;
            };
            if (!known) {
                return false;
            }
        }
        return true;
    }
}
