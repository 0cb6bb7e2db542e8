package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.x86.apic.ApicBus;
import io.jvmm.vcpu.x86.apic.Chipset;
import io.jvmm.vcpu.x86.apic.LocalApic;
import io.jvmm.vcpu.x86.apic.VcpuInterrupts;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Cpuid;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.IntelText;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One of the two machines of {@link X86LockStep}: the parts of an {@link X86Engine} with one vCPU, but nothing happens on its own. Time
 * stands still until {@link #advanceTime}, and a device's interrupt arrives with the answer to the access that caused it.
 */
final class LockStepMachine {
    private static final int SERIAL_GSI = 4;
    private static final int CODE_BYTES = 96 << 20;
    /** More than a block and what is delivered between two blocks. */
    private static final int MOST_OVERSHOOT = 80;

    /** Time that stands still. */
    private static final class Time implements MachineTime {
        private long nowNs;

        @Override
        public long nowNs() {
            return nowNs;
        }

        @Override
        public void continueFrom(long newNowNs) {
            nowNs = newNowNs;
        }

        @Override
        public long wallClockNs() {
            return 1_790_000_000_000_000_000L + nowNs;
        }
    }

    final Cpu cpu;
    final X86Vcpu vcpu;
    final Executor executor;
    final VcpuInterrupts interrupts;
    final DeviceBus devices;
    final StubBoard board;
    final PhysicalMemory memory = new PhysicalMemory();
    private final Time time;
    private final Chipset chipset;
    private final MachineParts parts;
    private final EventFd serial;
    private final int threshold;
    private final Consumer<PhysicalMemory> mapper;
    /** What predecessors used of what this machine's executor has not counted. */
    private long usedBefore;

    /**
     * A machine whose serial port writes to {@code console}, with the memory that {@code mapper} maps; it interprets when there is no
     * {@code translation}.
     */
    LockStepMachine(
            @Nullable ImmediateTranslation translation,
            int threshold,
            OutputStream console,
            Consumer<PhysicalMemory> mapper) {
        this(translation, threshold, console, mapper, null);
    }

    /** {@code predecessor}: whose board this machine has. */
    private LockStepMachine(
            @Nullable ImmediateTranslation translation,
            int threshold,
            OutputStream console,
            Consumer<PhysicalMemory> mapper,
            @Nullable LockStepMachine predecessor) {
        this.threshold = threshold;
        this.mapper = mapper;
        this.serial = predecessor == null ? EventFd.create() : predecessor.serial;
        this.time = predecessor == null ? new Time() : predecessor.time;
        mapper.accept(memory);
        final CodeCache code = new CodeCache(
                memory,
                X86Engine.factories(),
                translation == null ? TranslationQueue.NONE : translation,
                threshold,
                CODE_BYTES);
        if (translation != null) {
            translation.attach(code);
        }
        final ApicBus bus = new ApicBus(1);
        chipset = new Chipset(bus, _ -> {});
        final GuestException exception = new GuestException();
        final LocalApic apic = new LocalApic(0, bus, this::wake);
        interrupts = new VcpuInterrupts(apic, chipset, time, exception);
        devices = new DeviceBus(interrupts, chipset, new Doorbells(), time, this::wake);
        final Mmu mmu = new Mmu(memory, devices, exception, code);
        cpu = new Cpu(0, mmu, devices, interrupts, time, exception);
        cpu.cpuid = new Cpuid(0, 1);
        interrupts.attach(cpu);
        devices.attach(cpu);
        executor = new Executor(cpu, code);
        vcpu = new X86Vcpu(cpu, executor, interrupts, devices, memory, time);
        apic.wireAsFirmware();
        board = predecessor == null ? new StubBoard(console, serial, false, time) : predecessor.board;
        parts = new MachineParts(time, chipset, bus, List.of(vcpu), () -> {});
    }

    /** Saves this machine, and makes another from that with the same memory and devices: this one is not to be used any more. */
    LockStepMachine successor(@Nullable ImmediateTranslation translation) {
        final MemorySegment state = state();
        final LockStepMachine next =
                new LockStepMachine(translation, threshold, OutputStream.nullOutputStream(), mapper, this);
        time.continueFrom(0);
        next.parts.load(state);
        next.usedBefore = used() - next.used();
        return next;
    }

    /** Processor, controllers, timers, time. */
    MemorySegment state() {
        final MemorySegment state =
                MemorySegment.ofArray(new byte[(int) X86StateLayout.of(1).byteSize()]);
        parts.save(state);
        return state;
    }

    /** Instructions and events, of predecessors too. */
    long used() {
        return usedBefore + executor.used();
    }

    private void wake() {
        if (cpu != null) {
            cpu.requestAttention();
        }
    }

    /** Runs at least {@code count} instructions and events, as the engine would; fewer when it halts, stops or meets a device. */
    Executor.Stop run(long count) {
        final long end = used() + count;
        while (end - used() > 0) {
            final Executor.Stop stop = executor.run((int) Math.min(end - used(), Executor.SLICE));
            switch (stop) {
                case BUDGET -> {}
                case ATTENTION -> {
                    cpu.clearAttention();
                    tick();
                }
                case HALTED -> {
                    if (!cpu.attention()) {
                        return stop;
                    }
                    cpu.clearAttention();
                    tick();
                    if (!interrupts.isInterruptPending()) {
                        return stop;
                    }
                }
                default -> {
                    return stop;
                }
            }
        }
        return Executor.Stop.BUDGET;
    }

    /**
     * Runs to exactly this count of instructions and events: by blocks where {@code trace} is null, and one by one near the end.
     *
     * @return {@link Executor.Stop#BUDGET} when it is there, else what came between
     */
    Executor.Stop runTo(long used, @Nullable Consumer<String> trace) {
        while (used - used() > 0) {
            final long left = used - used();
            final Executor.Stop stop;
            if (trace == null && left > MOST_OVERSHOOT) {
                stop = run(left - MOST_OVERSHOOT);
            } else {
                if (cpu.attention()) {
                    cpu.clearAttention();
                    tick();
                }
                if (trace != null) {
                    trace.accept(describe(cpu.rip));
                }
                stop = executor.step();
            }
            if (stop != Executor.Stop.BUDGET) {
                return stop;
            }
        }
        return Executor.Stop.BUDGET;
    }

    /** Lets timers expire. */
    void tick() {
        if (interrupts.nextDeadlineNs() <= time.nowNs()) {
            interrupts.tick(time.nowNs());
        }
    }

    /** It is as late as that now, or later. */
    void advanceTime(long nowNs) {
        time.nowNs = Math.max(time.nowNs, nowNs);
        cpu.clearAttention();
        tick();
    }

    long nowNs() {
        return time.nowNs;
    }

    /** The access that it has stopped for. */
    String access() {
        final ExitKind kind = devices.pending(cpu);
        return String.format("%s %x %d %x", kind, devices.address(), devices.widthBytes(), devices.value(0));
    }

    /**
     * Answers the access, and ends the instruction.
     *
     * @return whether it has met a further access
     */
    boolean answer() {
        board.answer(devices.pending(cpu), devices);
        devices.rewind(cpu);
        final boolean again = executor.runInstruction() == Executor.Stop.DEVICE;
        if (!again) {
            devices.clear();
        }
        if (serial.drain() != 0) {
            chipset.pulse(SERIAL_GSI);
        }
        return again;
    }

    /** The instruction at a linear address, with its address. */
    String describe(long rip) {
        final byte[] bytes = vcpu.readLinear(rip, Decoder.MAX_BYTES);
        final Insn insn = new Insn();
        return String.format(
                "%x: %s",
                rip,
                bytes.length > 0 && Decoder.decode(bytes, 0, bytes.length, cpu.codeBytes, insn)
                        ? IntelText.of(insn, rip)
                        : "?");
    }
}
