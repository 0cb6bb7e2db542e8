package io.jvmm.vcpu.x86.cpu;

/**
 * Whether registers are a state that a processor of ours could have come to: what {@link CpuState#load} refuses
 * otherwise.
 */
final class CpuStateCheck {
    private static final int FLAGS = Flags.STATUS
            | 2
            | Flags.TF
            | Flags.IF
            | Flags.DF
            | Flags.IOPL
            | Flags.NT
            | Flags.RF
            | Flags.VM
            | Flags.AC
            | Flags.VIF
            | Flags.VIP
            | Flags.ID;
    private static final int ACCESS = 0xf0ff;
    private static final int PRESENT = 0x80;
    private static final int CODE_OR_DATA = 0x10;
    private static final int GRANULARITY = 0x8000;
    private static final long LARGEST_BYTE_LIMIT = 0xf_ffff;

    private CpuStateCheck() {}

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("not the state of a processor: " + what);
        }
    }

    /** Throws an IllegalArgumentException that names what is wrong. */
    static void check(Cpu cpu) {
        control(cpu);
        final int flags = cpu.flags();
        require((flags & ~FLAGS) == 0 && (flags & 2) != 0, "RFLAGS");
        segments(cpu);
        privilege(cpu);
        machineSpecific(cpu);
        require((cpu.gdtLimit | cpu.idtLimit) >>> 16 == 0, "limit of GDT or IDT");
        require((cpu.dr[6] & ~0xffff_efffL) == 0 && (cpu.dr[6] & 0xffff_0ff0L) == 0xffff_0ff0L, "DR6");
        require((cpu.dr[7] & ~0xffff_27ffL) == 0 && (cpu.dr[7] & 0x400) != 0, "DR7");
        require(cpu.mxcsr >>> 16 == 0, "MXCSR");
        require(cpu.x87.opcode >>> 11 == 0, "FOP");
        require(cpu.undelivered >= -1 && cpu.undelivered < 256, "undelivered vector");
        if (cpu.isLongMode() && cpu.segments[Segment.CS].isLong()) {
            canonical(cpu.rip, "RIP");
        } else {
            require(cpu.rip >>> 32 == 0, "RIP");
        }
    }

    private static void control(Cpu cpu) {
        final boolean paging = (cpu.cr0 & ControlRegisters.CR0_PG) != 0;
        require(
                (cpu.cr0 & ~ControlRegisters.CR0_BITS) == 0 && (cpu.cr0 & ControlRegisters.CR0_ET) != 0,
                "reserved bits of CR0");
        require(!paging || cpu.isProtected(), "CR0.PG without PE");
        require(
                (cpu.cr0 & (ControlRegisters.CR0_NW | ControlRegisters.CR0_CD)) != ControlRegisters.CR0_NW,
                "CR0.NW without CD");
        require((cpu.cr4 & ~ControlRegisters.CR4_BITS) == 0, "reserved bits of CR4");
        require((cpu.efer & ~ControlRegisters.EFER_BITS) == 0, "reserved bits of EFER");
        final boolean active = paging && (cpu.efer & ControlRegisters.EFER_LME) != 0;
        require(active == cpu.isLongMode(), "EFER.LMA");
        require(!active || (cpu.cr4 & ControlRegisters.CR4_PAE) != 0, "long mode without CR4.PAE");
        require((cpu.cr3 & ControlRegisters.ADDRESS_RESERVED) == 0, "CR3");
        require((cpu.xcr0 & 1) != 0 && (cpu.xcr0 & ~ControlRegisters.XCR0_BITS) == 0, "XCR0");
    }

    private static void segments(Cpu cpu) {
        for (int i = 0; i < cpu.segments.length; i++) {
            final Segment s = cpu.segments[i];
            require((s.access & ~ACCESS) == 0, "rights of segment " + i);
            final boolean large = s.limit > LARGEST_BYTE_LIMIT;
            require(!large || ((s.access & GRANULARITY) != 0 && (s.limit & 0xfff) == 0xfff), "limit of segment " + i);
            final boolean system = i >= Segment.LDTR;
            require((s.access & PRESENT) == 0 || system != ((s.access & CODE_OR_DATA) != 0), "type of segment " + i);
            if (system || i == Segment.FS || i == Segment.GS) {
                canonical(s.base, "base of segment " + i);
            } else {
                require(s.base >>> 32 == 0, "base of segment " + i);
            }
        }
        canonical(cpu.gdtBase, "base of the GDT");
        canonical(cpu.idtBase, "base of the IDT");
    }

    private static void privilege(Cpu cpu) {
        final Segment cs = cpu.segments[Segment.CS];
        if (!cpu.isProtected()) {
            require(cpu.cpl == 0 && !cpu.isVirtual86(), "CPL of real mode");
        } else if (cpu.isVirtual86()) {
            require(cpu.cpl == 3 && !cpu.isLongMode(), "virtual-8086 mode");
        } else {
            require(cs.isCode() && cs.isPresent(), "CS");
            // Behind the switch to protected mode CS still has its selector of real mode.
            require(cpu.cpl <= 3 && (cpu.cpl == (cs.selector & 3) || cpu.cpl == 0), "CPL");
            require(!cpu.isLongMode() || !cs.isLong() || !cs.isBig(), "CS.L with CS.D");
        }
    }

    private static void machineSpecific(Cpu cpu) {
        canonical(cpu.lstar, "LSTAR");
        canonical(cpu.cstar, "CSTAR");
        canonical(cpu.kernelGsBase, "KERNEL_GS_BASE");
        canonical(cpu.sysenterEsp, "SYSENTER_ESP");
        canonical(cpu.sysenterEip, "SYSENTER_EIP");
        require((cpu.syscallMask | cpu.sysenterCs | cpu.tscAux) >>> 32 == 0, "an MSR of 32 bits");
        require(Msrs.areMemoryTypes(cpu.pat, true), "PAT");
        require(Msrs.areMemoryTypes(cpu.msrs.mtrrDefaultType & 0xff, false), "MTRR_DEF_TYPE");
        for (int i = 0; i < MsrBank.VARIABLE_RANGES; i++) {
            require(Msrs.areMemoryTypes(cpu.msrs.mtrrBase[i] & 0xff, false), "MTRR base");
        }
        for (final long range : cpu.msrs.mtrrFixed) {
            require(Msrs.areMemoryTypes(range, false), "fixed MTRR");
        }
    }

    private static void canonical(long address, String what) {
        require(Segmentation.isCanonical(address), what + " is not canonical");
    }
}
