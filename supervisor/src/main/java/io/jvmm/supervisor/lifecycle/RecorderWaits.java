package io.jvmm.supervisor.lifecycle;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Those who wait until the recorder has come so far. Each is told once: that it has, or that it will not, or not in time. Event-loop thread only. */
final class RecorderWaits {
    private final List<Wait> open = new ArrayList<>();

    /** What is to happen when the wait is over. */
    interface Then {
        /** The wait is over: the recorder has {@code come} so far, or will not, or not in time. */
        void over(boolean come);
    }

    private record Wait(BooleanSupplier until, long deadlineNs, Then then) {}

    /**
     * Waits; {@code then} is called by {@link #serve} or {@link #forget}, never by this.
     *
     * @param until whether it has come so far; asked again and again
     * @param deadlineNs when it is too late, or {@link MachineLifecycle#NEVER}
     */
    void add(BooleanSupplier until, long deadlineNs, Then then) {
        open.add(new Wait(until, deadlineNs, then));
    }

    boolean isEmpty() {
        return open.isEmpty();
    }

    /** When {@link #serve} must be called at the latest. */
    long nextDeadlineNs() {
        return open.stream().mapToLong(Wait::deadlineNs).min().orElse(MachineLifecycle.NEVER);
    }

    /**
     * Tells those whose wait is over. They may wait for something else at once.
     *
     * @param hopeless whether nothing can be recorded, and that may take long
     */
    void serve(boolean hopeless, long nowNs) {
        for (Wait w : List.copyOf(open)) {
            boolean come = w.until.getAsBoolean();
            if ((come || hopeless || nowNs >= w.deadlineNs) && open.remove(w)) {
                w.then.over(come);
            }
        }
    }

    /** Nothing more will come: all are told so. */
    void forget() {
        List<Wait> all = List.copyOf(open);
        open.clear();
        all.forEach(w -> w.then.over(false));
    }
}
