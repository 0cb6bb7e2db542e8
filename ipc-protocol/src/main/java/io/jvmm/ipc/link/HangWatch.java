package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.IpcRingLayout;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Finds a device hung that is only ever written to: something lies in its request ring and the head does not move. Board thread.
 * Looked at every {@link #periodNs}; several looks must agree, so that a host that stood still is not taken for a device that does.
 */
final class HangWatch {
    private static final int LOOKS = 3;

    private final AtomicBuffer ring;
    private final int capacity;
    private final long timeoutNs;
    private long head;
    private long sinceNs;
    private int unmoved;

    HangWatch(AtomicBuffer requestRing, long timeoutNs) {
        this.ring = requestRing;
        this.capacity = requestRing.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        this.timeoutNs = timeoutNs;
    }

    long periodNs() {
        return Math.max(1, timeoutNs / (LOOKS - 1));
    }

    /** What has been seen counts no more: the device was not expected to work. */
    void reset() {
        unmoved = 0;
    }

    /** How long the device has left its requests alone, once that is too long; 0 while it has not. */
    long look(long nowNs) {
        long found = ring.getLongVolatile(capacity + IpcRingLayout.HEAD_OFFSET);
        if (found == ring.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET)) {
            unmoved = 0;
        } else if (unmoved == 0 || found != head) {
            head = found;
            sinceNs = nowNs;
            unmoved = 1;
        } else if (++unmoved >= LOOKS && nowNs - sinceNs >= timeoutNs) {
            return nowNs - sinceNs;
        }
        return 0;
    }
}
