package io.jvmm.vcpu.x86.cpu;

/** Control registers and what follows from changing them: mode, paging, TLB flushes (SDM 3A 2.5, 4.10.4, 10.8.5). */
public final class ControlRegisters {
    public static final long CR0_PE = 1;
    public static final long CR0_MP = 1 << 1;
    public static final long CR0_EM = 1 << 2;
    public static final long CR0_TS = 1 << 3;
    public static final long CR0_ET = 1 << 4;
    public static final long CR0_NE = 1 << 5;
    public static final long CR0_WP = 1 << 16;
    public static final long CR0_AM = 1 << 18;
    public static final long CR0_NW = 1 << 29;
    public static final long CR0_CD = 1 << 30;
    public static final long CR0_PG = 1L << 31;

    public static final long CR4_TSD = 1 << 2;
    public static final long CR4_DE = 1 << 3;
    public static final long CR4_PSE = 1 << 4;
    public static final long CR4_PAE = 1 << 5;
    public static final long CR4_MCE = 1 << 6;
    public static final long CR4_PGE = 1 << 7;
    public static final long CR4_PCE = 1 << 8;
    public static final long CR4_OSFXSR = 1 << 9;
    public static final long CR4_OSXMMEXCPT = 1 << 10;
    public static final long CR4_UMIP = 1 << 11;
    public static final long CR4_FSGSBASE = 1 << 16;
    public static final long CR4_OSXSAVE = 1 << 18;
    public static final long CR4_SMEP = 1 << 20;
    public static final long CR4_SMAP = 1 << 21;

    public static final long EFER_SCE = 1;
    public static final long EFER_LME = 1 << 8;
    public static final long EFER_LMA = 1 << 10;
    public static final long EFER_NXE = 1 << 11;

    /** Bits of CR0 that exist; others in the low half are ignored. */
    static final long CR0_BITS =
            CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
    /** Bits of CR4 that CPUID offers; others are reserved. */
    static final long CR4_BITS = CR4_TSD
            | CR4_DE
            | CR4_PSE
            | CR4_PAE
            | CR4_MCE
            | CR4_PGE
            | CR4_PCE
            | CR4_OSFXSR
            | CR4_OSXMMEXCPT
            | CR4_UMIP
            | CR4_FSGSBASE
            | CR4_OSXSAVE
            | CR4_SMEP
            | CR4_SMAP;

    static final long EFER_BITS = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    /** XCR0: x87 (always on) and SSE. */
    static final long XCR0_BITS = 3;

    private static final long TRANSLATION_CR0 = CR0_PG | CR0_PE | CR0_WP;
    private static final long TRANSLATION_CR4 = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP;
    static final long ADDRESS_RESERVED = -1L << Cpuid.PHYSICAL_BITS;

    private ControlRegisters() {}

    /**
     * Recomputes {@link Cpu#codeBytes} and {@link Cpu#modeKey} from CS, SS, DS, ES and EFER, and tells the Mmu the
     * privilege. To be called when any of these or {@link Cpu#cpl} has changed.
     */
    public static void updateMode(Cpu cpu) {
        final Segment[] s = cpu.segments;
        final Segment cs = s[Segment.CS];
        int key;
        if (cs.isLong() && cpu.isLongMode()) {
            key = ModeKey.CODE_64;
        } else {
            key = cs.isBig() ? ModeKey.CODE_32 : ModeKey.CODE_16;
            if (s[Segment.SS].isBig()) {
                key |= ModeKey.STACK_32;
            }
            if (!Segmentation.isFlat(cs)
                    || !Segmentation.isFlat(s[Segment.SS])
                    || !Segmentation.isFlat(s[Segment.DS])
                    || !Segmentation.isFlat(s[Segment.ES])) {
                key |= ModeKey.CHECKED;
            }
        }
        cpu.codeBytes = ModeKey.codeBytes(key);
        cpu.modeKey = key;
        updatePrivilege(cpu);
    }

    /** Tells the Mmu of {@link Cpu#cpl} and RFLAGS.AC. */
    static void updatePrivilege(Cpu cpu) {
        cpu.mmu.setPrivilege(cpu.cpl == 3, (cpu.otherFlags & Flags.AC) != 0);
    }

    /** Tells the Mmu of CR0, CR3, CR4 and EFER, and of the privilege. */
    static void updatePaging(Cpu cpu) {
        cpu.mmu.setPaging(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer);
        updatePrivilege(cpu);
    }

    /** MOV from CR0, 2, 3, 4, 8; #UD for others. */
    public static long read(Cpu cpu, int number) {
        return switch (number) {
            case 0 -> cpu.cr0;
            case 2 -> cpu.cr2;
            case 3 -> cpu.cr3;
            case 4 -> cpu.cr4;
            case 8 -> cpu.interrupts.taskPriority();
            default -> throw cpu.undefined();
        };
    }

    /** MOV to CRn with every check and consequence; #GP(0), #UD. */
    public static void write(Cpu cpu, int number, long value) {
        switch (number) {
            case 0 -> writeCr0(cpu, value);
            case 2 -> cpu.cr2 = value;
            case 3 -> writeCr3(cpu, value);
            case 4 -> writeCr4(cpu, value);
            case 8 -> writeCr8(cpu, value);
            default -> throw cpu.undefined();
        }
    }

