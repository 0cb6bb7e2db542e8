package io.jvmm.device.api;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;

/** What a process that ends still has to say: a supervisor that reads gets the acknowledgement of STOP, or learns of what a violation consists. */
final class LastWords {
    /** How long such a process waits for room. */
    private static final long LONGEST_NS = 1_000_000_000;

    private final SupervisorEvents events;
    private final Poller supervisorsEnd = new Poller(1);

    /** {@code control}: readable when the supervisor is gone. */
    LastWords(SupervisorEvents events, Fd control) {
        this.events = events;
        supervisorsEnd.add(control, Poller.READABLE);
    }

    /** Says it, trying again after so long each time. */
    void say(long retryNs) {
        long endNs = Clock.monotonicNs() + LONGEST_NS;
        events.retry();
        while (events.pending() && Clock.monotonicNs() < endNs && supervisorsEnd.await(retryNs) == 0) {
            events.retry();
        }
    }
}
