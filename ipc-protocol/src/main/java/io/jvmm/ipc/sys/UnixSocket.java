package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A local socket (unix(7)), SEQPACKET or STREAM, that can pass descriptors. Not for hot paths: sending and receiving
 * allocate. Any thread, one at a time for each direction.
 *
 * <p>Received descriptors are close-on-exec from the start. A datagram that was cut short, in its bytes or in its
 * descriptors, is an error and everything that came with it is closed.
 *
 * <pre>
 *   struct msghdr (x86-64, as the kernel reads it)
 *   0       8         16      24        32        40           48      56
 *   | name  | namelen | iov   | iovlen  | control | controllen | flags |
 *   struct cmsghdr
 *   0       8        12       16
 *   | len   | level  | type   | int descriptors...
 * </pre>
 *
 * <p>System calls: socketpair, socket, fchmod, bind, listen, connect, accept4 to make one; sendmsg, recvmsg, ppoll to use it;
 * shutdown, close.
 */
public final class UnixSocket implements AutoCloseable {
    /** Most descriptors a datagram carries here; the kernel's own limit (SCM_MAX_FD) is 253. */
    public static final int MAX_FDS = 64;

    /** Most bytes of a socket's path: {@code sun_path} without its final zero. */
    public static final int MAX_PATH_BYTES = 107;

    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_SEQPACKET = 5;
    private static final int SOCK_NONBLOCK = 0x800;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_CTRUNC = 0x08;
    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private static final int MSGHDR_LENGTH_BYTES = 56;
    private static final int MSG_IOV_OFFSET = 16;
    private static final int MSG_IOVLEN_OFFSET = 24;
    private static final int MSG_CONTROL_OFFSET = 32;
    private static final int MSG_CONTROLLEN_OFFSET = 40;
    private static final int MSG_FLAGS_OFFSET = 48;
    private static final int IOVEC_LENGTH_BYTES = 16;
    private static final int CMSG_HEADER_BYTES = 16;
    private static final int SOCKADDR_PATH_OFFSET = 2;
    private static final int OWNER_READ_WRITE = 0600;

    private final Fd fd;

    private UnixSocket(Fd fd) {
        this.fd = fd;
    }

    /** Two sockets joined to one another. */
    public record Pair(UnixSocket left, UnixSocket right) implements AutoCloseable {
        @Override
        public void close() {
            left.close();
            right.close();
        }
    }

    /** What arrived: bytes, and descriptors that now belong to the receiver. */
    public static final class Received {
        private final byte[] bytes;
        private final List<Fd> fds;

        private Received(byte[] bytes, List<Fd> fds) {
            this.bytes = bytes;
            this.fds = fds;
        }

        /** The datagram, or what a stream had; empty at the end of the connection. Not a copy. */
        public byte[] bytes() {
            return bytes;
        }

        /** The descriptors that came with it, owned by the receiver. */
        public List<Fd> fds() {
            return fds;
        }

        /** Whether the other end has closed. */
        public boolean endOfFile() {
            return bytes.length == 0 && fds.isEmpty();
        }
    }

    /** A joined pair that keeps the borders of datagrams. */
    public static Pair seqPacketPair() {
        return pair(SOCK_SEQPACKET);
    }

    /** A joined pair of byte streams. */
    public static Pair streamPair() {
        return pair(SOCK_STREAM);
    }

    /** Takes ownership of a socket descriptor. */
    public static UnixSocket of(Fd fd) {
        return new UnixSocket(fd);
    }

