package io.jvmm.ipc.link;

import io.jvmm.ipc.sys.EventFd;
import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Wakes a sleeping consumer: a word in shared memory that says it sleeps, and the eventfd it sleeps on. PROTOCOL.md,
 * "Sleeping", proves that no wake-up is lost.
 *
 * <p>Producers call {@link #ring()} after each record they publish, any thread. The consumer calls the other methods.
 * Nothing is allocated. A hostile peer that scribbles on the word costs the other side superfluous wake-ups, or itself
 * late ones.
 */
public final class Doorbell {
    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;
    private static final int NAPPING = 2;

    private final AtomicBuffer words;
    private final int offset;
    private final EventFd eventFd;

    /** The doorbell whose word lies at {@code offset}. */
    public Doorbell(AtomicBuffer words, int offset, EventFd eventFd) {
        this.words = words;
        this.offset = offset;
        this.eventFd = eventFd;
    }

    /**
     * Wakes the consumer if it sleeps. The first of several producers that find it asleep signals for all of them.
     *
     * @return whether it was awake
     */
    public boolean ring() {
        // Orders the record just published before the look at the word; the consumer does it the other way round.
        VarHandle.fullFence();
        if (words.getIntVolatile(offset) != AWAKE && words.compareAndSetInt(offset, ASLEEP, AWAKE)) {
            eventFd.signal();
            return false;
        }
        return true;
    }

    /** The same, of a consumer that only naps too: for when that cannot wait. */
    public void ringUrgently() {
        if (ring() && words.getIntVolatile(offset) != AWAKE && words.compareAndSetInt(offset, NAPPING, AWAKE)) {
            eventFd.signal();
        }
    }

    /** The consumer is about to sleep for a while, and looks then by itself: {@link #ring} lets it, {@link #ringUrgently} does not. */
    public void announceNap() {
        words.putIntVolatile(offset, NAPPING);
    }

    /** The consumer is about to sleep; it must look at its ring once more before it does. */
    public void announceSleep() {
        words.putIntVolatile(offset, ASLEEP);
    }

    /**
     * The consumer found something in that look, or has slept and has taken the signals that it saw. A signal that is on its way wakes it once
     * for nothing, later.
     */
    public void cancelSleep() {
        words.putIntVolatile(offset, AWAKE);
    }

    /** The consumer is awake: takes the signals that woke it. It must look at its ring after this. */
    public void awake() {
        words.putIntVolatile(offset, AWAKE);
        eventFd.drain();
    }

    /** What wakes the consumer. */
    public EventFd eventFd() {
        return eventFd;
    }
}
