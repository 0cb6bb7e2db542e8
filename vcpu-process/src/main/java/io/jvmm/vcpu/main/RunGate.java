package io.jvmm.vcpu.main;

/**
 * What stands between the vCPU threads and the guest: threads wait in front of it, parked, until it is opened; when it is
 * closed (and the vCPUs are kicked) they come back and wait again.
 *
 * <p>{@link #isOpen()} is what a vCPU thread asks after every exit: one volatile read.
 */
final class RunGate {
    private enum State {
        CLOSED,
        OPEN,
        FINISHED
    }

    private volatile State state = State.CLOSED;
    private int inside;
    private int arrived;

    /** Waits until the gate opens. @return false when the machine has ended instead */
    synchronized boolean enter() {
        arrived++;
        notifyAll();
        while (state == State.CLOSED) {
            await(0);
        }
        arrived--;
        if (state == State.FINISHED) {
            return false;
        }
        inside++;
        return true;
    }

    synchronized void leave() {
        inside--;
        notifyAll();
    }

    boolean isOpen() {
        return state == State.OPEN;
    }

    synchronized void open() {
        if (state == State.CLOSED) {
            state = State.OPEN;
            notifyAll();
        }
    }

    /** Threads inside must be kicked afterwards. */
    synchronized void close() {
        if (state == State.OPEN) {
            state = State.CLOSED;
        }
    }

    /** For good. Threads inside must be kicked afterwards. */
    synchronized void finish() {
        state = State.FINISHED;
        notifyAll();
    }

    /** Waits until nobody is inside. @return whether that came true within {@code timeoutNs} */
    synchronized boolean awaitEmpty(long timeoutNs) {
        final long deadlineNs = System.nanoTime() + timeoutNs;
        while (inside > 0) {
            final long leftNs = deadlineNs - System.nanoTime();
            if (leftNs <= 0) {
                return false;
            }
            await(leftNs / 1_000_000 + 1);
        }
        return true;
    }

    /** Waits until {@code count} threads wait in front of the closed gate. */
    synchronized void awaitArrived(int count) {
        while (arrived < count && state == State.CLOSED) {
            await(0);
        }
    }

    private void await(long milliseconds) {
        try {
            wait(milliseconds);
        } catch (InterruptedException e) {
            // Nobody interrupts these threads; a spurious interrupt must not let a vCPU run or end.
            assert false : e;
        }
    }
}
