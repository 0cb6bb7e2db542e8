package io.jvmm.device.vsock;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** A program of the host at its end of a connection; never waits. */
final class HostEnd implements AutoCloseable {
    private static final int BUFFER_BYTES = 256 * 1024;

    private final SocketIo io = new SocketIo();
    private final MemorySegment buffer = Arena.ofAuto().allocate(BUFFER_BYTES);
    private final UnixSocket socket;
    private final Runnable supervisor;
    private boolean ended;
    private long error;

    HostEnd(UnixSocket socket) {
        this(socket, () -> {});
    }

    /** @param supervisor lets go of what has ended */
    HostEnd(UnixSocket socket, Runnable supervisor) {
        this.socket = socket;
        this.supervisor = supervisor;
    }

    /** Writes as much as there is room for; how much that was, or a negated errno. */
    int write(byte[] bytes, int offset, int length) {
        int part = Math.min(length, BUFFER_BYTES);
        MemorySegment.copy(bytes, offset, buffer, ValueLayout.JAVA_BYTE, 0, part);
        return (int) io.send(socket.fd().number(), buffer, 0, part);
    }

    void write(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        int written = write(bytes, 0, bytes.length);
        if (written != bytes.length) {
            throw new AssertionError("wrote " + written + " of " + bytes.length);
        }
    }

    /** Reads what is there, at most {@code limit} bytes. */
    byte[] read(int limit) {
        long count = io.receive(socket.fd().number(), buffer, 0, Math.min(limit, BUFFER_BYTES));
        if (count > 0) {
            return buffer.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
        }
        if (count == 0) {
            ended = true;
        } else if (!Errno.EAGAIN.is(count)) {
            error = count;
        }
        return new byte[0];
    }

    String read() {
        return new String(read(BUFFER_BYTES), StandardCharsets.ISO_8859_1);
    }

    /** Whether the device has closed its end, as {@link #read} found; or reset it, where bytes of ours were unread. */
    boolean ended() {
        supervisor.run();
        if (!ended && error == 0) {
            read(0x10000);
        }
        return ended || Errno.ECONNRESET.is(error);
    }

    /** Reads what is there and sends it back; allocates nothing. */
    int echo(int limit) {
        long count = io.receive(socket.fd().number(), buffer, 0, limit);
        if (count > 0) {
            io.send(socket.fd().number(), buffer, 0, count);
        }
        return (int) Math.max(count, 0);
    }

    void shutdownSending() {
        SocketIo.shutdown(socket.fd().number(), SocketIo.SHUT_SENDING);
    }

    void shutdownReceiving() {
        SocketIo.shutdown(socket.fd().number(), SocketIo.SHUT_RECEIVING);
    }

    @Override
    public void close() {
        socket.close();
    }
}
