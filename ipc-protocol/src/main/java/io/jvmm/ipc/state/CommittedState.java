package io.jvmm.ipc.state;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a process has committed to its state segment, read from outside without its help: for inspectors and snapshots. The segment may be
 * a memfd that the process goes on committing to, or a file to which one was copied. PROTOCOL.md, "State segment", reading.
 *
 * <p>Hostile: all of it. The segment is read with pread into private memory, so that a memfd which shrinks is an error and not a
 * SIGBUS; the fields of the state are the reader's to check.
 *
 * @param deviceId whose state it is
 * @param version of the device's state layout
 * @param sequence number of the commit; 0 when there has been none, and then {@code state} is zeros
 * @param ringPosition how far the process had read its ring
 * @param state a private copy
 */
public record CommittedState(int deviceId, int version, long sequence, long ringPosition, DirectBuffer state) {
    /** A process commits some hundred thousand times a second at most, and a copy takes microseconds. */
    private static final int MOST_TRIES = 1_000;

    /**
     * Reads the state of the last commit.
     *
     * @throws StateFormatException when this is no state segment, or the committed slot is damaged, or commits come faster than they can
     *     be read
     * @throws io.jvmm.ipc.sys.SysException when the file cannot be read
     */
    public static CommittedState read(Fd fd) {
        return read(fd, MOST_TRIES);
    }

    /**
     * The same for whoever must not be kept.
     *
     * @param mostTries so often it is read at most, when commits spoil what is read
     */
    public static CommittedState read(Fd fd, int mostTries) {
        UnsafeBuffer header = readAt(fd, 0, StateSegmentLayout.HEADER_LENGTH_BYTES);
        StateSegment.require(
                header.getLong(StateSegmentLayout.HEADER_MAGIC) == StateSegmentLayout.MAGIC,
                "magic",
                header.getLong(StateSegmentLayout.HEADER_MAGIC));
        int layoutVersion = header.getInt(StateSegmentLayout.HEADER_LAYOUT_VERSION);
        StateSegment.require(layoutVersion == StateSegmentLayout.LAYOUT_VERSION, "layout version", layoutVersion);
        int lengthBytes = header.getInt(StateSegmentLayout.HEADER_STATE_LENGTH);
        StateSegment.require(
                lengthBytes > 0 && lengthBytes <= StateSegmentLayout.MAX_STATE_BYTES,
                "length of the state",
                lengthBytes);
        StateSegmentLayout layout = new StateSegmentLayout(lengthBytes);
        StateSlots slots = load(fd, layout, lengthBytes, mostTries);
        UnsafeBuffer state = new UnsafeBuffer(new byte[lengthBytes]);
        state.putBytes(0, slots.working(), 0, lengthBytes);
        return new CommittedState(
                header.getInt(StateSegmentLayout.HEADER_DEVICE),
                header.getInt(StateSegmentLayout.HEADER_VERSION),
                slots.sequence(),
                slots.ringPosition(),
                state);
    }

    /** A commit that comes while this reads goes to the other slot; the one after that spoils the copy, which its checksum tells. */
    private static StateSlots load(Fd fd, StateSegmentLayout layout, int lengthBytes, int mostTries) {
        for (int i = 1; ; i++) {
            UnsafeBuffer all = readAt(fd, 0, layout.totalLength());
            long sequence = all.getLong(StateSegmentLayout.HEADER_SEQUENCE);
            StateSlots slots = new StateSlots(all, layout, lengthBytes);
            try {
                slots.load(sequence);
                return slots;
            } catch (StateFormatException e) {
                long now = readAt(fd, StateSegmentLayout.HEADER_SEQUENCE, Long.BYTES)
                        .getLong(0);
                if (now == sequence || i >= mostTries) {
                    throw e;
                }
            }
        }
    }

    private static UnsafeBuffer readAt(Fd fd, long position, int lengthBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(lengthBytes);
            long done = 0;
            while (done < lengthBytes) {
                long count = FileIo.tryReadAt(fd, position + done, target, done, lengthBytes - done);
                if (!Errno.EINTR.is(count)) {
                    Syscall.check("read state segment", count);
                    StateSegment.require(count > 0, "length of the file", position + done);
                    done += count;
                }
            }
            return new UnsafeBuffer(target.toArray(ValueLayout.JAVA_BYTE));
        }
    }
}
