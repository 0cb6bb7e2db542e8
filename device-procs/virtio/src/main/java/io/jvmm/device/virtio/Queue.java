package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/** A virtqueue of a function: its state, and the ring of the negotiated format behind it. */
final class Queue implements Virtqueue {
    /**
     * A chain may have 2^32 bytes (§2.7.5), one more than the u32 of a used element says: the device may have written more than it
     * says (§2.7.8.2), and a 0 would say that it wrote nothing.
     */
    private static final long MOST_WRITTEN = 0xFFFF_FFFFL;

    private final VirtioFunction function;
    private final int index;
    private final int maxSize;
    private final QueueState state;
    private final SplitRing split;
    private final @Nullable PackedRing packed;
    private Ring ring;
    /** A chain was answered here, because it was of no use to the device; published after the device's turn. */
    private boolean spoiled;

    Queue(
            VirtioFunction function,
            int index,
            int maxSize,
            QueueState state,
            GuestMemory memory,
            ChainReader reader,
            boolean packedOffered) {
        this.function = function;
        this.index = index;
        this.maxSize = maxSize;
        this.state = state;
        this.split = new SplitRing(this, state, memory, reader, maxSize);
        this.packed = packedOffered ? new PackedRing(this, state, memory, reader, maxSize) : null;
        this.ring = split;
    }

    /** Where a part of a ring is; negative when it is not aligned or not inside one region. */
    static long locate(GuestMemory memory, long gpa, int alignment, long lengthBytes) {
        return (gpa & alignment - 1) != 0 ? GuestMemory.INVALID : memory.resolve(gpa, lengthBytes);
    }

    // ---- for the device

    @Override
    public boolean ready() {
        return state.enabled() && !state.broken() && function.active();
    }

    @Override
    public int size() {
        return state.enabled() ? state.size() : 0;
    }

    @Override
    public boolean pop(Chain into) {
        if (!ready()) {
            into.clear();
            return false;
        }
        return ring.pop(into);
    }

    @Override
    public void unpop(Chain latest) {
        if (ready()) {
            ring.unpop(latest);
        }
    }

    @Override
    public boolean hasAvailable() {
        return ready() && ring.hasAvailable();
    }

    @Override
    public void complete(int head, long writtenBytes) {
        if (ready()) {
            ring.complete(head, Math.min(writtenBytes, MOST_WRITTEN));
        }
    }

    @Override
    public void publish() {
        if (ready()) {
            ring.publish();
            function.published(index);
            if (ring.hasMore()) {
                function.wake(index);
            }
        }
    }

    @Override
    public boolean wantKicks(boolean wanted) {
        return ready() && ring.wantKicks(wanted);
    }

    @Override
    public int outstanding() {
        return state.enabled() ? ring.outstanding() : 0;
    }

    // ---- for the transport

    QueueState state() {
        return state;
    }

    int maxSize() {
        return maxSize;
    }

    /** As after a reset of the device. */
    void reset() {
        state.clear(maxSize);
        spoiled = false;
    }

    private void choose(long features) {
        PackedRing other = packed;
        ring = other != null && (features & VirtioFeature.RING_PACKED) != 0 ? other : split;
    }

    /** The driver enables it; addresses and size are set. */
    void enable(long features) {
        choose(features);
        state.clearRing();
        if (ring == packed) {
            PackedRing.initialise(state);
        }
        state.enabled(true);
        spoiled = false;
        if (!ring.locate(features)) {
            guestError(VirtioError.RING_ADDRESS, state.size());
            fail(VirtioError.RING_ADDRESS);
        }
    }

    /** Goes on with an adopted state; false when no running device can have left it. */
    boolean adopt(long features) {
        if (!state.enabled()) {
            return true;
        }
        choose(features);
        boolean located = ring.locate(features);
        return state.broken() || (located && ring.adopt());
    }

    /** Before the device's turn: what is left of earlier ones. */
    void beforeTurn() {
        if (ready() && (spoiled || ring.hasMore())) {
            spoiled = false;
            publish();
        }
    }

    /** After the commit: whether the driver wants an interrupt. */
    boolean flush() {
        return ready() && ring.flush();
    }

    // ---- for the rings

    void guestError(VirtioError error, long detail) {
        function.guestError(error, index, detail);
    }

    /** The ring is beyond use. */
    void fail(VirtioError error) {
        state.broken(true);
        function.needsReset(error.code());
    }

    /** A chain was answered here; it is published in a turn, not in the middle of what the device is doing. */
    void spoiled() {
        spoiled = true;
        function.wake(index);
    }

    void wake() {
        function.wake(index);
    }
}
