package io.jvmm.device.vsock;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.trace.Tape;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What connections have that outlives the process, outside the state segment because most of it is large and little of it changes
 * at a time: {@link VsockStreamsLayout}, in a memfd of the supervisor's. Without one (a scripted device) it is private, and
 * connections die with the process. What is committed in it and what is not the {@link ConnectionBook} knows. Device thread only.
 *
 * <pre>
 *   header    0                8           12              16
 *             | u64 "JVMMVSCK" | u32 1     | connections   | bufferBytes | (0) to 4096 |
 * </pre>
 */
final class StreamMemory implements AutoCloseable {

    private static final long MAGIC = 0x4B43_5356_4D4D_564AL;
    private static final int VERSION = 1;
    private static final int VERSION_AT = 8;
    private static final int CONNECTIONS_AT = 12;
    private static final int BUFFER_BYTES_AT = 16;
    private static final int MOST_ON_TAPE = 1 << 15;

    private final VsockStreamsLayout layout;
    private final Mapping mapping;
    private final UnsafeBuffer fixed;
    private boolean blank;

    private StreamMemory(VsockStreamsLayout layout, Mapping mapping, boolean fresh) {
        this.layout = layout;
        this.mapping = mapping;
        this.fixed = mapping.buffer(0, layout.buffers());
        this.blank = fresh || fixed.getLong(0) == 0;
        if (blank) {
            fixed.putInt(VERSION_AT, VERSION);
            fixed.putInt(CONNECTIONS_AT, layout.connections());
            fixed.putInt(BUFFER_BYTES_AT, layout.bufferBytes());
            fixed.putLongRelease(0, MAGIC);
        }
        require(fixed.getLong(0) == MAGIC, "magic");
        require(fixed.getInt(VERSION_AT) == VERSION, "version");
        require(fixed.getInt(CONNECTIONS_AT) == layout.connections(), "connections");
        require(fixed.getInt(BUFFER_BYTES_AT) == layout.bufferBytes(), "bufferBytes");
        // The kernel writes receipts there; were a page missing then, a process that is being killed would not get it.
        for (int at = layout.journal(); at < layout.records(); at += VsockStreamsLayout.HEADER_BYTES) {
            fixed.putByteVolatile(at, fixed.getByteVolatile(at));
        }
    }

    /** Memory that dies with the process. */
    static StreamMemory ofItsOwn(VsockConfig config) {
        VsockStreamsLayout layout = new VsockStreamsLayout(config.connections(), config.bufferBytes());
        try (MemFd memFd = MemFd.createSealed("vsock-streams", layout.totalBytes())) {
            return new StreamMemory(layout, memFd.map(), true);
        }
    }

    /**
     * The memory in a descriptor of the supervisor's, which is closed.
     *
     * @param fresh whether the device begins anew, whatever is in it
     * @throws StateRejectedException when it is not sealed, or not of this configuration
     */
    static StreamMemory in(Fd fd, VsockConfig config, boolean fresh) {
        VsockStreamsLayout layout = new VsockStreamsLayout(config.connections(), config.bufferBytes());
        try (fd) {
            require(FileIo.size(fd) == layout.totalBytes(), "length");
            require(MemFd.of(fd).hasSeals(MemFd.SEALS_FIXED_SIZE), "seals");
            return new StreamMemory(
                    layout, Mapping.sharedNoReserve(fd, 0, layout.totalBytes(), Mapping.Access.READ_WRITE), fresh);
        }
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new StateRejectedException("vsock streams: " + what + " cannot be");
        }
    }

    /** What a predecessor has left goes on the tape, or comes from it; but for the bytes of connections, at which nobody looks. */
    void pass(Tape tape) {
        blank = tape.answer(VsockCall.STREAMS.code(), blank ? 1 : 0) != 0;
        for (int at = VsockStreamsLayout.HEADER_BYTES; !blank && at < layout.buffers(); at += MOST_ON_TAPE) {
            tape.answerBytes(VsockCall.STREAMS.code(), fixed, at, Math.min(MOST_ON_TAPE, layout.buffers() - at));
        }
    }

    /** Whether nothing is in it that counts. */
    boolean blank() {
        return blank;
    }

    VsockStreamsLayout layout() {
        return layout;
    }

    /** Everything but the connections' bytes. */
    UnsafeBuffer fixed() {
        return fixed;
    }

    /** All of it. */
    MemorySegment segment() {
        return mapping.segment();
    }

    /** Where the buffer of a connection is. */
    long bufferAt(int slot) {
        return layout.buffers() + (long) slot * layout.bufferBytes();
    }

    /** Where what was read of a connection and not given to the guest is. */
    long unreadAt(int slot) {
        return layout.unread() + (long) slot * VsockStreamsLayout.UNREAD_BYTES;
    }

    /** Gives pages back. */
    void discard(long offset, long lengthBytes) {
        mapping.tryRemove(offset, lengthBytes);
    }

    @Override
    public void close() {
        mapping.close();
    }
}
