package io.jvmm.device.vsock;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The socket calls since the last commit, each written down before it is made, in memory that outlives the process, with the place
 * where the kernel itself puts down how far it went ({@link SocketIo}, receipts). A successor, who finds the state as of that commit,
 * {@link #settle settles} them: bytes that were sent are not sent again, bytes that were read are where the call has put them.
 * Device thread only; allocates nothing.
 *
 * <pre>
 *   entry  0                        64          72         76              80         84        88             96
 *          | struct mmsghdr         | u64 epoch | u32 slot | u32 generation| u32 kind | u32 port| u32 segments | u64 offset, u64 length ... |
 * </pre>
 *
 * <p>An entry counts while its epoch is that of the commit to come; they are used from the first on. Segments: where in guest memory
 * what is read goes.
 */
final class Journal {

    /** Data for the guest. */
    static final int READ = 1;
    /** Data of the guest. */
    static final int WRITE = 2;
    /** The client's line, for the port of the entry. */
    static final int LINE = 3;
    /** The answer to it. */
    static final int GREETING = 4;

    /** Most segments of one read. */
    static final int MOST_SEGMENTS = 16;

    private static final int EPOCH = 64;
    private static final int SLOT = 72;
    private static final int GENERATION = 76;
    private static final int KIND = 80;
    private static final int PORT = 84;
    private static final int SEGMENTS = 88;
    private static final int FIRST_SEGMENT = 96;
    private static final int SEGMENT_BYTES = 16;

    private final StreamMemory streams;
    private final UnsafeBuffer fixed;
    private final MemorySegment all;
    private @Nullable Sockets sockets;
    private Runnable afterCall = () -> {};
    private long epoch;
    private int next;
    private int readBytes;

    /** What settling finds. */
    interface Calls {
        /** {@code moved} bytes went to the host. */
        void sent(int slot, int generation, int moved);

        /** Bytes of the host were read; {@link Journal#fetch} brings them. */
        void read(int slot, int generation, int entry, int moved);

        /** The client's line was taken. */
        void line(int slot, int generation, int port);

        /** It was answered. */
        void greeted(int slot, int generation, int moved);
    }

    Journal(StreamMemory streams) {
        this.streams = streams;
        this.fixed = streams.fixed();
        this.all = streams.segment();
    }

    /** For tests: what happens right behind a call, when nothing is known of it but its receipt. */
    void afterCall(Runnable newAfterCall) {
        afterCall = newAfterCall;
    }

    /** Who makes the calls. */
    void over(Sockets newSockets) {
        sockets = newSockets;
    }

    private Sockets host() {
        return Objects.requireNonNull(sockets, "nobody reads or writes before there is a host");
    }

    /** What comes belongs to this commit. */
    void begin(long newEpoch) {
        epoch = newEpoch;
        next = 0;
        readBytes = 0;
    }

    /** Forgets everything. */
    void clear() {
        for (int i = 0; i < VsockStreamsLayout.JOURNAL_ENTRIES; i++) {
            fixed.putLong(place(i) + EPOCH, 0);
        }
    }

    /** Whether a packet can still be read before the next commit. */
    boolean mayRead(int mostBytes) {
        return next < VsockStreamsLayout.JOURNAL_ENTRIES && readBytes + mostBytes <= VsockStreamsLayout.UNREAD_BYTES;
    }

    private int place(int entry) {
        return streams.layout().journal() + entry * VsockStreamsLayout.JOURNAL_ENTRY_BYTES;
    }

    private int write(Connection connection, int kind) {
        int at = place(next);
        SocketIo.clearReceipt(all, at);
        fixed.putInt(at + SLOT, connection.slot);
        fixed.putInt(at + GENERATION, connection.generation);
        fixed.putInt(at + KIND, kind);
        fixed.putInt(at + PORT, 0);
        fixed.putInt(at + SEGMENTS, 0);
        return at;
    }

    private long made(long result) {
        if (result > 0) {
            next++;
        }
        afterCall.run();
        return result;
    }

    private boolean full() {
        return next == VsockStreamsLayout.JOURNAL_ENTRIES;
    }

    /** Reads data for the guest; at most {@link #MOST_SEGMENTS} segments. */
    long read(Connection connection, GuestData into) {
        if (full()) {
            return -Errno.EAGAIN.number();
        }
        int at = write(connection, READ);
        int count = into.count();
        for (int i = 0; i < count; i++) {
            fixed.putLong(at + FIRST_SEGMENT + i * SEGMENT_BYTES, into.offset(i));
            fixed.putLong(at + FIRST_SEGMENT + i * SEGMENT_BYTES + Long.BYTES, into.length(i));
        }
        fixed.putInt(at + SEGMENTS, count);
        fixed.putLongRelease(at + EPOCH, epoch);
        long result = made(host().receive(connection.socket, into.vector(), all, at));
        readBytes += (int) Math.max(result, 0);
        return result;
    }

    /** Takes the client's line, which was looked at. */
    long line(Connection connection, IoVector into, int port) {
        if (full()) {
            return -Errno.EAGAIN.number();
        }
        int at = write(connection, LINE);
        fixed.putInt(at + PORT, port);
        fixed.putLongRelease(at + EPOCH, epoch);
        return made(host().receive(connection.socket, into, all, at));
    }

    /** Sends: {@link #WRITE} or {@link #GREETING}. */
    long send(Connection connection, IoVector from, int kind) {
        if (full()) {
            return -Errno.EAGAIN.number();
        }
        int at = write(connection, kind);
        fixed.putLongRelease(at + EPOCH, epoch);
        return made(host().send(connection.socket, from, all, at));
    }

    // ---- for a successor

    /** The calls behind a commit, in their order; everything in them is hostile but for what is checked here. */
    void settle(long epochToCome, Calls calls) {
        int read = 0;
        for (int i = 0; i < VsockStreamsLayout.JOURNAL_ENTRIES; i++) {
            int at = place(i);
            int moved = SocketIo.receipt(all, at);
            if (fixed.getLong(at + EPOCH) != epochToCome) {
                return;
            }
            if (moved != SocketIo.NO_RECEIPT && moved != 0) {
                int slot = fixed.getInt(at + SLOT);
                int generation = fixed.getInt(at + GENERATION);
                StreamMemory.require(moved > 0, "receipt");
                StreamMemory.require(slot >= 0 && slot < streams.layout().connections(), "slot");
                switch (fixed.getInt(at + KIND)) {
                    case READ -> {
                        StreamMemory.require(moved <= VsockStreamsLayout.UNREAD_BYTES - read, "bytes read");
                        read += moved;
                        calls.read(slot, generation, i, moved);
                    }
                    case WRITE -> calls.sent(slot, generation, moved);
                    case LINE -> calls.line(slot, generation, fixed.getInt(at + PORT));
                    case GREETING -> calls.greeted(slot, generation, moved);
                    default -> StreamMemory.require(false, "kind");
                }
            }
        }
    }

    /** Copies what a read has put into guest memory. */
    void fetch(int entry, int moved, GuestMemory memory, MemorySegment into, long offset) {
        int at = place(entry);
        int count = fixed.getInt(at + SEGMENTS);
        StreamMemory.require(count >= 0 && count <= MOST_SEGMENTS, "segments");
        int done = 0;
        for (int i = 0; i < count && done < moved; i++) {
            long from = fixed.getLong(at + FIRST_SEGMENT + i * SEGMENT_BYTES);
            long length = fixed.getLong(at + FIRST_SEGMENT + i * SEGMENT_BYTES + Long.BYTES);
            StreamMemory.require(from >= 0 && from <= memory.lengthBytes() && length >= 0, "segment");
            int part = (int) Math.min(length, (long) moved - done);
            StreamMemory.require(part <= memory.lengthBytes() - from, "segment");
            MemorySegment.copy(memory.backing(), from, into, offset + done, part);
            done += part;
        }
        StreamMemory.require(done == moved, "receipt");
    }
}
