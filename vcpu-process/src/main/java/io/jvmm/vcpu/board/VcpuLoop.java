package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.PortHandler;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;
import org.jspecify.annotations.Nullable;

/**
 * Runs one vCPU on a platform thread of its own and answers its exits. Exits allocate nothing. What the board wants is
 * read from the {@link RunGate} after every exit; the board kicks the vCPU after changing it.
 */
final class VcpuLoop implements Runnable, PortHandler {
    private static final int CODE_BYTES = 16;

    /**
     * What each item of a string port instruction adds to the time its exit may take: more than a sleeping device on a busy
     * host needs on average.
     */
    private static final long NS_PER_STRING_ITEM = 100_000;

    private final Vcpu vcpu;
    private final int index;
    private final ExitView exit;
    private final AddressMap ports;
    private final AddressMap memory;
    private final RunGate gate;
    private final EventFd attention;
    private final long exitTimeoutNs;
    private final Counters counters;

    private volatile boolean running;
    private volatile boolean ended;
    private volatile long firstInstructionNs;
    private volatile @Nullable StopReport report;

    /**
     * A loop that waits at its gate.
     *
     * @param exitTimeoutNs how long an exit with many items may take, beside a little for each item: then the device counts as
     *     hung, or one that answers each item just in time would delay PAUSE and STOP by a deadline for each
     * @param counters this thread's own
     */
    VcpuLoop(Vcpu vcpu, Board.Maps maps, RunGate gate, EventFd attention, long exitTimeoutNs, Counters counters) {
        this.counters = counters;
        this.vcpu = vcpu;
        this.index = vcpu.index();
        this.exit = vcpu.exit();
        this.ports = maps.ports();
        this.memory = maps.memory();
        this.gate = gate;
        this.attention = attention;
        this.exitTimeoutNs = exitTimeoutNs;
        vcpu.answerPorts(this);
    }

    /** Whether its thread is, or is about to be, in guest code. */
    boolean isRunning() {
        return running;
    }

    boolean hasEnded() {
        return ended;
    }

    /** When it first entered guest code; 0 before. */
    long firstInstructionNs() {
        return firstInstructionNs;
    }

    /** Set once, when this vCPU cannot go on. */
    @Nullable
    StopReport report() {
        return report;
    }

    Counters counters() {
        return counters;
    }

    Vcpu vcpu() {
        return vcpu;
    }

    @Override
    public void run() {
        try {
            gate.awaitOther(RunGate.Wanted.HOLD);
            while (gate.wanted() != RunGate.Wanted.STOP) {
                running = true;
                if (firstInstructionNs == 0 && gate.isOpen()) {
                    firstInstructionNs = Clock.monotonicNs();
                    attention.signal();
                }
                runGuest();
                // An instruction in the middle of its accesses is carried to its end, so that what is saved is between
                // two.
                while (report == null && !vcpu.settle()) {
                    handle(vcpu.run());
                }
                running = false;
                attention.signal();
                gate.awaitOther(RunGate.Wanted.HOLD);
            }
        } catch (RuntimeException | Error e) {
            report = new StopReport(StopCause.ENGINE_ERROR, index, 0, 0, "vcpu " + index + ": bug: " + e);
        } finally {
            running = false;
            ended = true;
            attention.signal();
        }
    }

    /** Until the gate closes. A vCPU that cannot go on reports and stays here, asleep. */
    private void runGuest() {
        boolean alive = report == null;
        while (gate.isOpen()) {
            if (alive) {
                alive = handle(vcpu.run());
            } else {
                gate.awaitOther(RunGate.Wanted.RUN);
            }
        }
    }

