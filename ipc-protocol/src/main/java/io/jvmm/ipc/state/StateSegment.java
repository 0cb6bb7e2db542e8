package io.jvmm.ipc.state;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The state of a device, committed to memory that outlives its process. One thread; {@link #commit} allocates nothing.
 *
 * <p>The device works on {@link #working()}, which is private memory. {@link #commit} copies it, together with the
 * position in the request ring, into the slot that is not the committed one and then moves the sequence, a single store:
 * whoever adopts the segment after a kill at any instruction finds the state and the position as of the same message
 * border. An adopted segment is validated like any hostile input; it is copied first, and only the copy is looked at.
 */
public final class StateSegment implements AutoCloseable {
    private final Fd fd;
    private final Mapping mapping;
    private final UnsafeBuffer shared;
    private final StateSlots slots;

    private StateSegment(Fd fd, StateSegmentLayout layout, int stateLengthBytes, Mapping mapping) {
        this.fd = fd;
        this.mapping = mapping;
        this.shared = mapping.buffer();
        this.slots = new StateSlots(shared, layout, stateLengthBytes);
    }

    /**
     * A new segment in which nothing is committed yet. {@code name} shows in /proc/PID/maps.
     *
     * @param deviceId which device's state it is; numbers never change their meaning
     * @param version of the device's state layout
     */
    public static StateSegment create(String name, int deviceId, int version, int stateLengthBytes) {
        StateSegmentLayout layout = new StateSegmentLayout(stateLengthBytes);
        return format(MemFd.createSealed(name, layout.totalLength()), layout, deviceId, version, stateLengthBytes);
    }

    /**
     * A new segment in an empty memfd received from elsewhere, whose maker does not know how long the device's state is
     * and keeps it for the next process. Takes ownership of the descriptor; the memfd gets its size and is sealed.
     */
    public static StateSegment createIn(Fd fd, int deviceId, int version, int stateLengthBytes) {
        StateSegmentLayout layout = new StateSegmentLayout(stateLengthBytes);
        return format(MemFd.giveSize(fd, layout.totalLength()), layout, deviceId, version, stateLengthBytes);
    }

    /**
     * Carries on with the segment in a memfd received from elsewhere, or makes one there: when the memfd is empty, and
     * also when a predecessor was killed while it made one, which shows in a header whose magic, the last thing written,
     * is missing. Takes ownership of the descriptor.
     *
     * @throws StateFormatException as {@link #adopt}
     */
    public static StateSegment adoptOrCreate(Fd fd, int deviceId, int version, int stateLengthBytes) {
        StateSegmentLayout layout = new StateSegmentLayout(stateLengthBytes);
        long length = FileIo.size(fd);
        if (length == 0) {
            return createIn(fd, deviceId, version, stateLengthBytes);
        }
        if (length == layout.totalLength()) {
            MemFd memFd = MemFd.of(fd);
            if (!memFd.hasSeals(MemFd.SEALS_FIXED_SIZE)) {
                memFd.seal(MemFd.SEALS_FIXED_SIZE); // killed between giving it its size and sealing that
            }
            if (isBlank(memFd)) {
                return format(memFd, layout, deviceId, version, stateLengthBytes);
            }
        }
        return adopt(fd, deviceId, version, stateLengthBytes);
    }

    private static boolean isBlank(MemFd memFd) {
        try (Mapping mapping = memFd.map()) {
            UnsafeBuffer header = mapping.buffer(0, StateSegmentLayout.HEADER_LENGTH_BYTES);
            return header.getLong(StateSegmentLayout.HEADER_MAGIC) == 0
                    && header.getLong(StateSegmentLayout.HEADER_SEQUENCE) == 0;
        }
    }

    private static StateSegment format(
            MemFd memFd, StateSegmentLayout layout, int deviceId, int version, int stateLengthBytes) {
        try {
            StateSegment segment = new StateSegment(memFd.fd(), layout, stateLengthBytes, memFd.map());
            segment.shared.putInt(StateSegmentLayout.HEADER_DEVICE, deviceId);
            segment.shared.putInt(StateSegmentLayout.HEADER_VERSION, version);
            segment.shared.putInt(StateSegmentLayout.HEADER_STATE_LENGTH, stateLengthBytes);
            segment.shared.putInt(StateSegmentLayout.HEADER_LAYOUT_VERSION, StateSegmentLayout.LAYOUT_VERSION);
            segment.shared.putLongRelease(StateSegmentLayout.HEADER_MAGIC, StateSegmentLayout.MAGIC);
            return segment;
        } catch (RuntimeException e) {
            memFd.close();
            throw e;
        }
    }

    /**
     * Carries on with a segment received from elsewhere and takes ownership of its descriptor. A memfd that is
     * still empty is for {@link #createIn}.
     *
     * @throws StateFormatException when it is not a sealed segment of this device, version and length, or its committed
     *     slot is damaged
     */
    public static StateSegment adopt(Fd fd, int deviceId, int version, int stateLengthBytes) {
        StateSegmentLayout layout = new StateSegmentLayout(stateLengthBytes);
        long length = FileIo.size(fd);
        require(length == layout.totalLength(), "length of the memfd", length);
        if (!MemFd.of(fd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
            throw new StateFormatException("the state segment's memfd is not sealed against changes of its size");
        }
        Mapping mapping = Mapping.shared(fd, 0, length, Mapping.Access.READ_WRITE);
        try {
            StateSegment segment = new StateSegment(fd, layout, stateLengthBytes, mapping);
            segment.load(deviceId, version, stateLengthBytes);
            return segment;
        } catch (RuntimeException e) {
            mapping.close();
            throw e;
        }
    }

    private void load(int deviceId, int version, int stateLengthBytes) {
        UnsafeBuffer header = new UnsafeBuffer(new byte[StateSegmentLayout.HEADER_LENGTH_BYTES]);
        shared.getBytes(0, header, 0, StateSegmentLayout.HEADER_LENGTH_BYTES);
        long magic = header.getLong(StateSegmentLayout.HEADER_MAGIC);
        require(magic == StateSegmentLayout.MAGIC, "magic", magic);
        int layoutVersion = header.getInt(StateSegmentLayout.HEADER_LAYOUT_VERSION);
        require(layoutVersion == StateSegmentLayout.LAYOUT_VERSION, "layout version", layoutVersion);
        int device = header.getInt(StateSegmentLayout.HEADER_DEVICE);
        require(device == deviceId, "device", device);
        int stateVersion = header.getInt(StateSegmentLayout.HEADER_VERSION);
        require(stateVersion == version, "version of the state", stateVersion);
        int stateLength = header.getInt(StateSegmentLayout.HEADER_STATE_LENGTH);
        require(stateLength == stateLengthBytes, "length of the state", stateLength);
        slots.load(header.getLong(StateSegmentLayout.HEADER_SEQUENCE));
    }

    static void require(boolean holds, String what, long found) {
        if (!holds) {
            throw new StateFormatException("state segment: " + what + " is " + found);
        }
    }

    /** The state, in private memory: the device reads and changes it at will; nothing is shared before a commit. */
    public AtomicBuffer working() {
        return slots.working();
    }

    /**
     * Makes the working state, together with the ring position behind the message it accounts for, what a successor
     * finds.
     *
     * @param ringPosition {@code DeviceEndpoint.positionAfter()}
     */
    public void commit(long ringPosition) {
        slots.commit(ringPosition);
    }

    /** Commits the working state with the position unchanged: for work that no message caused, such as a timer. */
    public void commit() {
        slots.commit(slots.ringPosition());
    }

    /** The ring position last committed; 0 when nothing was. */
    public long ringPosition() {
        return slots.ringPosition();
    }

    /** Number of commits in the life of the segment. */
    public long sequence() {
        return slots.sequence();
    }

    /** Whether nothing has ever been committed: the device starts from its power-on state. */
    public boolean fresh() {
        return slots.sequence() == 0;
    }

    /** The memfd; this object owns it. */
    public Fd fd() {
        return fd;
    }

    /** Unmaps and closes the descriptor. */
    @Override
    public void close() {
        mapping.close();
        fd.close();
    }
}
