package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Debugging;
import io.jvmm.vcpu.x86.cpu.Delivery;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One processor with RAM from 0 and the simplest possible loop: decode one instruction, run its step, deliver what it
 * raises. Independent of {@link Executor}, so that what fails here is not the executor's.
 */
public final class SystemRig {
    public static final int RAM_BYTES = 16 << 20;

    private static final Set<Op> SETS_RIP = EnumSet.of(
            Op.JMP,
            Op.JCC,
            Op.JCXZ,
            Op.LOOP,
            Op.LOOPE,
            Op.LOOPNE,
            Op.CALL,
            Op.RET,
            Op.JMP_FAR,
            Op.CALL_FAR,
            Op.RET_FAR,
            Op.INT,
            Op.INT3,
            Op.INT1,
            Op.INTO,
            Op.IRET,
            Op.SYSCALL,
            Op.SYSRET,
            Op.SYSENTER,
            Op.SYSEXIT,
            Op.HLT);

    public final Arena arena = Arena.ofShared();
    public final MemorySegment ram = arena.allocate(RAM_BYTES, 4096);
    final GuestException exception = new GuestException();
    public final TestInterrupts interrupts = new TestInterrupts();
    public final TestDevices devices = new TestDevices();
    public final Cpu cpu;
    /** The real loop over the same processor, for tests that want it. */
    public final Executor executor;

    public long now = 1_000_000;
    /** Vector of the last exception that an instruction raised, or -1. */
    public int lastVector = -1;

    public int lastErrorCode = -1;

    private final Insn insn = new Insn();
    private final Insn[] insns = {insn};
    private final Step[] steps = new Step[1];
    private final StepFactory[] factories = {
        new SystemFactory(),
        new IntegerFactory(),
        new FpuStateSteps(),
        new X87ControlSteps(),
        new X87Steps(),
        new X87MoveSteps(),
        new X87FunctionSteps(),
        new SimdFactory()
    };
    private final byte[] code = new byte[Decoder.MAX_BYTES];

    public SystemRig() {
        this(null);
    }

    /** The executor has what it enters for the second time translated. */
    public SystemRig(@Nullable ImmediateTranslation translation) {
        final PhysicalMemory memory = new PhysicalMemory();
        memory.map(0, 0, RAM_BYTES, ram, false);
        final CodeCache cache = new CodeCache(
                memory,
                List.of(factories),
                translation == null ? TranslationQueue.NONE : translation,
                translation == null ? 1 << 30 : 2,
                16 << 20);
        if (translation != null) {
            translation.attach(cache);
        }
        final Mmu mmu = new Mmu(memory, devices, exception, cache);
        cpu = new Cpu(0, mmu, devices, interrupts, () -> now, exception);
        executor = new Executor(cpu, cache);
        ResetState.reset(cpu);
    }

    /** Runs one instruction, with breakpoints and single-step. */
    public void step() {
        lastVector = -1;
        final boolean stepping = Debugging.isStepping(cpu);
        try {
            if (stepping) {
                Debugging.before(cpu);
            }
            execute();
            if (stepping) {
                Debugging.after(cpu);
            }
        } catch (GuestException e) {
            lastVector = e.vector();
            lastErrorCode = e.errorCode();
            Delivery.exception(cpu, e);
        }
    }

    private void execute() {
        final long start = cpu.rip;
        decode(start);
        insn.offset = 0;
        cpu.blockRip = start;
        if (insn.op == Op.INVALID) {
            throw exception.of(Vector.UD);
        }
        boolean built = false;
        for (int i = 0; i < factories.length && !built; i++) {
            built = factories[i].build(insns, 0, cpu.modeKey, steps) != 0;
        }
        if (!built) {
            throw new IllegalStateException("no step for " + insn.op + " at " + Long.toHexString(start));
        }
        final int codeBytes = cpu.codeBytes;
        cpu.interruptShadow = false;
        steps[0].run(cpu);
        if (!SETS_RIP.contains(insn.op) && cpu.rip == start) {
            final long next = start + insn.length;
            cpu.rip = codeBytes == 8 ? next : next & 0xffff_ffffL;
        }
    }

    private void decode(long rip) {
        for (int have = 0; have < code.length; have++) {
            final long linear =
                    cpu.codeBytes == 8 ? rip + have : (cpu.segments[Segment.CS].base + rip + have) & 0xffff_ffffL;
            final long physical = cpu.mmu.translateFetch(linear);
            code[have] = (byte) HostMemory.get8(cpu.mmu.memory().host(physical));
            if (Decoder.decode(code, 0, have + 1, cpu.codeBytes, insn)) {
                return;
            }
        }
        throw new IllegalStateException("no instruction at " + Long.toHexString(rip));
    }

    /** What the last {@link #step} decoded. */
    public Op lastOp() {
        return insn.op;
    }

    /** Runs until HLT or shutdown; throws when that takes too long. */
    public void run(int limit) {
        for (int i = 0; i < limit && !cpu.halted && !cpu.shutdown; i++) {
            step();
        }
        if (!cpu.halted && !cpu.shutdown) {
            throw new IllegalStateException("still running at " + Long.toHexString(cpu.rip));
        }
    }

    public void put(long at, byte... bytes) {
        MemorySegment.copy(bytes, 0, ram, ValueLayout.JAVA_BYTE, at, bytes.length);
    }

    /** 64-bit mode with an identity map of RAM for everybody, see {@link LongModeTables}. */
    public LongModeTables longMode() {
        return new LongModeTables(this);
    }

    /** Bytes as hexadecimal text. */
    public void code(long at, String hex) {
        put(at, java.util.HexFormat.of().parseHex(hex.replace(" ", "")));
    }

    public void put64(long at, long value) {
        ram.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    }

    public long get64(long at) {
        return ram.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    }

    public int get32(long at) {
        return ram.get(ValueLayout.JAVA_INT_UNALIGNED, at);
    }

    public int get16(long at) {
        return ram.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) & 0xffff;
    }

    /** An interrupt unit that a test fills by hand. */
    public static final class TestInterrupts implements InterruptUnit {
        public int pending = -1;
        public boolean nmi;
        public int priority;

        @Override
        public boolean isInterruptPending() {
            return pending >= 0;
        }

        @Override
        public int acknowledge() {
            final int vector = pending;
            pending = -1;
            return vector;
        }

        @Override
        public boolean takeNmi() {
            final boolean was = nmi;
            nmi = false;
            return was;
        }

        @Override
        public int taskPriority() {
            return priority;
        }

        @Override
        public void setTaskPriority(int newPriority) {
            priority = newPriority;
        }

        @Override
        public long readMsr(int number) {
            return number;
        }

        @Override
        public void writeMsr(int number, long value) {}

        @Override
        public long nextDeadlineNs() {
            return Long.MAX_VALUE;
        }

        @Override
        public void tick(long nowNs) {}
    }

    /** Ports that remember the last write; memory outside RAM reads as ones. */
    public static final class TestDevices implements DeviceSpace {
        final StringBuilder written = new StringBuilder();

        @Override
        public long readMemory(long guestPhysicalAddress, int widthBytes) {
            return -1L >>> (64 - 8 * widthBytes);
        }

        @Override
        public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {}

        @Override
        public int in(int port, int widthBytes) {
            return -1 >>> (32 - 8 * widthBytes);
        }

        @Override
        public void out(int port, int widthBytes, int value) {
            written.append((char) value);
        }
    }
}
