package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.control.PollSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A poll set in which descriptors come and go: processes die and others take their places. A slot keeps its number until it is
 * given back. Event-loop thread only.
 */
final class PollSlots implements PollSet {
    private static final int FIRST = 32;

    /** What is watched in each slot; null in a free one. */
    private final List<@Nullable Watched> slots = new ArrayList<>();

    private Poller poller = new Poller(FIRST);
    private int capacity = FIRST;

    private record Watched(Fd fd, int events, boolean ignored) {}

    /** Watches a descriptor; its slot. */
    @Override
    public int take(Fd fd, int events) {
        int slot = slots.indexOf(null);
        if (slot < 0) {
            if (slots.size() == capacity) {
                grow();
            }
            slot = poller.add(fd, events);
            slots.add(new Watched(fd, events, false));
        } else {
            slots.set(slot, new Watched(fd, events, false));
            poller.watch(slot, fd, events);
        }
        return slot;
    }

    private void grow() {
        capacity *= 2;
        poller = new Poller(capacity);
        for (Watched w : slots) {
            Watched watched = Objects.requireNonNull(w, "there is no free slot");
            int slot = poller.add(watched.fd(), watched.events());
            if (watched.ignored()) {
                poller.ignore(slot);
            }
        }
    }

    /** Gives a slot back; its descriptor may be closed then. */
    @Override
    public void free(int slot) {
        poller.ignore(slot);
        slots.set(slot, null);
    }

    @Override
    public void change(int slot, int events) {
        Watched w = Objects.requireNonNull(slots.get(slot));
        slots.set(slot, new Watched(w.fd(), events, false));
        poller.watch(slot, w.fd(), events);
    }

    /** Stops listening for a while. */
    void ignore(int slot) {
        Watched w = Objects.requireNonNull(slots.get(slot));
        poller.ignore(slot);
        slots.set(slot, new Watched(w.fd(), w.events(), true));
    }

    /** Listens again, to the same descriptor. */
    void listen(int slot) {
        Watched w = Objects.requireNonNull(slots.get(slot));
        poller.watch(slot, w.fd(), w.events());
        slots.set(slot, new Watched(w.fd(), w.events(), false));
    }

    /** What the last {@link #await} found: 0, or {@link Poller#READABLE} and so on. A slot taken since then has 0. */
    @Override
    public int ready(int slot) {
        return poller.ready(slot);
    }

    /** Waits as {@link Poller#await} does. */
    void await(long timeoutNs) {
        poller.await(timeoutNs);
    }
}
