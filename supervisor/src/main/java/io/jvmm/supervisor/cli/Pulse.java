package io.jvmm.supervisor.cli;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.supervisor.lifecycle.Console;
import io.jvmm.supervisor.sys.Termios;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Breaks the silence while the demo is prepared and boots: a dot a second when nothing else is said. A thread of its own. */
final class Pulse implements AutoCloseable {
    private static final long LOOK_MS = 100;
    private static final long SILENCE_NS = 1_000_000_000L;

    private final Console console;
    /** In a file or a pipe the dots would stand before what a guest writes to standard error. */
    private final boolean onTerminal = Termios.of(Fd.of(2)).isPresent();

    private final CountDownLatch over = new CountDownLatch(1);
    private volatile BooleanSupplier until = () -> false;

    private Pulse(Console console) {
        this.console = console;
    }

    /** Begins. */
    static Pulse start(Console console) {
        Pulse pulse = new Pulse(console);
        Thread.ofPlatform().daemon().name("jvmm-pulse").start(pulse::run);
        return pulse;
    }

    /** Ends it as soon as {@code reached}, which is asked often and from the pulse's thread. */
    void until(BooleanSupplier reached) {
        until = reached;
    }

    private void run() {
        try {
            while (!over.await(LOOK_MS, TimeUnit.MILLISECONDS)) {
                if (until.getAsBoolean()) {
                    console.endTicks();
                    return;
                }
                if (onTerminal) {
                    console.tick(SILENCE_NS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        over.countDown();
        console.endTicks();
    }
}
