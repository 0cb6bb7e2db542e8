package io.jvmm.ipc.vsock;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The supervisor's end of the connect channel of one vsock function. It holds a duplicate of every socket it passes on, so that a
 * connection survives the device's process: a successor asks for all of them. Never waits. One thread.
 *
 * <p><b>Hostile:</b> the device: it may send anything, at any pace, and read no answers; any port and any id is legal. It cannot make
 * this object hold more than {@code mostHeld} sockets. When the socket is readable:
 *
 * <pre>{@code
 * while (budget-- > 0 && server.next() == VsockConnectServer.Next.REQUEST) {
 *     // connect, without waiting, to the function's path + "_" + Integer.toUnsignedString(server.port())
 *     server.accept(server.id(), stream);  or  server.refuse(server.id(), Errno.ECONNREFUSED);
 * }
 * server.flush(); // and again when the socket is writable, as long as server.pending()
 * }</pre>
 */
public final class VsockConnectServer implements AutoCloseable {

    /** Answers and announcements that wait for room; a device that reads nothing loses those beyond. */
    private static final int MOST_WAITING = 4096;

    private UnixSocket socket;
    private final int mostHeld;
    private final SocketIo io = new SocketIo();
    private final MemorySegment message = Arena.ofAuto().allocate(VsockConnectLayout.LENGTH_BYTES, Long.BYTES);
    private final Map<Integer, Fd> held = new LinkedHashMap<>();
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private int lastClient;
    private int id;
    private int port;

    /** What {@link #next} found. */
    public enum Next {
        /** Nothing waits. */
        NONE,
        /** A request: {@link #id} and {@link #port}. */
        REQUEST,
        /** Something that was done already: a connection has ended, or a successor gets what is held. */
        DONE,
        /** A datagram that is none of the protocol's, or one with a descriptor; it was dropped. The device has broken the protocol. */
        VIOLATION,
        /** The device has closed its end, or the socket failed. */
        CLOSED
    }

    /** A message that found no room yet; with the socket held under its id where it is one that carries it. */
    private record Waiting(int what, int id, int errno) {}

    /**
     * Takes over the supervisor's end of a {@link UnixSocket#seqPacketPair}.
     *
     * @param mostHeld most sockets held at a time
     */
    public VsockConnectServer(UnixSocket socket, int mostHeld) {
        this.socket = socket;
        this.mostHeld = mostHeld;
    }

    /** To be watched for {@link io.jvmm.ipc.sys.Poller#READABLE}. */
    public Fd fd() {
        return socket.fd();
    }

    /** Goes on over another channel, with a device that has not seen anything of this one; what is held stays. */
    public void renew(UnixSocket newSocket) {
        socket.close();
        socket = newSocket;
        waiting.clear(); // who comes asks for everything
    }

    /** Sockets held now. */
    public int held() {
        return held.size();
    }

    /** Whether no further socket may be held. */
    public boolean full() {
        return held.size() >= mostHeld;
    }

