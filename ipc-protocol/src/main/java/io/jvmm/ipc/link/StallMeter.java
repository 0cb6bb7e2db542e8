package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.IpcRingLayout;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.AtomicBuffer;

/**
 * How long the guest waited for a device's successor: from the death of the process, or from the posting of the first message that
 * waited where that was later, until that message was answered or given back. PROTOCOL.md, DEVICE_STALL.
 *
 * <p>The board thread calls what is marked so. It looks at the head of the request ring, from the successor's coming until the message has been handled and
 * not longer than {@code patienceNs}; vCPU threads add what they know only where they wait anyway. The ring is shared with the device: what is read there may be any
 * number, and all that comes of a wrong one is a wrong figure.
 */
public final class StallMeter {
    private static final long NONE = 0;
    private static final long SHORTEST_LOOK_NS = 250_000;
    /** A look comes after this part of the time that has passed, so that a long stall costs as few looks as a short one. */
    private static final int LOOKS_PER_TIME = 16;

    private final AtomicBuffer ring;
    private final int capacity;
    private final long patienceNs;

    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger found = new AtomicInteger();
    private final AtomicLong firstWaitNs = new AtomicLong(NONE);
    private final AtomicLong answeredNs = new AtomicLong(NONE);
    private volatile boolean measuring;

    private long deathNs;
    private long tailWhenAway;
    private int pendingWhenAway;
    private long first;
    private long startNs;
    private long backNs;
    private int messages;
    private long stallNs;

    StallMeter(AtomicBuffer requestRing, long patienceNs) {
        this.ring = requestRing;
        this.capacity = requestRing.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        this.patienceNs = patienceNs;
    }

    // ---- vCPU threads ----

    /** An access that began at {@code sinceNs} finds the device away; perhaps not for the first time. */
    void found(long sinceNs) {
        firstWaitNs.compareAndSet(NONE, sinceNs);
        found.incrementAndGet();
    }

    /** A message waits before it can be posted. */
    void beginWait() {
        waiting.incrementAndGet();
    }

    void endWait() {
        waiting.decrementAndGet();
    }

    /** A read has been answered after a sleep. */
    void answered() {
        if (measuring) {
            answeredNs.compareAndSet(NONE, System.nanoTime());
        }
    }

    // ---- board thread ----

    /** The process is gone since {@code whenNs}. */
    void away(long whenNs) {
        deathNs = whenNs;
        tailWhenAway = tail();
        pendingWhenAway = count(head(), tailWhenAway);
    }

    /** The successor is there. It may have handled some of what waited already, or all. */
    void back(long nowNs) {
        first = head();
        final long tail = tail();
        final int posted = count(first, tail);
        messages = posted + waiting.get();
        final long firstFoundNs = firstWaitNs.getAndSet(NONE);
        final int laterOnes = found.getAndSet(0);
        final boolean renewed = tail - tailWhenAway < 0;
        final boolean quick = messages == 0;
        if (quick) {
            messages = laterOnes + (renewed ? 0 : pendingWhenAway);
        }
        final boolean sinceDeath = quick ? pendingWhenAway > 0 : posted > 0 && first - tailWhenAway < 0;
        startNs = firstFoundNs == NONE || (sinceDeath && !renewed) ? deathNs : Math.max(deathNs, firstFoundNs);
        backNs = nowNs;
        answeredNs.set(NONE);
        stallNs = 0;
        measuring = messages > 0;
        if (quick) {
            finish(nowNs);
        }
    }

    /** Whether the figures are there, or will not come any more. */
    public boolean isDone(long nowNs) {
        if (!measuring) {
            return true;
        }
        long answered = answeredNs.get();
        boolean handled = answered != NONE || head() != first;
        if (!handled && nowNs - backNs < patienceNs) {
            return false;
        }
        finish(answered != NONE ? answered : nowNs);
        return true;
    }

    /** It has gone again: the figures are those of now. */
    public void finish(long nowNs) {
        if (measuring) {
            measuring = false;
            stallNs = Math.max(0, nowNs - startNs);
        }
    }

    /** How many messages waited for the last successor. */
    public int messages() {
        return messages;
    }

    /** How long the first of them did. */
    public long stallNs() {
        return stallNs;
    }

    /** How long until the next look. */
    public long nextLookNs(long nowNs) {
        return Math.max(SHORTEST_LOOK_NS, (nowNs - backNs) / LOOKS_PER_TIME);
    }

    private long head() {
        return ring.getLongVolatile(capacity + IpcRingLayout.HEAD_OFFSET);
    }

    private long tail() {
        return ring.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET);
    }

    /** How many messages lie there; no more than there is room for, whatever the ring says. */
    private int count(long from, long to) {
        if (((from | to) & (IpcRingLayout.RECORD_ALIGNMENT_BYTES - 1)) != 0 || to - from > capacity) {
            return 0;
        }
        int found = 0;
        long at = from;
        while (at - to < 0) {
            int index = (int) at & (capacity - 1);
            int length = Math.abs(ring.getIntVolatile(index));
            if (length < IpcRingLayout.RECORD_HEADER_BYTES || length > capacity - index) {
                return found;
            }
            found += ring.getInt(index + Integer.BYTES) == IpcRingLayout.PADDING_TYPE ? 0 : 1;
            at += IpcRingLayout.recordBytes(length - IpcRingLayout.RECORD_HEADER_BYTES);
        }
        return found;
    }
}
