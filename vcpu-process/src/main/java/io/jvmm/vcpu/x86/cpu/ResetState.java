package io.jvmm.vcpu.x86.cpu;

import java.util.Arrays;

/**
 * What the processor is like after RESET and INIT (SDM 3A table 10-1), and when a loader starts a kernel without
 * firmware.
 */
public final class ResetState {
    /** Flat code segment's selector, {@code __BOOT_CS} of the Linux x86 boot protocol. */
    private static final int CODE_SELECTOR = 0x10;
    /** Flat data segment's. */
    private static final int DATA_SELECTOR = 0x18;

    private static final int CODE_16 = 0x9b;
    private static final int DATA_16 = 0x93;
    private static final int CODE_32 = 0xc09b;
    private static final int CODE_64 = 0xa09b;
    private static final int DATA_32 = 0xc093;
    private static final int LDT = 0x82;
    private static final int TSS_BUSY = 0x8b;
    private static final long FLAT = 0xffff_ffffL;
    private static final long CR0_RESET = ControlRegisters.CR0_CD | ControlRegisters.CR0_NW | ControlRegisters.CR0_ET;
    /** MTRRs on, fixed ranges off, default type write-back. */
    private static final long MTRR_WRITE_BACK = 0x806;

    private ResetState() {}

    /** Power-up: rip fff0 in CS f000 with base ffff0000. */
    public static void reset(Cpu cpu) {
        cpu.cr0 = CR0_RESET;
        common(cpu);
        Arrays.fill(cpu.x87.significand, 0);
        Arrays.fill(cpu.x87.signExponent, 0);
        cpu.x87.controlWord = 0x40;
        cpu.x87.statusWord = 0;
        cpu.x87.top = 0;
        cpu.x87.tagWord = 0x5555;
        cpu.x87.opcode = 0;
        cpu.x87.instructionPointer = 0;
        cpu.x87.instructionSelector = 0;
        cpu.x87.dataPointer = 0;
        cpu.x87.dataSelector = 0;
        Arrays.fill(cpu.xmm, 0);
        cpu.mxcsr = 0x1f80;
        cpu.xcr0 = 1;
        cpu.star = 0;
        cpu.lstar = 0;
        cpu.cstar = 0;
        cpu.syscallMask = 0;
        cpu.kernelGsBase = 0;
        cpu.sysenterCs = 0;
        cpu.sysenterEsp = 0;
        cpu.sysenterEip = 0;
        cpu.pat = 0x0007_0406_0007_0406L;
        cpu.tscAux = 0;
        cpu.tscOffset = 0;
        cpu.msrs.reset();
    }

    /** INIT: as reset, but x87, SSE, the TSC, MSRs, CD and NW stay (table 10-1, column INIT). */
    public static void init(Cpu cpu) {
        cpu.cr0 = (cpu.cr0 & (ControlRegisters.CR0_CD | ControlRegisters.CR0_NW)) | ControlRegisters.CR0_ET;
        common(cpu);
    }

    private static void common(Cpu cpu) {
        Arrays.fill(cpu.r, 0);
        cpu.r[Cpu.RDX] = Cpuid.SIGNATURE;
        cpu.rip = 0xfff0;
        cpu.blockRip = 0xfff0;
        cpu.otherFlags = 2;
        cpu.setStatusFlags(0);
        cpu.cr2 = 0;
        cpu.cr3 = 0;
        cpu.cr4 = 0;
        cpu.efer = 0;
        for (int i = 0; i < Segment.LDTR; i++) {
            cpu.segments[i].set(0, 0, 0xffff, DATA_16);
        }
        cpu.segments[Segment.CS].set(0xf000, 0xffff_0000L, 0xffff, CODE_16);
        cpu.segments[Segment.LDTR].set(0, 0, 0xffff, LDT);
        cpu.segments[Segment.TR].set(0, 0, 0xffff, TSS_BUSY);
        cpu.gdtBase = 0;
        cpu.gdtLimit = 0xffff;
        cpu.idtBase = 0;
        cpu.idtLimit = 0xffff;
        Debugging.reset(cpu);
        cpu.halted = false;
        cpu.interruptShadow = false;
        cpu.nmiBlocked = false;
        cpu.shutdown = false;
        cpu.undelivered = -1;
        cpu.externalEvent = 0;
        cpu.budget = 0;
        modeChanged(cpu, 0);
    }

    /** SIPI after INIT: real mode at {@code vector}00:0000. */
    public static void startup(Cpu cpu, int vector) {
        final int page = vector & 0xff;
        cpu.segments[Segment.CS].set(page << 8, (long) page << 12, 0xffff, CODE_16);
        cpu.rip = 0;
        cpu.halted = false;
        ControlRegisters.updateMode(cpu);
    }

    /** What firmware leaves in the MSRs of every processor before it starts a kernel: memory is write-back. */
    public static void firmware(Cpu cpu) {
        cpu.msrs.mtrrDefaultType = MTRR_WRITE_BACK;
        cpu.cr0 &= ~(ControlRegisters.CR0_CD | ControlRegisters.CR0_NW);
    }

    /**
     * 64-bit mode with flat segments, code selector 0x10, data 0x18; paging through {@code cr3}. General registers are
     * zero.
     */
    public static void long64(Cpu cpu, long rip, long cr3, long gdtBase, int gdtLimit) {
        start(cpu, rip, gdtBase, gdtLimit);
        flat(cpu, CODE_64);
        cpu.cr0 = ControlRegisters.CR0_PG | ControlRegisters.CR0_PE | ControlRegisters.CR0_ET | ControlRegisters.CR0_NE;
        cpu.cr3 = cr3;
        cpu.cr4 = ControlRegisters.CR4_PAE;
        cpu.efer = ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA;
        modeChanged(cpu, 0);
    }

    /** 32-bit protected mode with flat segments, paging off. */
    public static void protected32(Cpu cpu, long rip, long gdtBase, int gdtLimit) {
        start(cpu, rip, gdtBase, gdtLimit);
        flat(cpu, CODE_32);
        cpu.cr0 = ControlRegisters.CR0_PE | ControlRegisters.CR0_ET | ControlRegisters.CR0_NE;
        modeChanged(cpu, 0);
    }

    /** Real mode: of the segments only CS differs from {@link #reset}. */
    public static void real16(Cpu cpu, int codeSelector, long codeBase, int offset) {
        reset(cpu);
        firmware(cpu);
        cpu.r[Cpu.RDX] = 0;
        cpu.segments[Segment.CS].set(codeSelector, codeBase, 0xffff, CODE_16);
        cpu.rip = offset;
        modeChanged(cpu, 0);
    }

    private static void start(Cpu cpu, long rip, long gdtBase, int gdtLimit) {
        reset(cpu);
        firmware(cpu);
        cpu.r[Cpu.RDX] = 0;
        cpu.rip = rip;
        cpu.gdtBase = gdtBase;
        cpu.gdtLimit = gdtLimit;
        cpu.idtLimit = 0;
    }

    private static void flat(Cpu cpu, int codeAccess) {
        for (int i = 0; i < Segment.LDTR; i++) {
            cpu.segments[i].set(DATA_SELECTOR, 0, FLAT, DATA_32);
        }
        cpu.segments[Segment.CS].set(CODE_SELECTOR, 0, FLAT, codeAccess);
    }

    private static void modeChanged(Cpu cpu, int cpl) {
        cpu.cpl = cpl;
        ControlRegisters.updatePaging(cpu);
        cpu.mmu.flushAll();
        ControlRegisters.updateMode(cpu);
    }
}
