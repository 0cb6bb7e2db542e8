package io.jvmm.device.vsock;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.MemorySegment;

/**
 * What the guest has sent and the host has not taken yet: a ring of bytes for each connection, as large as the {@code buf_alloc}
 * the guest is told, in the {@link StreamMemory}. Memory is touched only where a host is slow, and given back when the connection ends.
 * Bytes of the last commit are overwritten only after they were sent, which the {@link Journal} tells. Device thread only.
 */
final class HostBuffers {

    private static final int PAGE_BYTES = 4096;

    private final StreamMemory streams;
    private final MemorySegment memory;
    private final int bytesEach;

    HostBuffers(StreamMemory streams) {
        this.streams = streams;
        this.memory = streams.segment();
        this.bytesEach = streams.layout().bufferBytes();
    }

    int capacityBytes() {
        return bytesEach;
    }

    /** Copies {@code lengthBytes} of the chain; there must be room. */
    void append(Connection connection, Chain from, long position, int lengthBytes) {
        int done = 0;
        while (done < lengthBytes) {
            int at = (connection.bufferHead + connection.bufferCount) % bytesEach;
            int part = Math.min(lengthBytes - done, bytesEach - at);
            from.carryOut(position + done, memory, base(connection) + at, part);
            connection.bufferCount += part;
            connection.bufferTouched = Math.max(connection.bufferTouched, at + part);
            done += part;
        }
    }

    /** Adds what the ring holds to a vector: one part or two. */
    void addTo(IoVector vector, Connection connection) {
        int first = Math.min(connection.bufferCount, bytesEach - connection.bufferHead);
        vector.add(memory, base(connection) + connection.bufferHead, first);
        vector.add(memory, base(connection), connection.bufferCount - first);
    }

    /** The oldest bytes have left. */
    void remove(Connection connection, int lengthBytes) {
        connection.bufferCount -= lengthBytes;
        // An empty ring begins anew, so that a little data again and again stays in one page.
        connection.bufferHead = connection.bufferCount == 0 ? 0 : (connection.bufferHead + lengthBytes) % bytesEach;
    }

    /** Nobody wants what it holds. The bytes stay until {@link #discard}: a successor may find that it was not so. */
    void release(Connection connection) {
        connection.bufferCount = 0;
        connection.bufferHead = 0;
    }

    /** The connection has ended, and that is committed. */
    void discard(Connection connection) {
        if (connection.bufferTouched > PAGE_BYTES) {
            streams.discard(base(connection), bytesEach);
        }
        connection.bufferTouched = 0;
        if (connection.unreadHead + connection.unreadCount > 0) {
            streams.discard(streams.unreadAt(connection.slot), VsockStreamsLayout.UNREAD_BYTES);
            connection.unreadHead = 0;
            connection.unreadCount = 0;
        }
    }

    private long base(Connection connection) {
        return streams.bufferAt(connection.slot);
    }
}