    /** Whether something waits for room in the channel: {@link #flush} when it is writable. */
    public boolean pending() {
        return !waiting.isEmpty();
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
            port = message.get(VsockConnectLayout.U32, VsockConnectLayout.VALUE);
            return take(message.get(VsockConnectLayout.U32, VsockConnectLayout.WHAT));
        }
        return result > 0 || Errno.EMSGSIZE.is(result) ? Next.VIOLATION : Next.CLOSED;
    }

    private Next take(int what) {
        return switch (what) {
            case VsockConnectLayout.CONNECT -> (id & VsockConnectLayout.CLIENT_ID) == 0 ? Next.REQUEST : Next.VIOLATION;
            case VsockConnectLayout.CLOSED -> {
                letGo(id); // of what is not held any more a successor says it again
                yield Next.DONE;
            }
            case VsockConnectLayout.RESUME -> {
                waiting.removeIf(w -> w.what == VsockConnectLayout.HELD || w.what == VsockConnectLayout.END);
                // Not a try to send for each: a datagram of a device that reads nothing would cost a call a socket.
                held.keySet().forEach(key -> put(new Waiting(VsockConnectLayout.HELD, key, 0)));
                tell(new Waiting(VsockConnectLayout.END, id, 0));
                yield Next.DONE;
            }
            default -> Next.VIOLATION;
        };
    }

    private void letGo(int key) {
        Fd fd = held.remove(key);
        if (fd != null) {
            fd.close();
        }
    }

    /** Closes all that is held: there will be no device any more. */
    public void letGoOfAll() {
        held.values().forEach(Fd::close);
        held.clear();
        waiting.clear();
    }

    /** The device's number for the request; to be given back, and nothing else to be made of it. */
    public int id() {
        return id;
    }

    /** The host's port the guest wants, an unsigned 32-bit number. */
    public int port() {
        return port;
    }

    /** Whether a socket is held for this request already: who asks again, being a successor, gets that one. */
    public boolean answered(int requestId) {
        return held.containsKey(requestId);
    }

    /**
     * Passes a connected stream socket on and holds a duplicate; the caller closes its own descriptor afterwards, whatever the
     * answer. Where one is {@link #answered} already that is passed again.
     *
     * @return false when there is no room for it: the device is told so
     */
    public boolean accept(int requestId, Fd stream) {
        if (!answered(requestId)) {
            if (full()) {
                refuse(requestId, Errno.EAGAIN);
                return false;
            }
            try {
                held.put(requestId, stream.duplicate());
            } catch (SysException e) {
                refuse(requestId, e.errno());
                return false;
            }
        }
        tell(new Waiting(VsockConnectLayout.CONNECTED, requestId, 0));
        return true;
    }

    /** Passes the socket of an {@link #answered} request again. */
    public void acceptAgain(int requestId) {
        tell(new Waiting(VsockConnectLayout.CONNECTED, requestId, 0));
    }

    /**
     * Says why there is no connection: ENOENT and ECONNREFUSED when nobody listens, EAGAIN when too many wait already or the
     * device asks too often.
     */
    public void refuse(int requestId, Errno why) {
        tell(new Waiting(VsockConnectLayout.CONNECTED, requestId, Math.max(1, why.number())));
    }

    /** Passes a client of the host on, and keeps the socket; only while not {@link #full}. */
    public void client(Fd stream) {
        do {
            lastClient = (lastClient + 1) & ~VsockConnectLayout.CLIENT_ID;
        } while (held.containsKey(lastClient | VsockConnectLayout.CLIENT_ID));
        int clientId = lastClient | VsockConnectLayout.CLIENT_ID;
        held.put(clientId, stream);
        tell(new Waiting(VsockConnectLayout.CLIENT, clientId, 0));
    }

    private void tell(Waiting what) {
        put(what);
        flush();
    }

    private void put(Waiting what) {
        if (waiting.size() < MOST_WAITING) {
            waiting.add(what);
        }
    }

    /** Sends what waits, as far as there is room. */
    public void flush() {
        boolean room = true;
        while (room && !waiting.isEmpty()) {
            Waiting next = waiting.element();
            Fd fd = held.get(next.id);
            boolean carries = next.what != VsockConnectLayout.END && next.errno == 0;
            room = (carries && fd == null) || send(next, carries && fd != null ? fd.number() : SocketIo.NO_DESCRIPTOR);
            if (room) {
                waiting.remove();
            }
        }
    }

    private boolean send(Waiting what, int descriptor) {
        message.set(VsockConnectLayout.U32, VsockConnectLayout.WHAT, what.what);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.ID, what.id);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.VALUE, what.errno);
        message.set(VsockConnectLayout.U32, VsockConnectLayout.VALUE + Integer.BYTES, 0);
        long result = io.sendMessage(socket.fd().number(), message, 0, VsockConnectLayout.LENGTH_BYTES, descriptor);
        // ETOOMANYREFS: too many descriptors of an ordinary user are under way; they arrive, and there is room again.
        return !(Errno.EAGAIN.is(result) || Errno.EINTR.is(result) || Errno.ETOOMANYREFS.is(result));
    }

    @Override
    public void close() {
        letGoOfAll();
        socket.close();
    }
}
