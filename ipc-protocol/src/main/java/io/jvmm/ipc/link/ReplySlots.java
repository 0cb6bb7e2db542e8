package io.jvmm.ipc.link;

import static io.jvmm.ipc.link.LinkLayout.SLOT_ASLEEP;
import static io.jvmm.ipc.link.LinkLayout.SLOT_LENGTH_BYTES;
import static io.jvmm.ipc.link.LinkLayout.SLOT_SEQUENCE;
import static io.jvmm.ipc.link.LinkLayout.SLOT_STATUS;
import static io.jvmm.ipc.link.LinkLayout.SLOT_VALUE;

import io.jvmm.ipc.sys.Futex;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLongArray;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Where a device puts the value a vCPU waits for: one slot a vCPU, because a vCPU has at most one read outstanding.
 * PROTOCOL.md, "Reply slots".
 *
 * <p>The vCPU numbers its reads; a reply counts only when its sequence is exactly the one asked for, so a reply that
 * comes after its reader gave up satisfies nobody. Nothing is allocated on either side.
 */
final class ReplySlots {
    /** A look at the clock costs about as much as a few looks at the slot. */
    private static final int LOOKS_PER_CLOCK_READ = 16;

    /** About half a microsecond. */
    private static final int FIRST_LOOKS = 64;

    /** A sequence no read ever has. */
    private static final long ABANDONED = -1;

    private final AtomicBuffer slots;
    /** What the reader of each slot waits for, if it waits; this process's own knowledge. */
    private final AtomicLongArray awaited;

    private final int count;

    ReplySlots(AtomicBuffer slots, int count) {
        this.slots = slots;
        this.count = count;
        this.awaited = new AtomicLongArray(count);
    }

    int count() {
        return count;
    }

    /** Device side: publishes a reply and wakes the vCPU if it sleeps, which is what it returns. */
    boolean publish(int slot, long sequence, long value) {
        int at = slot * SLOT_LENGTH_BYTES;
        slots.putLong(at + SLOT_VALUE, value);
        slots.putInt(at + SLOT_STATUS, 0);
        VarHandle.releaseFence();
        slots.putLong(at + SLOT_SEQUENCE, sequence);
        // Orders the sequence before the look at the word; the sleeper does it the other way round.
        VarHandle.fullFence();
        if (slots.getIntVolatile(at + SLOT_ASLEEP) == 0) {
            return false;
        }
        Futex.wake(slots, at + SLOT_SEQUENCE, 1);
        return true;
    }

    /** vCPU side: a few looks, without the clock: the reply of a device that is awake comes now. */
    boolean look(int slot, long sequence) {
        int at = slot * SLOT_LENGTH_BYTES + SLOT_SEQUENCE;
        for (int look = 0; look < FIRST_LOOKS; look++) {
            if (slots.getLongVolatile(at) == sequence) {
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    /**
     * vCPU side: waits for the reply with this sequence, spinning first and sleeping then.
     *
     * @param nowNs the monotonic clock when the read began
     * @param spin how long this vCPU spins
     * @param awake whether the device did not have to be woken
     * @param deadlineNs when to give up
     * @param seen {@link LinkState#changes} when the deadline was worked out: it may change with the state
     * @return false when the deadline passed, or the state changed
     */
    boolean await(
            int slot,
            long sequence,
            long nowNs,
            SpinLimit spin,
            boolean awake,
            long deadlineNs,
            LinkState state,
            int seen) {
        int at = slot * SLOT_LENGTH_BYTES;
        long spinNs = spin.limitNs(nowNs, awake);
        if (spinNs > 0) {
            long spinEndNs = nowNs + Math.min(spinNs, deadlineNs - nowNs);
            long lookNs = nowNs;
            do {
                for (int look = 0; look < LOOKS_PER_CLOCK_READ; look++) {
                    if (slots.getLongVolatile(at + SLOT_SEQUENCE) == sequence) {
                        spin.looked(lookNs - nowNs);
                        return true;
                    }
                    Thread.onSpinWait();
                }
                lookNs = System.nanoTime();
            } while (lookNs - spinEndNs < 0 && state.changes() == seen);
            spin.looked(lookNs - nowNs);
            spin.inVain(lookNs);
        }
        return sleep(slot, sequence, deadlineNs, state, seen);
    }

    private boolean sleep(int slot, long sequence, long deadlineNs, LinkState state, int seen) {
        int at = slot * SLOT_LENGTH_BYTES;
        awaited.set(slot, sequence);
        long found = announceSleep(slot);
        while (found != sequence && state.changes() == seen && System.nanoTime() - deadlineNs < 0) {
            Futex.awaitUntil(slots, at + SLOT_SEQUENCE, (int) found, deadlineNs);
            found = slots.getLongVolatile(at + SLOT_SEQUENCE);
        }
        slots.putIntRelease(at + SLOT_ASLEEP, 0);
        return found == sequence;
    }

    /** vCPU side: says that it is about to sleep and then looks at the sequence once more: what it returns. */
    long announceSleep(int slot) {
        int at = slot * SLOT_LENGTH_BYTES;
        slots.putIntVolatile(at + SLOT_ASLEEP, 1);
        return slots.getLongVolatile(at + SLOT_SEQUENCE);
    }

    /** vCPU side: what the answered read returned. */
    long value(int slot) {
        return slots.getLong(slot * SLOT_LENGTH_BYTES + SLOT_VALUE);
    }

    /**
     * vCPU process: makes every waiting reader look again, at its sequence, which a device may have stored before it died and could
     * wake it, and at the health of the link. A wake-up alone is lost on a reader that has looked and does not sleep yet, so what it
     * sleeps on changes, unless it is the answer that it waits for.
     */
    void wakeAll() {
        for (int slot = 0; slot < count; slot++) {
            int at = slot * SLOT_LENGTH_BYTES + SLOT_SEQUENCE;
            long found = slots.getLongVolatile(at);
            // A reader that begins to wait only now sees the change of health by itself; its answer is above the number
            // known here.
            if (found < awaited.get(slot)) {
                slots.compareAndSetLong(at, found, found == ABANDONED ? ABANDONED - 1 : ABANDONED);
            }
            Futex.wake(slots, at, Integer.MAX_VALUE);
        }
    }

    /**
     * Makes every reader see that the link is no longer what it was, and leave. The sequence changes to one that nobody
     * waits for, because a wake-up alone is lost on a reader that has looked at the link but does not sleep yet.
     */
    void abandon() {
        for (int slot = 0; slot < count; slot++) {
            int at = slot * SLOT_LENGTH_BYTES;
            slots.putLongVolatile(at + SLOT_SEQUENCE, ABANDONED);
            Futex.wake(slots, at + SLOT_SEQUENCE, Integer.MAX_VALUE);
        }
    }
}
