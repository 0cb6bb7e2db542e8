package io.jvmm.device.api;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;

/** The back ends of a process as one, for its duty cycle. Device thread; allocates nothing. See {@link Backend}. */
final class BackendSet {
    /** How long the host may take to end what is under way: the supervisor, which asks, waits 10 s at DRAIN and 2 s at STOP. */
    static final long DRAIN_NS = 8_000_000_000L;

    static final long STOP_NS = 1_500_000_000L;

    private final Backend[] backends;

    BackendSet(Backend[] backends) {
        this.backends = backends;
    }

    /** The most descriptors they watch, together. */
    int maxDescriptors() {
        int count = 0;
        for (Backend backend : backends) {
            count += backend.maxDescriptors();
        }
        return count;
    }

    void attach(Poller poller, long nowNs) {
        for (Backend backend : backends) {
            backend.attach(poller, nowNs);
        }
    }

    /** Before a poll: watches what they want to be watched, or nothing while the machine is paused. */
    void watch(Poller poller, boolean serving) {
        for (Backend backend : backends) {
            if (serving) {
                backend.watch(poller);
            } else {
                backend.unwatch(poller);
            }
        }
    }

    boolean service(Poller poller, long nowNs) {
        boolean changed = false;
        for (Backend backend : backends) {
            changed |= backend.service(poller, nowNs);
        }
        return changed;
    }

    boolean flush(long nowNs) {
        boolean changed = false;
        for (Backend backend : backends) {
            changed |= backend.flush(nowNs);
        }
        return changed;
    }

    boolean deliver(long nowNs) {
        boolean changed = false;
        for (Backend backend : backends) {
            changed |= backend.deliver(nowNs);
        }
        return changed;
    }

    void committed() {
        for (Backend backend : backends) {
            backend.committed();
        }
    }

    /** In all at most so long. */
    boolean settle(long nowNs, long patienceNs) {
        boolean changed = false;
        long untilNs = Clock.monotonicNs() + patienceNs;
        for (Backend backend : backends) {
            changed |= backend.settle(nowNs, Math.max(0, untilNs - Clock.monotonicNs()));
        }
        return changed;
    }

    boolean settled() {
        for (Backend backend : backends) {
            if (!backend.settled()) {
                return false;
            }
        }
        return true;
    }

    boolean hasWork() {
        for (Backend backend : backends) {
            if (backend.hasWork()) {
                return true;
            }
        }
        return false;
    }

    long nextDeadlineNs() {
        long deadlineNs = DeviceCore.NO_DEADLINE;
        for (Backend backend : backends) {
            deadlineNs = Math.min(deadlineNs, backend.nextDeadlineNs());
        }
        return deadlineNs;
    }

    long inputBytes() {
        long bytes = 0;
        for (Backend backend : backends) {
            bytes += backend.inputBytes();
        }
        return bytes;
    }

    long outputBytes() {
        long bytes = 0;
        for (Backend backend : backends) {
            bytes += backend.outputBytes();
        }
        return bytes;
    }

    long droppedBytes() {
        long bytes = 0;
        for (Backend backend : backends) {
            bytes += backend.droppedBytes();
        }
        return bytes;
    }
}
