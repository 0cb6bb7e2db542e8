package io.jvmm.vcpu.main;

import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The threads that run the guest, one platform thread a vCPU, and the gate they wait at. The crew is controlled by the main
 * thread; what its threads have to say they leave in fields and then call {@code signal}, so that only the main thread
 * talks to the supervisor.
 */
final class VcpuCrew {
    /** Enough for our frames and the VM's; the guest's stack is elsewhere. */
    private static final long STACK_BYTES = 256 << 10;

    private final List<Vcpu> vcpus;
    private final ExitHandler board;
    private final Runnable signal;
    private final RunGate gate = new RunGate();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<@Nullable GuestFailure> failure = new AtomicReference<>();
    private final AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    private volatile long firstInstructionNs;

    /** @param signal wakes the main thread; called from vCPU threads */
    VcpuCrew(List<Vcpu> vcpus, ExitHandler board, Runnable signal) {
        this.vcpus = List.copyOf(vcpus);
        this.board = board;
        this.signal = signal;
    }

    /** Starts the threads and waits until all of them are parked at the gate. */
    void startParked() {
        for (Vcpu vcpu : vcpus) {
            final Thread thread = new Thread(null, () -> live(vcpu), "vcpu-" + vcpu.index(), STACK_BYTES);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
        gate.awaitArrived(vcpus.size());
    }

    /** Lets the guest run: the first time, or after {@link #pause}. */
    void run() {
        gate.open();
    }

    /**
     * Stops all vCPUs at an instruction boundary and parks their threads.
     *
     * @return whether all of them stopped in time; one that waits for a hung device may not
     */
    boolean pause(long timeoutNs) {
        gate.close();
        kickAll();
        return gate.awaitEmpty(timeoutNs);
    }

    /** Stops all vCPUs for good and ends their threads. */
    boolean finish(long timeoutNs) {
        gate.finish();
        kickAll();
        return gate.awaitEmpty(timeoutNs);
    }

    /** The first fatal exit, or null. */
    @Nullable
    GuestFailure failure() {
        return failure.get();
    }

    /** What a vCPU thread threw, or null: a bug of ours. */
    @Nullable
    Throwable bug() {
        return bug.get();
    }

    /** CLOCK_MONOTONIC right before the boot processor's first entry; 0 before that. */
    long firstInstructionNs() {
        return firstInstructionNs;
    }

    private void kickAll() {
        for (Vcpu vcpu : vcpus) {
            vcpu.kick();
        }
    }

    private void live(Vcpu vcpu) {
        try {
            while (gate.enter()) {
                try {
                    runUntilClosed(vcpu);
                } finally {
                    gate.leave();
                }
            }
        } catch (Throwable thrown) {
            bug.compareAndSet(null, thrown);
            signal.run();
        }
    }

    private void runUntilClosed(Vcpu vcpu) {
        final int index = vcpu.index();
        if (index == 0 && firstInstructionNs == 0) {
            firstInstructionNs = System.nanoTime();
            signal.run();
        }
        while (gate.isOpen()) {
            final ExitKind kind = vcpu.run();
            switch (kind) {
                case PIO_READ, PIO_WRITE, MMIO_READ, MMIO_WRITE -> board.handle(index, kind, vcpu.exit());
                case KICKED -> {
                    // The gate says what was wanted.
                }
                case HALTED, SHUTDOWN, EMULATION_FAILURE, INTERNAL_ERROR -> {
                    failure.compareAndSet(null, GuestFailure.of(kind, vcpu));
                    // One dead processor ends the machine; the others stop at their next exit or kick.
                    gate.close();
                    signal.run();
                }
            }
        }
    }
}