    private static Pair pair(int type) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ends = arena.allocate(2L * Integer.BYTES, Integer.BYTES);
            Syscall.check(
                    "create socket pair",
                    Syscall.call(SyscallNumbers.SOCKETPAIR, AF_UNIX, type | SOCK_CLOEXEC, 0, ends.address()));
            return new Pair(
                    of(Fd.of(ends.get(ValueLayout.JAVA_INT, 0))),
                    of(Fd.of(ends.get(ValueLayout.JAVA_INT, Integer.BYTES))));
        }
    }

    /**
     * A listening stream socket at a path that does not exist yet, for this user alone: it is never there with another mode,
     * since bind(2) gives the path that of the socket, less the umask.
     *
     * @param backlog connections that may wait to be accepted
     * @throws IllegalArgumentException when the path is longer than {@link #MAX_PATH_BYTES}
     */
    public static UnixSocket listen(Path path, int backlog) {
        Fd fd = streamSocket();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = address(arena, path);
            Syscall.check(
                    "set the mode of a socket", Syscall.call(SyscallNumbers.FCHMOD, fd.number(), OWNER_READ_WRITE));
            Syscall.check(
                    "bind socket " + path,
                    Syscall.call(SyscallNumbers.BIND, fd.number(), address.address(), address.byteSize()));
            Syscall.check("listen on " + path, Syscall.call(SyscallNumbers.LISTEN, fd.number(), backlog));
            return of(fd);
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
    }

    /** A stream connected to the socket that listens at a path. Waits while its backlog is full. */
    public static UnixSocket connect(Path path) {
        return connect(path, streamSocket());
    }

    /** The same without waiting, and the stream does not wait either: EAGAIN when the backlog is full. */
    public static UnixSocket connectNow(Path path) {
        Fd fd = streamSocket();
        fd.setNonBlocking(true);
        return connect(path, fd);
    }

    private static UnixSocket connect(Path path, Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = address(arena, path);
            Syscall.check(
                    "connect to " + path,
                    Syscall.call(SyscallNumbers.CONNECT, fd.number(), address.address(), address.byteSize()));
            return of(fd);
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
    }

    /** Waits for a connection to this listening socket. */
    public UnixSocket accept() {
        while (true) {
            long result = Syscall.call(SyscallNumbers.ACCEPT4, fd.number(), 0, 0, SOCK_CLOEXEC);
            if (!Errno.EINTR.is(result)) {
                return of(Fd.of((int) Syscall.check("accept connection", result)));
            }
        }
    }

    /**
     * Takes a waiting connection, which is made non-blocking, from this listening socket, which should be non-blocking.
     * Allocates nothing and throws nothing.
     *
     * @return the descriptor's number, or a negated errno: EAGAIN when nobody waits
     */
    public long tryAccept() {
        return Syscall.call(SyscallNumbers.ACCEPT4, fd.number(), 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }

    private static Fd streamSocket() {
        return Fd.of((int) Syscall.check(
                "create socket", Syscall.call(SyscallNumbers.SOCKET, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    }

    private static MemorySegment address(Arena arena, Path path) {
        byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0 || bytes.length > MAX_PATH_BYTES) {
            throw new IllegalArgumentException("path of a socket is 1.." + MAX_PATH_BYTES + " bytes long, this one "
                    + bytes.length + ": " + path + "; choose a shorter directory");
        }
        MemorySegment address = arena.allocate(SOCKADDR_PATH_OFFSET + bytes.length + 1L, Long.BYTES);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
        MemorySegment.copy(bytes, 0, address, ValueLayout.JAVA_BYTE, SOCKADDR_PATH_OFFSET, bytes.length);
        return address;
    }

    /** Sends bytes, waiting while the peer's buffer is full. */
    public void send(byte[] bytes) {
        send(bytes, List.of());
    }

    /** Sends one datagram (or all the bytes of a stream's chunk) with descriptors, waiting while the peer's buffer is full. */
    public void send(byte[] bytes, List<Fd> fds) {
        send(bytes, fds, "the other end of a socket", Poller.FOREVER);
    }

    /**
     * Sends one datagram (or all the bytes of a stream's chunk) with descriptors, to a peer that perhaps never reads.
     *
     * @param fds at most {@link #MAX_FDS}; they stay ours and open
     * @param peer who that is, for the message of an error
     * @param timeoutNs nanoseconds for all of it; {@link Poller#FOREVER} for no limit
     * @throws SysException.TimedOut when the peer's buffer had no room in time; of a datagram nothing was sent then
     * @throws SysException.Disconnected when the peer has closed
     */
    public void send(byte[] bytes, List<Fd> fds, String peer, long timeoutNs) {
        if (fds.size() > MAX_FDS) {
            throw new IllegalArgumentException(fds.size() + " descriptors in one datagram, at most " + MAX_FDS);
        }
        long startNs = Clock.monotonicNs();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(Math.max(bytes.length, 1));
            MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
            MemorySegment control = fds.isEmpty() ? MemorySegment.NULL : rights(arena, fds);
            int sent = 0;
            do {
                MemorySegment part = data.asSlice(sent, bytes.length - sent);
                MemorySegment header = header(arena, part, sent == 0 ? control : MemorySegment.NULL);
                long result = Syscall.call(
                        SyscallNumbers.SENDMSG, fd.number(), header.address(), MSG_NOSIGNAL | MSG_DONTWAIT);
                if (!Errno.EAGAIN.is(result) && !Errno.EINTR.is(result)) {
                    sent += (int) Syscall.check("send to " + peer, result);
                    if (bytes.length == 0) {
                        return;
                    }
                } else {
                    waitFor(Poller.WRITABLE, left(timeoutNs, startNs, "send to " + peer));
                }
            } while (sent < bytes.length);
        }
    }

    /** What is left of a time-out that began at {@code startNs}; when nothing is, the operation has timed out. */
    private static long left(long timeoutNs, long startNs, String operation) {
        if (timeoutNs == Poller.FOREVER) {
            return Poller.FOREVER;
        }
        long leftNs = timeoutNs - (Clock.monotonicNs() - startNs);
        if (leftNs <= 0) {
            throw SysException.of(operation, Errno.ETIMEDOUT.number());
        }
        return leftNs;
    }

    /** Waits for one datagram (or some bytes of a stream). See {@link #receive(int, long)}. */
    public Received receive(int maxBytes) {
        return receive(maxBytes, Poller.FOREVER);
    }

    /**
     * Waits for one datagram (or some bytes of a stream) and the descriptors that come with it.
     *
     * @param maxBytes the longest datagram accepted
     * @param timeoutNs nanoseconds; {@link Poller#FOREVER} for no limit
     * @throws SysException.TimedOut when nothing arrived in time
     * @throws SysException.Failed with EMSGSIZE when the datagram was longer or carried more than {@link #MAX_FDS}
     *     descriptors; all of it is dropped
     */
    public Received receive(int maxBytes, long timeoutNs) {
        long startNs = Clock.monotonicNs();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(Math.max(maxBytes, 1));
            MemorySegment control = arena.allocate(CMSG_HEADER_BYTES + (long) MAX_FDS * Integer.BYTES, Long.BYTES);
            boolean reset = false;
            while (true) {
                MemorySegment header = header(arena, data, control);
                long result = Syscall.call(
                        SyscallNumbers.RECVMSG, fd.number(), header.address(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
                if (!Syscall.isError(result)) {
                    return received(header, data, control, (int) result);
                }
                if (Errno.ECONNRESET.is(result)) {
                    if (reset) {
                        return new Received(new byte[0], List.of());
                    }
                    reset = true; // the peer left something unread; Linux says so once, and what it sent comes behind
                    // that
                    continue;
                }
                if (!Errno.EAGAIN.is(result) && !Errno.EINTR.is(result)) {
                    throw SysException.of("receive from socket", (int) -result);
                }
                waitFor(Poller.READABLE, left(timeoutNs, startNs, "receive from socket"));
            }
        }
    }

    /** Tells the peer that nothing more will be sent, and ends receiving too. */
    public void shutdown() {
        Syscall.call(SyscallNumbers.SHUTDOWN, fd.number(), 2);
    }

    public Fd fd() {
        return fd;
    }

    @Override
    public void close() {
        fd.close();
    }

    private void waitFor(int events, long timeoutNs) {
        Poller poller = new Poller(1);
        poller.add(fd, events);
        poller.await(timeoutNs);
    }

    private static MemorySegment header(Arena arena, MemorySegment data, MemorySegment control) {
        MemorySegment iovec = arena.allocate(IOVEC_LENGTH_BYTES, Long.BYTES);
        iovec.set(ValueLayout.JAVA_LONG, 0, data.address());
        iovec.set(ValueLayout.JAVA_LONG, 8, data.byteSize());
        MemorySegment header = arena.allocate(MSGHDR_LENGTH_BYTES, Long.BYTES);
        header.set(ValueLayout.JAVA_LONG, MSG_IOV_OFFSET, iovec.address());
        header.set(ValueLayout.JAVA_LONG, MSG_IOVLEN_OFFSET, 1);
        header.set(ValueLayout.JAVA_LONG, MSG_CONTROL_OFFSET, control.address());
        header.set(ValueLayout.JAVA_LONG, MSG_CONTROLLEN_OFFSET, control.byteSize());
        return header;
    }

    private static MemorySegment rights(Arena arena, List<Fd> fds) {
        long length = CMSG_HEADER_BYTES + (long) fds.size() * Integer.BYTES;
        MemorySegment control = arena.allocate((length + 7) & ~7L, Long.BYTES);
        control.set(ValueLayout.JAVA_LONG, 0, length);
        control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
        control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
        for (int i = 0; i < fds.size(); i++) {
            control.set(
                    ValueLayout.JAVA_INT,
                    CMSG_HEADER_BYTES + (long) i * Integer.BYTES,
                    fds.get(i).number());
        }
        return control;
    }

    private static Received received(MemorySegment header, MemorySegment data, MemorySegment control, int length) {
        List<Fd> fds = new ArrayList<>();
        long controlLength = header.get(ValueLayout.JAVA_LONG, MSG_CONTROLLEN_OFFSET);
        long at = 0;
        while (at + CMSG_HEADER_BYTES <= controlLength) {
            long partLength = control.get(ValueLayout.JAVA_LONG, at);
            if (partLength < CMSG_HEADER_BYTES || partLength > controlLength - at) {
                break;
            }
            if (control.get(ValueLayout.JAVA_INT, at + 8) == SOL_SOCKET
                    && control.get(ValueLayout.JAVA_INT, at + 12) == SCM_RIGHTS) {
                for (long i = at + CMSG_HEADER_BYTES; i + Integer.BYTES <= at + partLength; i += Integer.BYTES) {
                    fds.add(Fd.of(control.get(ValueLayout.JAVA_INT, i)));
                }
            }
            at += (partLength + 7) & ~7L;
        }
        if ((header.get(ValueLayout.JAVA_INT, MSG_FLAGS_OFFSET) & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
            fds.forEach(Fd::close);
            throw SysException.of("receive from socket", Errno.EMSGSIZE.number(), "the datagram does not fit: refused");
        }
        byte[] bytes = new byte[length];
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, 0, bytes, 0, length);
        return new Received(bytes, List.copyOf(fds));
    }
}