    private static void writeCr0(Cpu cpu, long value) {
        if (value >>> 32 != 0 || (value & (CR0_PG | CR0_PE)) == CR0_PG || (value & (CR0_NW | CR0_CD)) == CR0_NW) {
            throw cpu.protection();
        }
        final long before = cpu.cr0;
        final long after = (value & CR0_BITS) | CR0_ET;
        final long changed = before ^ after;
        if ((changed & after & CR0_PG) != 0 && (cpu.efer & EFER_LME) == 0) {
            checkPointers(cpu, cpu.cr3, cpu.cr4);
        }
        if ((changed & CR0_PG) != 0) {
            switchLongMode(cpu, (after & CR0_PG) != 0);
        }
        cpu.cr0 = after;
        if ((changed & TRANSLATION_CR0) != 0) {
            updatePaging(cpu);
            cpu.mmu.flushAll();
            updateMode(cpu);
        } else if ((changed & CR0_AM) != 0) {
            updatePaging(cpu);
        }
    }

    /** SDM 3A 10.8.5: setting PG with LME set activates long mode, clearing it leaves it. */
    private static void switchLongMode(Cpu cpu, boolean paging) {
        final boolean longCode = cpu.segments[Segment.CS].isLong();
        if (paging && (cpu.efer & EFER_LME) != 0) {
            final boolean task16 = (cpu.segments[Segment.TR].access & 0x1d) == Descriptors.TSS_16;
            if ((cpu.cr4 & CR4_PAE) == 0 || longCode || task16) {
                throw cpu.protection();
            }
            cpu.efer |= EFER_LMA;
        } else if (!paging && cpu.isLongMode()) {
            if (longCode) {
                throw cpu.protection();
            }
            cpu.efer &= ~EFER_LMA;
        }
    }

    /**
     * PAE paging of legacy mode: the four page-directory pointers have no reserved bit set, else #GP(0) (SDM 3A 4.4.1).
     */
    private static void checkPointers(Cpu cpu, long cr3, long cr4) {
        if ((cr4 & CR4_PAE) != 0 && !cpu.mmu.pointersAreValid(cr3)) {
            throw cpu.protection();
        }
    }

    private static void writeCr3(Cpu cpu, long value) {
        if (cpu.isLongMode() && (value & ADDRESS_RESERVED) != 0) {
            throw cpu.protection();
        }
        if (!cpu.isLongMode() && (cpu.cr0 & CR0_PG) != 0) {
            checkPointers(cpu, value, cpu.cr4);
        }
        cpu.cr3 = value;
        updatePaging(cpu);
        cpu.mmu.flushNonGlobal();
    }

    private static void writeCr4(Cpu cpu, long value) {
        if ((value & ~CR4_BITS) != 0 || ((value & CR4_PAE) == 0 && cpu.isLongMode())) {
            throw cpu.protection();
        }
        final long changed = cpu.cr4 ^ value;
        if ((changed & TRANSLATION_CR4) != 0 && !cpu.isLongMode() && (cpu.cr0 & CR0_PG) != 0) {
            checkPointers(cpu, cpu.cr3, value);
        }
        cpu.cr4 = value;
        if ((changed & TRANSLATION_CR4) != 0) {
            updatePaging(cpu);
            cpu.mmu.flushAll();
        }
    }

    private static void writeCr8(Cpu cpu, long value) {
        if (value >>> 4 != 0) {
            throw cpu.protection();
        }
        cpu.interrupts.setTaskPriority((int) value);
        cpu.budget = 0;
    }

    /** LMSW: bits 0..3 of CR0, of which PE cannot be cleared (SDM 2). */
    public static void loadStatusWord(Cpu cpu, int value) {
        writeCr0(cpu, (cpu.cr0 & ~0xeL) | (value & 0xf));
    }

    /** EFER, with the rules of SDM 3A 10.8.5 and APM 2 3.1.7. LMA is the processor's own. */
    static void writeEfer(Cpu cpu, long value) {
        final long changed = cpu.efer ^ value;
        if ((value & ~EFER_BITS) != 0 || ((changed & EFER_LME) != 0 && (cpu.cr0 & CR0_PG) != 0)) {
            throw cpu.protection();
        }
        cpu.efer = (value & ~EFER_LMA) | (cpu.efer & EFER_LMA);
        if ((changed & EFER_NXE) != 0) {
            updatePaging(cpu);
            cpu.mmu.flushAll();
        }
    }

    /** XGETBV: XCR0. Needs CR4.OSXSAVE, else #UD. */
    public static long readXcr(Cpu cpu, int number) {
        if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
            throw cpu.undefined();
        }
        if (number != 0) {
            throw cpu.protection();
        }
        return cpu.xcr0;
    }

    /** XSETBV, without the privilege check. */
    public static void writeXcr(Cpu cpu, int number, long value) {
        if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
            throw cpu.undefined();
        }
        if (number != 0 || (value & 1) == 0 || (value & ~XCR0_BITS) != 0) {
            throw cpu.protection();
        }
        cpu.xcr0 = value;
    }
}
