package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.EventBudget;

/**
 * How often the guest may have a vector sent elsewhere, or masked and unmasked: on KVM each time costs the host system calls that wait for its
 * other processors, under the lock of the bus. Beyond some {@value #CHANGES_PER_PERIOD} in ten milliseconds a vector stays silent until the next ten begin; what
 * its device signals meanwhile is sent then. A kernel makes as many changes while it boots and hardly any later.
 *
 * <p>Guarded by the bus's lock. Allocates nothing.
 */
final class MessagePace implements AutoCloseable {
    static final int CHANGES_PER_PERIOD = 64;
    static final long PERIOD_NS = 10_000_000;

    private final EventFd late = EventFd.create();
    private final EventBudget budget = new EventBudget(CHANGES_PER_PERIOD, PERIOD_NS, Clock.monotonicNs());
    private int lateAt = -1;
    private boolean waiting;

    /** Has the board thread woken when something has to wait. Once. */
    void watch(Poller boardPoller) {
        lateAt = boardPoller.add(late.fd(), Poller.READABLE);
    }

    /** The board thread is awake. */
    void awake(Poller boardPoller) {
        if (boardPoller.ready(lateAt) != 0) {
            late.drain();
        }
    }

    /** Whether a change may be made now; if not, {@link #isDue} says when it is time to try again. */
    boolean take() {
        if (budget.left(Clock.monotonicNs()) > 0) {
            budget.spend(1);
            return true;
        }
        if (!waiting) {
            waiting = true;
            late.signal();
        }
        return false;
    }

    /** Whether something has waited, and waits no more: it is tried again, once. */
    boolean isDue(long nowNs) {
        if (!waiting || budget.left(nowNs) == 0) {
            return false;
        }
        waiting = false;
        return true;
    }

    /** How long until then; {@link Long#MAX_VALUE} when nothing waits. */
    long waitNs(long nowNs) {
        return waiting ? Math.max(0, budget.nextPeriodNs() - nowNs) : Long.MAX_VALUE;
    }

    @Override
    public void close() {
        late.close();
    }
}
