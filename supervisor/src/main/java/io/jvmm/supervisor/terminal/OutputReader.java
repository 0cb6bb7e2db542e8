package io.jvmm.supervisor.terminal;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;

/**
 * Whether anybody still reads what a program writes to: the reader of a pipe who has gone is seen at once, and not when the next thing is to be written,
 * which may be never. One thread.
 */
public final class OutputReader {
    private static final Fd STANDARD_OUTPUT = Fd.of(1);

    private final Poller poller = new Poller(1);

    /** Of standard output. */
    public OutputReader() {
        this(STANDARD_OUTPUT);
    }

    OutputReader(Fd written) {
        poller.add(written, 0); // POLLERR and POLLHUP come unasked: poll(2)
    }

    /** Waits so many nanoseconds, or until nobody reads any more; false when nobody does. */
    public boolean await(long timeoutNs) {
        long endNs = System.nanoTime() + timeoutNs;
        long leftNs = timeoutNs;
        do {
            poller.await(leftNs);
            if (poller.isReady(0, Poller.ERROR | Poller.HANG_UP | Poller.INVALID)) {
                return false;
            }
            leftNs = endNs - System.nanoTime(); // a signal ends a wait early
        } while (leftNs > 0);
        return true;
    }
}
