package io.jvmm.ipc.state;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The commit rule: two slots and a sequence. PROTOCOL.md, "Commit rule". One thread; {@link #commit} allocates nothing.
 *
 * <p>The order of the stores is all there is to it: the slot that is not committed, then the sequence, then nothing of
 * the next commit before the sequence.
 */
final class StateSlots {
    private static final int RING_ALIGNMENT_BYTES = 8;

    private final AtomicBuffer shared;
    private final StateSegmentLayout layout;
    private final ByteBuffer slotBytes;
    /** A slot in private memory: what {@link #commit} copies into the segment in one go. */
    private final UnsafeBuffer slot;

    private final UnsafeBuffer working;
    private final CRC32C crc = new CRC32C();

    private long sequence;
    private long ringPosition;

    /** The slots of a segment; {@code shared} is all of it. */
    StateSlots(AtomicBuffer shared, StateSegmentLayout layout, int stateLengthBytes) {
        this.shared = shared;
        this.layout = layout;
        this.slotBytes = ByteBuffer.allocateDirect(layout.slotLength()).order(ByteOrder.LITTLE_ENDIAN);
        this.slot = new UnsafeBuffer(slotBytes);
        this.working = new UnsafeBuffer(slot, 0, stateLengthBytes);
    }

    UnsafeBuffer working() {
        return working;
    }

    void commit(long ringPosition) {
        long next = sequence + 1;
        slot.putLong(layout.ringPosition(), ringPosition);
        slot.putLong(layout.slotSequence(), next);
        slot.putInt(layout.crc(), checksum());
        shared.putBytes(layout.slotOffset(next), slot, 0, layout.crc() + Integer.BYTES);
        // A fence and a plain store: C1 makes a full fence of a release, and all that is asked for is an order.
        VarHandle.releaseFence();
        shared.putLong(StateSegmentLayout.HEADER_SEQUENCE, next);
        // The next commit overwrites the slot this one replaces: not before the sequence has left it.
        VarHandle.storeStoreFence();
        this.sequence = next;
        this.ringPosition = ringPosition;
    }

    /** Copies the committed slot and validates the copy. {@code committed}: the header's sequence, already copied. */
    void load(long committed) {
        StateSegment.require(committed >= 0, "sequence", committed);
        if (committed == 0) {
            return;
        }
        shared.getBytes(layout.slotOffset(committed), slot, 0, layout.slotLength());
        long slotSequence = slot.getLong(layout.slotSequence());
        StateSegment.require(slotSequence == committed, "sequence of the committed slot", slotSequence);
        int checksum = slot.getInt(layout.crc());
        StateSegment.require(checksum == checksum(), "CRC of the committed slot", checksum);
        long position = slot.getLong(layout.ringPosition());
        StateSegment.require(position >= 0 && position % RING_ALIGNMENT_BYTES == 0, "ring position", position);
        sequence = committed;
        ringPosition = position;
    }

    private int checksum() {
        slotBytes.limit(layout.crc()).position(0);
        crc.reset();
        crc.update(slotBytes);
        return (int) crc.getValue();
    }

    long sequence() {
        return sequence;
    }

    long ringPosition() {
        return ringPosition;
    }
}
