package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.Violation;
import org.jspecify.annotations.Nullable;

/** Health of one end of a link, shared by the threads that use it. Only the first cause of each decline is kept. */
final class LinkState {
    private volatile LinkHealth health = LinkHealth.CONNECTED;
    private volatile @Nullable Violation violation;
    private volatile long hungAfterNs;

    LinkHealth health() {
        return health;
    }

    boolean connected() {
        return health == LinkHealth.CONNECTED;
    }

    /** True for the first cause; later ones change nothing. */
    synchronized boolean hung(long waitedNs) {
        if (health != LinkHealth.CONNECTED) {
            return false;
        }
        hungAfterNs = Math.max(waitedNs, 1);
        health = LinkHealth.HUNG;
        return true;
    }

    /** True for the first cause; later ones change nothing. */
    synchronized boolean sever(Violation cause) {
        if (violation != null) {
            return false;
        }
        violation = cause;
        health = LinkHealth.SEVERED;
        return true;
    }

    synchronized void reconnect() {
        if (health == LinkHealth.HUNG) {
            hungAfterNs = 0;
            health = LinkHealth.CONNECTED;
        }
    }

    @Nullable
    Violation violation() {
        return violation;
    }

    long hungAfterNs() {
        return hungAfterNs;
    }
}
