package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.fpu.X87;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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

    private final MemorySegment bytes;
    private final boolean loads;
    private long at;

    private CpuState(MemorySegment bytes, boolean loads) {
        this.bytes = bytes;
        this.loads = loads;
    }

    /** Writes {@link #BYTES} bytes to the start of {@code into}. The vCPU's thread. */
    public static void save(Cpu cpu, MemorySegment into) {
        new CpuState(into, false).transfer(cpu);
    }

    /**
     * Takes the state over. The vCPU's thread, or any while none runs.
     *
     * @throws IllegalArgumentException when this is no state of a processor; it says what is wrong
     */
    public static void load(Cpu cpu, MemorySegment from) {
        // Copied first: who wrote it may still write.
        final MemorySegment copy = MemorySegment.ofArray(from.asSlice(0, BYTES).toArray(ValueLayout.JAVA_BYTE));
        final MemorySegment backup = MemorySegment.ofArray(new byte[BYTES]);
        save(cpu, backup);
        try {
            new CpuState(copy, true).transfer(cpu);
            CpuStateCheck.check(cpu);
        } catch (IllegalArgumentException e) {
            new CpuState(backup, true).transfer(cpu);
            refresh(cpu);
            throw e;
        }
        refresh(cpu);
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
    private void transfer(Cpu cpu) {
        u64s(cpu.r, 16);
        cpu.rip = u64(cpu.rip);
        final int flags = (int) u64(cpu.flags() & 0xffff_ffffL, 0xffff_ffffL, "rflags");
        if (loads) {
            cpu.setStatusFlags(flags);
            cpu.otherFlags = flags & ~Flags.STATUS;
        }
        for (final Segment s : cpu.segments) {
            s.base = u64(s.base);
            s.limit = u32((int) s.limit) & 0xffff_ffffL;
            s.selector = u16(s.selector);
            s.access = u16(s.access);
        }
        cpu.gdtBase = u64(cpu.gdtBase);
        cpu.idtBase = u64(cpu.idtBase);
        cpu.gdtLimit = u32(cpu.gdtLimit);
        cpu.idtLimit = u32(cpu.idtLimit);
        control(cpu);
        machineSpecific(cpu);
        u64s(cpu.xmm, 32);
        cpu.mxcsr = u32(cpu.mxcsr);
        x87(cpu.x87);
        cpu.cpl = u8(cpu.cpl);
        cpu.halted = flag(cpu.halted);
        cpu.interruptShadow = flag(cpu.interruptShadow);
        cpu.debugShadow = flag(cpu.debugShadow);
        cpu.nmiBlocked = flag(cpu.nmiBlocked);
        cpu.shutdown = flag(cpu.shutdown);
        zero(u16(0));
        cpu.undelivered = u32(cpu.undelivered);
        zero(u32(0));
        cpu.retired = u64(cpu.retired);
    }

    private void control(Cpu cpu) {
        cpu.cr0 = u64(cpu.cr0);
        cpu.cr2 = u64(cpu.cr2);
        cpu.cr3 = u64(cpu.cr3);
        cpu.cr4 = u64(cpu.cr4);
        cpu.efer = u64(cpu.efer);
        cpu.xcr0 = u64(cpu.xcr0);
        for (int i = 0; i < 8; i++) {
            if (i != 4 && i != 5) {
                cpu.dr[i] = u64(cpu.dr[i]);
            }
        }
    }

    private void machineSpecific(Cpu cpu) {
        cpu.star = u64(cpu.star);
        cpu.lstar = u64(cpu.lstar);
        cpu.cstar = u64(cpu.cstar);
        cpu.syscallMask = u64(cpu.syscallMask);
        cpu.kernelGsBase = u64(cpu.kernelGsBase);
        cpu.sysenterCs = u64(cpu.sysenterCs);
        cpu.sysenterEsp = u64(cpu.sysenterEsp);
        cpu.sysenterEip = u64(cpu.sysenterEip);
        cpu.pat = u64(cpu.pat);
        cpu.tscAux = u64(cpu.tscAux);
        cpu.tscOffset = u64(cpu.tscOffset);
        final MsrBank bank = cpu.msrs;
        bank.tscAdjust = u64(bank.tscAdjust);
        bank.miscEnable = u64(bank.miscEnable);
        bank.mtrrDefaultType = u64(bank.mtrrDefaultType);
        bank.speculationControl = u64(bank.speculationControl);
        bank.pvClock = u64(bank.pvClock);
        bank.pvWallClock = u64(bank.pvWallClock);
        bank.machineCheckStatus = u64(bank.machineCheckStatus);
        u64s(bank.mtrrBase, bank.mtrrBase.length);
        u64s(bank.mtrrMask, bank.mtrrMask.length);
        u64s(bank.mtrrFixed, bank.mtrrFixed.length);
        u64s(bank.machineCheckControl, bank.machineCheckControl.length);
    }

    private void x87(X87 x87) {
        x87.controlWord = u16(x87.controlWord);
        final int status = u16((x87.statusWord & ~TOP_MASK) | x87.top << TOP_SHIFT);
        x87.statusWord = status & ~TOP_MASK;
        x87.top = (status & TOP_MASK) >> TOP_SHIFT;
        x87.tagWord = u16(x87.tagWord);
        x87.opcode = u16(x87.opcode);
        x87.instructionSelector = u16(x87.instructionSelector);
        x87.dataSelector = u16(x87.dataSelector);
        x87.instructionPointer = u64(x87.instructionPointer);
        x87.dataPointer = u64(x87.dataPointer);
        u64s(x87.significand, 8);
        for (int i = 0; i < 8; i++) {
            x87.signExponent[i] = u16(x87.signExponent[i]);
        }
    }

    private void u64s(long[] values, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = u64(values[i]);
        }
    }

    private long u64(long value) {
        final long where = at;
        at += 8;
        if (loads) {
            return bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, where);
        }
        bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, where, value);
        return value;
    }

    private long u64(long value, long most, String name) {
        final long result = u64(value);
        CpuStateCheck.require((result & ~most) == 0, name);
        return result;
    }

    private int u32(int value) {
        final long where = at;
        at += 4;
        if (loads) {
            return bytes.get(ValueLayout.JAVA_INT_UNALIGNED, where);
        }
        bytes.set(ValueLayout.JAVA_INT_UNALIGNED, where, value);
        return value;
    }

    private int u16(int value) {
        final long where = at;
        at += 2;
        if (loads) {
            return bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, where) & 0xffff;
        }
        bytes.set(ValueLayout.JAVA_SHORT_UNALIGNED, where, (short) value);
        return value;
    }

    private int u8(int value) {
        final long where = at;
        at++;
        if (loads) {
            return bytes.get(ValueLayout.JAVA_BYTE, where) & 0xff;
        }
        bytes.set(ValueLayout.JAVA_BYTE, where, (byte) value);
        return value;
    }

    private boolean flag(boolean value) {
        final int result = u8(value ? 1 : 0);
        CpuStateCheck.require(result <= 1, "a flag that is neither 0 nor 1");
        return result == 1;
    }

    private static void zero(int value) {
        CpuStateCheck.require(value == 0, "padding");
    }
}
