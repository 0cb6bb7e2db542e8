package io.jvmm.ipc.vsock;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The device's end of the connect channel. Never waits, allocates nothing. One thread. The supervisor is trusted, and its
 * messages are checked all the same: an answer without its descriptor counts as a refusal.
 */
public final class VsockConnectClient {
    private final Fd fd;
    private final SocketIo io;
    private final MemorySegment message = Arena.ofAuto().allocate(VsockConnectLayout.LENGTH_BYTES, Long.BYTES);
    private int what;
    private int id;
    private int errno;
    private int descriptor = SocketIo.NO_DESCRIPTOR;
    private boolean closed;

    /**
     * Over the descriptor {@code connect} of a vsock function.
     *
     * @param io used within calls only, so it may be shared
     */
    public VsockConnectClient(Fd fd, SocketIo io) {
        this.fd = fd;
        this.io = io;
    }

    /** To be watched for readability. */
    public Fd fd() {
        return fd;
    }

    /** Whether the supervisor has closed its end; nothing can be asked any more. */
    public boolean closed() {
        return closed;
    }

    /**
     * Asks for a connection to a port of the host.
     *
     * @param requestId comes back with the answer; without {@link VsockConnectLayout#CLIENT_ID}
     * @return false when the channel is full (try again later) or {@link #closed}
     */
    public boolean ask(int requestId, int port) {
        return send(VsockConnectLayout.CONNECT, requestId, port);
    }

    /** Says that a connection has ended. As {@link #ask}. */
    public boolean tellClosed(int connectionId) {
        return send(VsockConnectLayout.CLOSED, connectionId, 0);
    }

    /** Asks for every socket that is held. As {@link #ask}. */
    public boolean resume(int nonce) {
        return send(VsockConnectLayout.RESUME, nonce, 0);
    }

    private boolean send(int kind, int about, int value) {
        if (closed) {
            return false;
        }
        message.set(VsockConnectLayout.U32, VsockConnectLayout.WHAT, kind);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.ID, about);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.VALUE, value);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.VALUE + Integer.BYTES, 0);
        long result = io.sendMessage(fd.number(), message, 0, VsockConnectLayout.LENGTH_BYTES, SocketIo.NO_DESCRIPTOR);
        if (Syscall.isError(result) && !Errno.EAGAIN.is(result) && !Errno.EINTR.is(result)) {
            closed = true;
        }
        return !Syscall.isError(result);
    }

    /**
     * Takes the next message: {@link #what}, {@link #id}, {@link #errno}, {@link #takeDescriptor}.
     *
     * @return false when there is none, or the channel is {@link #closed}
     */
    public boolean next() {
        while (!closed) {
            long result = io.receiveMessage(fd.number(), message, 0, VsockConnectLayout.LENGTH_BYTES);
            int came = io.takeDescriptor();
            boolean noRoom = Errno.EMFILE.is(result); // for the descriptor; the message counts as one all the same
            if (result == VsockConnectLayout.LENGTH_BYTES || noRoom) {
                what = message.get(VsockConnectLayout.U32, VsockConnectLayout.WHAT);
                id = message.get(VsockConnectLayout.U32, VsockConnectLayout.ID);
                int value = message.get(VsockConnectLayout.U32, VsockConnectLayout.VALUE);
                errno = noRoom ? Errno.EMFILE.number() : value;
                descriptor = came;
                check();
                return true;
            }
            if (came != SocketIo.NO_DESCRIPTOR) {
                SocketIo.close(came);
            }
            if (Errno.EAGAIN.is(result)) {
                return false;
            }
            closed = !(result > 0 || Errno.EMSGSIZE.is(result) || Errno.EINTR.is(result));
        }
        return false;
    }

    private void check() {
        boolean expected = what != VsockConnectLayout.END && errno == 0;
        if (!expected && descriptor != SocketIo.NO_DESCRIPTOR) {
            SocketIo.close(takeDescriptor());
        } else if (expected && descriptor == SocketIo.NO_DESCRIPTOR) {
            errno = Errno.EBADMSG.number();
        }
    }

    /** Which message it is. */
    public int what() {
        return what;
    }

    /** Which connection it is about, or which RESUME. */
    public int id() {
        return id;
    }

    /** 0, or why there is no connection. */
    public int errno() {
        return errno;
    }

    /** Whether the socket that this message should have brought was lost on the way, for want of a descriptor here: the sender holds one. */
    public boolean lostDescriptor() {
        return what != VsockConnectLayout.END && (errno == Errno.EMFILE.number() || errno == Errno.EBADMSG.number());
    }

    /** The connected socket, now the caller's; {@link SocketIo#NO_DESCRIPTOR} when {@link #errno} is not 0. */
    public int takeDescriptor() {
        int taken = descriptor;
        descriptor = SocketIo.NO_DESCRIPTOR;
        return taken;
    }
}
