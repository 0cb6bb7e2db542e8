package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.state.StateCursor;
import io.jvmm.vcpu.x86.fpu.X87;
import java.lang.foreign.MemorySegment;

/**
 * Saves the architectural state of a vCPU at an instruction boundary as {@link CpuStateLayout} says, and puts a saved
 * one back. A state that is loaded is hostile: what no processor could be in is refused ({@link CpuStateCheck}), and
 * nothing has changed then. Allocates.
 */
public final class CpuState {
    /** Bytes of a saved state. */
    public static final int BYTES = Math.toIntExact(CpuStateLayout.STATE_V1.byteSize());

    private static final int TOP_SHIFT = 11;
    private static final int TOP_MASK = 7 << TOP_SHIFT;

    private CpuState() {}

    /** Writes {@link #BYTES} bytes to the start of {@code into}. The vCPU's thread, or any while none runs. */
    public static void save(Cpu cpu, MemorySegment into) {
        transfer(cpu, StateCursor.saving(into));
    }

    /**
     * Takes the state over. The vCPU's thread, or any while none runs.
     *
     * @throws IllegalArgumentException when this is no state of a processor; it says what is wrong
     */
    public static void load(Cpu cpu, MemorySegment from) {
        final MemorySegment backup = MemorySegment.ofArray(new byte[BYTES]);
        save(cpu, backup);
        try {
            transfer(cpu, StateCursor.loading(from.asSlice(0, BYTES)));
        } catch (IllegalArgumentException e) {
            transfer(cpu, StateCursor.loading(backup));
            throw e;
        }
    }

    /**
     * Saves or loads as part of a larger state. After an exception the processor is in no state at all: the caller loads another.
     *
     * @throws IllegalArgumentException when what is loaded is no state of a processor
     */
    public static void transfer(Cpu cpu, StateCursor state) {
        fields(cpu, state);
        if (state.loads()) {
            CpuStateCheck.check(cpu);
            refresh(cpu);
        }
    }

    /** What follows from registers. */
    private static void refresh(Cpu cpu) {
        cpu.blockRip = cpu.rip;
        cpu.budget = 0;
        cpu.stepFlags = 0;
        cpu.watchHits = 0;
        cpu.externalEvent = 0;
        ControlRegisters.updatePaging(cpu);
        cpu.mmu.flushAll();
        ControlRegisters.updateMode(cpu);
        Debugging.rearm(cpu);
    }

    /** Every field once, in the order of the layout: to memory or from it. */
    private static void fields(Cpu cpu, StateCursor state) {
        state.u64s(cpu.r, 16);
        cpu.rip = state.u64(cpu.rip);
        final int flags = (int) state.u64(cpu.flags() & 0xffff_ffffL, 0xffff_ffffL, "rflags");
        if (state.loads()) {
            cpu.setStatusFlags(flags);
            cpu.otherFlags = flags & ~Flags.STATUS;
        }
        for (final Segment s : cpu.segments) {
            s.base = state.u64(s.base);
            s.limit = state.u32((int) s.limit) & 0xffff_ffffL;
            s.selector = state.u16(s.selector);
            s.access = state.u16(s.access);
        }
        cpu.gdtBase = state.u64(cpu.gdtBase);
        cpu.idtBase = state.u64(cpu.idtBase);
        cpu.gdtLimit = state.u32(cpu.gdtLimit);
        cpu.idtLimit = state.u32(cpu.idtLimit);
        control(cpu, state);
        machineSpecific(cpu, state);
        state.u64s(cpu.xmm, 32);
        cpu.mxcsr = state.u32(cpu.mxcsr);
        x87(cpu.x87, state);
        cpu.cpl = state.u8(cpu.cpl);
        cpu.halted = state.flag(cpu.halted);
        cpu.interruptShadow = state.flag(cpu.interruptShadow);
        cpu.debugShadow = state.flag(cpu.debugShadow);
        cpu.nmiBlocked = state.flag(cpu.nmiBlocked);
        cpu.shutdown = state.flag(cpu.shutdown);
        state.zero(2);
        cpu.undelivered = state.u32(cpu.undelivered);
        state.zero(4);
        cpu.retired = state.u64(cpu.retired);
    }

    private static void control(Cpu cpu, StateCursor state) {
        cpu.cr0 = state.u64(cpu.cr0);
        cpu.cr2 = state.u64(cpu.cr2);
        cpu.cr3 = state.u64(cpu.cr3);
        cpu.cr4 = state.u64(cpu.cr4);
        cpu.efer = state.u64(cpu.efer);
        cpu.xcr0 = state.u64(cpu.xcr0);
        for (int i = 0; i < 8; i++) {
            if (i != 4 && i != 5) {
                cpu.dr[i] = state.u64(cpu.dr[i]);
            }
        }
    }

    private static void machineSpecific(Cpu cpu, StateCursor state) {
        cpu.star = state.u64(cpu.star);
        cpu.lstar = state.u64(cpu.lstar);
        cpu.cstar = state.u64(cpu.cstar);
        cpu.syscallMask = state.u64(cpu.syscallMask);
        cpu.kernelGsBase = state.u64(cpu.kernelGsBase);
        cpu.sysenterCs = state.u64(cpu.sysenterCs);
        cpu.sysenterEsp = state.u64(cpu.sysenterEsp);
        cpu.sysenterEip = state.u64(cpu.sysenterEip);
        cpu.pat = state.u64(cpu.pat);
        cpu.tscAux = state.u64(cpu.tscAux);
        cpu.tscOffset = state.u64(cpu.tscOffset);
        final MsrBank bank = cpu.msrs;
        bank.tscAdjust = state.u64(bank.tscAdjust);
        bank.miscEnable = state.u64(bank.miscEnable);
        bank.mtrrDefaultType = state.u64(bank.mtrrDefaultType);
        bank.speculationControl = state.u64(bank.speculationControl);
        bank.pvClock = state.u64(bank.pvClock);
        bank.pvWallClock = state.u64(bank.pvWallClock);
        bank.machineCheckStatus = state.u64(bank.machineCheckStatus);
        state.u64s(bank.mtrrBase, bank.mtrrBase.length);
        state.u64s(bank.mtrrMask, bank.mtrrMask.length);
        state.u64s(bank.mtrrFixed, bank.mtrrFixed.length);
        state.u64s(bank.machineCheckControl, bank.machineCheckControl.length);
    }

    private static void x87(X87 x87, StateCursor state) {
        x87.controlWord = state.u16(x87.controlWord);
        final int status = state.u16((x87.statusWord & ~TOP_MASK) | x87.top << TOP_SHIFT);
        x87.statusWord = status & ~TOP_MASK;
        x87.top = (status & TOP_MASK) >> TOP_SHIFT;
        x87.tagWord = state.u16(x87.tagWord);
        x87.opcode = state.u16(x87.opcode);
        x87.instructionSelector = state.u16(x87.instructionSelector);
        x87.dataSelector = state.u16(x87.dataSelector);
        x87.instructionPointer = state.u64(x87.instructionPointer);
        x87.dataPointer = state.u64(x87.dataPointer);
        state.u64s(x87.significand, 8);
        for (int i = 0; i < 8; i++) {
            x87.signExponent[i] = state.u16(x87.signExponent[i]);
        }
    }
}
