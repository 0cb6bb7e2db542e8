package io.jvmm.vcpu.board;

import java.util.concurrent.locks.LockSupport;

/** What the board wants of all vCPU threads: hold still, run, or end. Written by the board thread only. */
final class RunGate {
    enum Wanted {
        HOLD,
        RUN,
        STOP
    }

    private volatile Wanted wanted = Wanted.HOLD;

    Wanted wanted() {
        return wanted;
    }

    boolean isOpen() {
        return wanted == Wanted.RUN;
    }

    void set(Wanted next) {
        if (wanted != Wanted.STOP) {
            wanted = next;
        }
    }

    /** Sleeps while the gate says {@code state}; the board unparks every thread after {@link #set}. */
    void awaitOther(Wanted state) {
        while (wanted == state) {
            LockSupport.park(this);
        }
    }
}
