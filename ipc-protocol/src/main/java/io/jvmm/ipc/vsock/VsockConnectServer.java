package io.jvmm.ipc.vsock;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The supervisor's end of the connect channel of one vsock function. Never waits, allocates nothing. One thread.
 *
 * <p><b>Hostile:</b> the device: it may send anything, at any pace, and read no replies; any port is legal. When the socket is
 * readable:
 *
 * <pre>{@code
 * while (budget-- > 0 && server.next() == VsockConnectServer.Next.REQUEST) {
 *     // connect, without waiting, to the function's path + "_" + Integer.toUnsignedString(server.port())
 *     server.accept(server.id(), stream);  or  server.refuse(server.id(), Errno.ECONNREFUSED);
 * }
 * }</pre>
 */
public final class VsockConnectServer implements AutoCloseable {
    private final UnixSocket socket;
    private final SocketIo io = new SocketIo();
    private final MemorySegment message = Arena.ofAuto().allocate(VsockConnectLayout.LENGTH_BYTES, Long.BYTES);
    private int id;
    private int port;

    /** What {@link #next} found. */
    public enum Next {
        /** Nothing waits. */
        NONE,
        /** A request: {@link #id} and {@link #port}. */
        REQUEST,
        /** A datagram that is no request, or one with a descriptor; it was dropped. The device has broken the protocol. */
        VIOLATION,
        /** The device has closed its end, or the socket failed. */
        CLOSED
    }

    /** Takes over the supervisor's end of a {@link UnixSocket#seqPacketPair}. */
    public VsockConnectServer(UnixSocket socket) {
        this.socket = socket;
    }

    /** To be watched for {@link io.jvmm.ipc.sys.Poller#READABLE}. */
    public Fd fd() {
        return socket.fd();
    }

    /** Takes the next datagram, if there is one. */
    public Next next() {
        long result = io.receiveMessage(socket.fd().number(), message, 0, VsockConnectLayout.LENGTH_BYTES);
        int descriptor = io.takeDescriptor();
        if (descriptor != SocketIo.NO_DESCRIPTOR) {
            SocketIo.close(descriptor);
            return Next.VIOLATION;
        }
        if (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)) {
            return Next.NONE;
        }
        if (result == VsockConnectLayout.LENGTH_BYTES) {
            id = message.get(VsockConnectLayout.U32, VsockConnectLayout.ID);
            port = message.get(VsockConnectLayout.U32, VsockConnectLayout.PORT);
            return Next.REQUEST;
        }
        return result > 0 || Errno.EMSGSIZE.is(result) ? Next.VIOLATION : Next.CLOSED;
    }

    /** The device's number for the request; to be given back, and nothing else to be made of it. */
    public int id() {
        return id;
    }

    /** The host's port the guest wants, an unsigned 32-bit number. */
    public int port() {
        return port;
    }

    /**
     * Passes a connected stream socket on; the caller closes its own descriptor afterwards, whatever the answer.
     *
     * @return false when the device takes no more replies: the connection is lost then, and a guest sees a time-out
     */
    public boolean accept(int requestId, Fd stream) {
        return reply(requestId, 0, stream.number());
    }

    /**
     * Says why there is no connection: ENOENT and ECONNREFUSED when nobody listens, EAGAIN when too many wait already or the
     * device asks too often.
     *
     * @return false when the device takes no more replies
     */
    public boolean refuse(int requestId, Errno why) {
        return reply(requestId, Math.max(1, why.number()), SocketIo.NO_DESCRIPTOR);
    }

    private boolean reply(int requestId, int errno, int descriptor) {
        message.set(VsockConnectLayout.U32, VsockConnectLayout.ID, requestId);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.ERRNO, errno);
        long result = io.sendMessage(socket.fd().number(), message, 0, VsockConnectLayout.LENGTH_BYTES, descriptor);
        return !Syscall.isError(result);
    }

    @Override
    public void close() {
        socket.close();
    }
}
