package io.jvmm.vcpu.x86.oracle;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.interp.StepFactory;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The software CPU's side of a differential test: runs one instruction, or a few in a row, as steps of the given factories, on a processor
 * at CPL 3 whose RAM is its own copy of {@link NativeCpu#scratch()} at the same addresses.
 */
public final class InterpretedCpu {
    private static final int MOST_INSTRUCTIONS = 8;
    private static final long TABLES_AT = 0x1000;
    private static final int TABLES_BYTES = 5 * PhysicalMemory.PAGE_BYTES;

    /** The processor; its mode is set by {@link #set64} and {@link #set32}. */
    public final Cpu cpu;

    private final MemorySegment ram;
    private final StepFactory[] factories;
    private final Step[] slot = new Step[1];

    /** A processor in 64-bit mode, without devices, over a copy of the twin's scratch. */
    public InterpretedCpu(NativeCpu twin, StepFactory... factories) {
        this(
                twin.scratch().address(),
                Arena.global().allocate(NativeCpu.SCRATCH_BYTES, PhysicalMemory.PAGE_BYTES),
                new Nowhere(),
                factories);
    }

    /** A processor in 64-bit mode, with {@link NativeCpu#SCRATCH_BYTES} of RAM at an address below 2 GiB. */
    public InterpretedCpu(long scratchAddress, MemorySegment ram, DeviceSpace devices, StepFactory... factories) {
        this.factories = factories.clone();
        this.ram = ram;
        final PhysicalMemory memory = new PhysicalMemory();
        memory.map(0, scratchAddress, NativeCpu.SCRATCH_BYTES, ram, false);
        final GuestException exception = new GuestException();
        final Mmu mmu = new Mmu(memory, devices, exception, (address, length) -> {});
        this.cpu = new Cpu(0, mmu, devices, new NoInterrupts(), () -> 0, exception);
        memory.map(1, TABLES_AT, TABLES_BYTES, tables(scratchAddress), false);
        mmu.setPrivilege(true, false);
        mmu.setPaging(0x8001_0011L, TABLES_AT, 0x20, 0x500);
        mmu.flushAll();
        set64();
    }

    /**
     * Tables that map the scratch, and nothing else, at its own address, for everybody: PML4, a page-directory-pointer table, a directory
     * and two page tables.
     */
    private static MemorySegment tables(long scratch) {
        final MemorySegment tables = Arena.global().allocate(TABLES_BYTES, PhysicalMemory.PAGE_BYTES);
        final long page = PhysicalMemory.PAGE_BYTES;
        tables.set(ValueLayout.JAVA_LONG, 0, TABLES_AT + page | 0x7);
        tables.set(ValueLayout.JAVA_LONG, page + 8 * (scratch >>> 30), TABLES_AT + 2 * page | 0x7);
        final long firstTable = scratch >>> 21 & 511;
        for (long at = scratch; at < scratch + NativeCpu.SCRATCH_BYTES; at += page) {
            final long directoryIndex = at >>> 21 & 511;
            final int table = directoryIndex == firstTable ? 3 : 4;
            tables.set(ValueLayout.JAVA_LONG, 2 * page + 8 * directoryIndex, TABLES_AT + table * page | 0x7);
            tables.set(ValueLayout.JAVA_LONG, table * page + 8 * (at >>> 12 & 511), at | 0x67);
        }
        return tables;
    }

    /** 64-bit mode. */
    public void set64() {
        cpu.cr0 = 0x31;
        cpu.efer = 0x500;
        cpu.codeBytes = 8;
        cpu.modeKey = ModeKey.CODE_64;
        segments(0xa0fb);
    }

    /** 32-bit protected mode, flat, in long mode. */
    public void set32() {
        cpu.cr0 = 0x31;
        cpu.efer = 0x500;
        cpu.codeBytes = 4;
        cpu.modeKey = ModeKey.CODE_32 | ModeKey.STACK_32;
        segments(0xc0fb);
    }

    private void segments(int code) {
        cpu.cpl = 3;
        for (int i = 0; i < Segment.LDTR; i++) {
            cpu.segments[i].set(i == Segment.CS ? 0x33 : 0x2b, 0, 0xffff_ffffL, i == Segment.CS ? code : 0xc0f3);
        }
        cpu.segments[Segment.LDTR].set(0, 0, 0, 0);
    }

    /** This processor's memory. */
    public MemorySegment scratch() {
        return ram;
    }

    /** The steps of a run of instructions; null when one is unknown to decoder or factories. */
    public Step[] build(byte[] code, int length) {
        final Insn[] insns = new Insn[MOST_INSTRUCTIONS];
        int count = 0;
        int at = 0;
        while (at < length) {
            final Insn insn = new Insn();
            if (!Decoder.decode(code, at, length, cpu.codeBytes, insn)) {
                throw new IllegalArgumentException("instruction is not complete");
            }
            insn.offset = at;
            insns[count++] = insn;
            at = insn.op == Op.INVALID ? length : at + insn.length;
        }
        final Insn[] all = java.util.Arrays.copyOf(insns, count);
        final Step[] steps = new Step[count];
        int used = 0;
        for (int i = 0; i < count; ) {
            int covered = 0;
            for (int f = 0; f < factories.length && covered == 0; f++) {
                covered = factories[f].build(all, i, cpu.modeKey, slot);
            }
            steps[used++] = covered == 0 ? Undefined.STEP : slot[0];
            i += Math.max(covered, 1);
        }
        return java.util.Arrays.copyOf(steps, used);
    }

    /** Runs steps from the given state; an exception ends the run. FX state is not touched. */
    public void run(Step[] steps, int length, long rip, NativeState state) {
        System.arraycopy(state.r, 0, cpu.r, 0, 16);
        cpu.setFlags((int) state.flags, -1);
        cpu.blockRip = rip;
        cpu.rip = rip + length;
        state.vector = -1;
        try {
            do {
                final long before = cpu.rip;
                for (final Step step : steps) {
                    step.run(cpu);
                }
                if (cpu.rip == before) {
                    break;
                }
            } while (cpu.rip == rip);
        } catch (GuestException e) {
            state.vector = e.vector();
            state.errorCode = Math.max(e.errorCode(), 0);
            state.faultAddress = cpu.mmu.faultAddress();
        }
        System.arraycopy(cpu.r, 0, state.r, 0, 16);
        state.flags = cpu.flags();
    }

    private static final class Undefined extends Step {
        static final Step STEP = new Undefined();

        @Override
        public void run(Cpu cpu) {
            throw cpu.undefined();
        }
    }

    /** No device anywhere: reads give all ones. */
    private static final class Nowhere implements DeviceSpace {
        @Override
        public long readMemory(long guestPhysicalAddress, int widthBytes) {
            return -1;
        }

        @Override
        public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
            // Nobody is there.
        }

        @Override
        public int in(int port, int widthBytes) {
            return -1;
        }

        @Override
        public void out(int port, int widthBytes, int value) {
            // Nobody is there.
        }
    }

    private static final class NoInterrupts implements InterruptUnit {
        @Override
        public boolean isInterruptPending() {
            return false;
        }

        @Override
        public int acknowledge() {
            return -1;
        }

        @Override
        public boolean takeNmi() {
            return false;
        }

        @Override
        public int taskPriority() {
            return 0;
        }

        @Override
        public void setTaskPriority(int priority) {
            // Nothing to hold back.
        }

        @Override
        public long readMsr(int number) {
            return 0;
        }

        @Override
        public void writeMsr(int number, long value) {
            // There is none.
        }

        @Override
        public long nextDeadlineNs() {
            return Long.MAX_VALUE;
        }

        @Override
        public void tick(long nowNs) {
            // No timers.
        }
    }
}
