package io.jvmm.ipc.link;

import static io.jvmm.ipc.link.LinkLayout.DOORBELL_REQUEST_PRODUCERS_WAITING;
import static io.jvmm.ipc.link.LinkLayout.DOORBELL_REQUEST_ROOM;

import io.jvmm.ipc.sys.Futex;
import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Lets the producers of the request ring sleep until its consumer gives room back: a count of those who wait, and a
 * futex word that changes whenever they should look again. PROTOCOL.md, "Waiting for room".
 *
 * <p>Nothing is allocated. A hostile consumer that plays with the words costs a producer superfluous looks, or the wait
 * until its own deadline. What it leaves there does not outlive it: the count is the producers' own, and is written anew each time.
 */
final class SpaceWaiters {
    private final AtomicBuffer words;
    private final Object lock = new Object();
    /** Producers of this process that wait, in truth. */
    private int waiting;

    /** Over the doorbell words of the link. */
    SpaceWaiters(AtomicBuffer words) {
        this.words = words;
    }

    /** Consumer: the head has moved; wakes those who wait for it. Returns whether anyone does. */
    boolean headMoved() {
        // Orders the head before the look at the count; a producer does it the other way round.
        VarHandle.fullFence();
        if (words.getIntVolatile(DOORBELL_REQUEST_PRODUCERS_WAITING) == 0) {
            return false;
        }
        wakeAll();
        return true;
    }

    /** Makes every waiting producer look again: there is room, or there is no link any more. */
    void wakeAll() {
        words.getAndAddInt(DOORBELL_REQUEST_ROOM, 1);
        Futex.wake(words, DOORBELL_REQUEST_ROOM, Integer.MAX_VALUE);
    }

    /** Producer: counts itself among the waiting. Then, in a loop: {@link #ticket()}, try, {@link #await}. */
    void enter() {
        count(1);
    }

    void leave() {
        count(-1);
    }

    /** Under a lock, or an older count could be stored behind a newer one; who comes here is about to sleep, or has slept. */
    private void count(int change) {
        synchronized (lock) {
            waiting += change;
            words.putIntVolatile(DOORBELL_REQUEST_PRODUCERS_WAITING, waiting);
        }
    }

    /** Producer: take it before trying; {@link #await} returns at once if there was a reason to look again since. */
    int ticket() {
        return words.getIntVolatile(DOORBELL_REQUEST_ROOM);
    }

    void await(int ticket, long deadlineNs) {
        Futex.awaitUntil(words, DOORBELL_REQUEST_ROOM, ticket, deadlineNs);
    }
}
