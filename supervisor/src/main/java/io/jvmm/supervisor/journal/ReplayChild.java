package io.jvmm.supervisor.journal;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Signals;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The device's program that this process runs, one at a time. A signal that ends this process ends it too; it is killed, for it has nothing to lose.
 * One thread, and that of Java's shutdown.
 */
final class ReplayChild {
    /** An exit status above is a signal's number and this, as a shell has it. */
    static final int SIGNALLED = 128;

    private @Nullable Process process;
    /** A signal has come: nothing more is started, and nothing more is said. */
    private boolean over;

    ReplayChild() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::end, "end of the device's program"));
    }

    private synchronized void end() {
        over = true;
        if (process != null) {
            process.destroyForcibly();
        }
    }

    /** Starts a program. */
    Process start(ProcessBuilder program) throws IOException {
        synchronized (this) {
            if (!over) {
                Process started = program.start();
                process = started;
                return started;
            }
        }
        throw standStill();
    }

    /** The exit status of what was started, {@link #SIGNALLED} and the signal's number for one that was killed. Does not return when this process ends. */
    int await(Process started) throws InterruptedException {
        int status = started.waitFor();
        synchronized (this) {
            if (!over) {
                process = null;
                return status;
            }
        }
        throw standStill();
    }

    /** Whatever this thread would say or return, it is the signal that ends this process. */
    private static IllegalStateException standStill() {
        while (true) {
            LockSupport.park();
        }
    }

    /** How one ended, for people: {@code was killed by SIGSEGV}, {@code ended with 4 (internal error)}. */
    static String how(int status) {
        if (status > SIGNALLED) {
            return "was killed by " + Signals.name(status - SIGNALLED);
        }
        String meaning = ProcessExit.meaningOf(status);
        return "ended with " + status + (meaning.isEmpty() ? "" : " (" + meaning + ")");
    }
}
