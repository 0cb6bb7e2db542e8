package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.Violation;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Health of one end of a link, shared by the threads that use it. Only the first cause of each decline is kept. */
final class LinkState {
    private final AtomicReference<LinkHealth> health = new AtomicReference<>(LinkHealth.CONNECTED);
    private volatile @Nullable Violation violation;
    private volatile long hungAfterNs;

    LinkHealth health() {
        return health.getPlain() == LinkHealth.SEVERED ? LinkHealth.SEVERED : health.get();
    }

    boolean connected() {
        return health.get() == LinkHealth.CONNECTED;
    }

    void hung(long waitedNs) {
        if (health.compareAndSet(LinkHealth.CONNECTED, LinkHealth.HUNG)) {
            hungAfterNs = Math.max(waitedNs, 1);
        }
    }

    /** True for the first cause; later ones change nothing. */
    synchronized boolean sever(Violation cause) {
        if (violation != null) {
            return false;
        }
        violation = cause;
        health.set(LinkHealth.SEVERED);
        return true;
    }

    void reconnect() {
        if (health.compareAndSet(LinkHealth.HUNG, LinkHealth.CONNECTED)) {
            hungAfterNs = 0;
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
