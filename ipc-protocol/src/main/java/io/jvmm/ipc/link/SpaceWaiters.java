package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.Futex;
import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Lets producers sleep until the consumer gives room back: a count of those who wait, and a futex on the low word of
 * the ring's head position. PROTOCOL.md, "Waiting for room".
 */
final class SpaceWaiters {
    private final AtomicBuffer words;
    private final int countOffset;
    private final AtomicBuffer ring;
    private final int headOffset;

    SpaceWaiters(AtomicBuffer words, int countOffset, AtomicBuffer ring) {
        this.words = words;
        this.countOffset = countOffset;
        this.ring = ring;
        this.headOffset = IpcRingLayout.headOffset(ring.capacity());
    }

    /** Consumer: the head has moved; wakes those who wait for it. Returns whether anyone does. */
    boolean headMoved() {
        // Orders the head before the look at the count; a producer does it the other way round.
        VarHandle.fullFence();
        if (words.getIntVolatile(countOffset) == 0) {
            return false;
        }
        Futex.wake(ring, headOffset, Integer.MAX_VALUE);
        return true;
    }

    /** Producer: counts itself among the waiting. Then, in a loop: {@link #ticket()}, try, {@link #await}. */
    void enter() {
        words.getAndAddInt(countOffset, 1);
    }

    void leave() {
        words.getAndAddInt(countOffset, -1);
    }

    /** Producer: what the head is now; {@link #await} returns at once if it has moved since. */
    int ticket() {
        return ring.getIntVolatile(headOffset);
    }

    void await(int ticket, long deadlineNs) {
        Futex.awaitUntil(ring, headOffset, ticket, deadlineNs);
    }

    /** Wakes every waiting producer so that it sees that the link is no longer connected. */
    void wakeAll() {
        Futex.wake(ring, headOffset, Integer.MAX_VALUE);
    }
}