    /** Answers one exit; false when the vCPU cannot go on. */
    boolean handle(ExitKind kind) {
        return switch (kind) {
            case PIO_READ -> {
                portRead();
                yield true;
            }
            case PIO_WRITE -> {
                portWrite();
                yield true;
            }
            case MMIO_READ -> {
                counters.increment(BoardCounter.MMIO_READS);
                exit.complete(0, memory.read(index, exit.address(), exit.widthBytes(), counters));
                yield true;
            }
            case MMIO_WRITE -> {
                counters.increment(BoardCounter.MMIO_WRITES);
                memory.write(index, exit.address(), exit.widthBytes(), exit.value(0), counters);
                yield true;
            }
            case HALTED -> {
                counters.increment(BoardCounter.HALTS);
                gate.awaitOther(RunGate.Wanted.RUN);
                yield true;
            }
            case KICKED -> {
                counters.increment(BoardCounter.KICKS);
                yield true;
            }
            case SHUTDOWN -> cannotGoOn(StopCause.CRASHED, "triple fault");
            case EMULATION_FAILURE -> cannotGoOn(StopCause.ENGINE_ERROR, "the engine cannot execute an instruction");
            case INTERNAL_ERROR -> cannotGoOn(StopCause.ENGINE_ERROR, "the engine failed");
        };
    }

    @Override
    public long readPort(int port, int widthBytes) {
        counters.increment(BoardCounter.PIO_READS);
        return ports.read(index, port, widthBytes, counters);
    }

    @Override
    public void writePort(int port, int widthBytes, long value) {
        counters.increment(BoardCounter.PIO_WRITES);
        ports.write(index, port, widthBytes, value, counters);
    }

    private void portRead() {
        final int count = exit.count();
        counters.increment(BoardCounter.PIO_READS);
        counters.add(BoardCounter.STRING_ITEMS, count - 1L);
        final long port = exit.address();
        final int width = exit.widthBytes();
        if (count == 1) {
            exit.complete(0, ports.read(index, port, width, counters));
            return;
        }
        final long startNs = System.nanoTime();
        for (int i = 0; i < count; i++) {
            // A string of reads from a slow device must not outlast a request to end.
            final boolean ending = gate.wanted() == RunGate.Wanted.STOP;
            exit.complete(i, ending ? -1L : ports.read(index, port, width, counters));
            limit(startNs, count, port, width);
        }
    }

    private void portWrite() {
        final int count = exit.count();
        counters.increment(BoardCounter.PIO_WRITES);
        counters.add(BoardCounter.STRING_ITEMS, count - 1L);
        final long port = exit.address();
        final int width = exit.widthBytes();
        final long startNs = count == 1 ? 0 : System.nanoTime();
        for (int i = 0; i < count && gate.wanted() != RunGate.Wanted.STOP; i++) {
            ports.write(index, port, width, exit.value(i), counters);
            if (count > 1) {
                limit(startNs, count, port, width);
            }
        }
    }

    /** One deadline for all items of an exit: after it the device is given up, and what is left of the exit takes no time. */
    private void limit(long startNs, int count, long port, int width) {
        final long waitedNs = System.nanoTime() - startNs;
        if (waitedNs > exitTimeoutNs + count * NS_PER_STRING_ITEM) {
            ports.giveUp(port, width, waitedNs);
        }
    }

    private boolean cannotGoOn(StopCause cause, String what) {
        final StringBuilder text =
                new StringBuilder("vcpu ").append(index).append(": ").append(what);
        if (!exit.failure().isEmpty()) {
            text.append(": ").append(exit.failure());
        }
        long rip = 0;
        try {
            final VcpuRegisters registers = vcpu.snapshot();
            rip = registers.rip();
            text.append('\n').append(registers.format()).append(code(registers.linearRip()));
        } catch (RuntimeException e) {
            text.append("\nno registers: ").append(e.getMessage());
        }
        report = new StopReport(cause, index, rip, 0, text.toString());
        attention.signal();
        return false;
    }

    private String code(long linearRip) {
        final StringBuilder b = new StringBuilder("  code  ");
        for (final byte value : vcpu.readLinear(linearRip, CODE_BYTES)) {
            b.append(Character.forDigit((value >> 4) & 15, 16))
                    .append(Character.forDigit(value & 15, 16))
                    .append(' ');
        }
        return b.append('\n').toString();
    }
}
