package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Sends to and receives from sockets without waiting and without allocating, whatever mode their open files are in: bytes of
 * several buffers, or one small message with at most one descriptor. One thread; all results are the kernel's, a negated
 * errno included. {@link UnixSocket} is the comfortable way where allocating does not matter.
 *
 * <p>Descriptors are plain numbers here, because they come and go with connections; whoever has one closes it with
 * {@link #close}.
 *
 * <p><b>Receipts.</b> The kernel stores how many bytes a call has moved in the call's own header ({@code msg_len} of {@code struct
 * mmsghdr}), before it returns, and a process that is being killed dies on its way back from the kernel, not before. Whoever keeps that
 * header in memory that outlives the process can therefore tell afterwards whether a call has happened and how far it went: the
 * methods that take a place for a receipt. The page must have been touched before; it holds {@link #NO_RECEIPT} until the call has moved
 * something. A call that moves nothing (EAGAIN, an error) leaves it so; the end of a stream gives 0.
 *
 * <p>System calls: sendmmsg, recvmmsg, accept4, shutdown, close.
 */
public final class SocketIo {
    /** For {@link #shutdown}: nothing more will be received. */
    public static final int SHUT_RECEIVING = 0;
    /** For {@link #shutdown}: nothing more will be sent. */
    public static final int SHUT_SENDING = 1;

    /** {@link #takeDescriptor}: none came. */
    public static final int NO_DESCRIPTOR = -1;

    /** Length of the place for a receipt, {@code struct mmsghdr}; aligned to 8. */
    public static final int RECEIPT_LENGTH_BYTES = 64;

    /** What {@link #receipt} gives for a call that was not made, or moved nothing. */
    public static final int NO_RECEIPT = -1;

    private static final int SOCK_NONBLOCK = 0x800;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int MSG_CTRUNC = 0x08;
    private static final int MSG_PEEK = 0x02;
    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private static final int NAME_OFFSET = 0;
    private static final int NAMELEN_OFFSET = 8;
    private static final int IOV_OFFSET = 16;
    private static final int IOVLEN_OFFSET = 24;
    private static final int CONTROL_OFFSET = 32;
    private static final int CONTROLLEN_OFFSET = 40;
    private static final int FLAGS_OFFSET = 48;
    private static final int MSG_LEN_OFFSET = 56;
    private static final int CONTROL_DATA_OFFSET = 16;
    /** With room for one descriptor and not for two: the kernel closes what does not fit and says so. */
    private static final int CONTROL_LENGTH_BYTES = CONTROL_DATA_OFFSET + Integer.BYTES;

    private final MemorySegment header = Arena.ofAuto().allocate(RECEIPT_LENGTH_BYTES, Long.BYTES);
    private final MemorySegment control = Arena.ofAuto().allocate(CONTROL_DATA_OFFSET + Long.BYTES, Long.BYTES);
    private final IoVector single = new IoVector(1);
    private int received = NO_DESCRIPTOR;

    /** Receives into several buffers: bytes, 0 at the end, or a negated errno, EAGAIN when there is nothing. */
    public long receive(int socket, IoVector into) {
        return receive(socket, into, header, 0);
    }

    /** {@link #receive(int, IoVector)} with a receipt at {@code place}, an address of {@link #RECEIPT_LENGTH_BYTES}. */
    public long receive(int socket, IoVector into, MemorySegment receipts, long place) {
        prepare(receipts, place, into, false);
        return call(SyscallNumbers.RECVMMSG, socket, receipts, place, MSG_DONTWAIT);
    }

    /** Sends several buffers: bytes taken, or a negated errno, EAGAIN when there is no room. Raises no signal. */
    public long send(int socket, IoVector from) {
        return send(socket, from, header, 0);
    }

    /** {@link #send(int, IoVector)} with a receipt at {@code place}, an address of {@link #RECEIPT_LENGTH_BYTES}. */
    public long send(int socket, IoVector from, MemorySegment receipts, long place) {
        prepare(receipts, place, from, false);
        return call(SyscallNumbers.SENDMMSG, socket, receipts, place, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    /** Makes a place that of a call which has not been made. */
    public static void clearReceipt(MemorySegment receipts, long place) {
        receipts.set(ValueLayout.JAVA_INT, place + MSG_LEN_OFFSET, NO_RECEIPT);
    }

    /** What the call of this place has moved, {@link #NO_RECEIPT} when nothing; as hostile as who kept the memory. */
    public static int receipt(MemorySegment receipts, long place) {
        return receipts.get(ValueLayout.JAVA_INT, place + MSG_LEN_OFFSET);
    }

    /** As {@link #receive(int, MemorySegment, long, long)}, but what is there stays there. */
    public long peek(int socket, MemorySegment into, long offset, long lengthBytes) {
        single.clear();
        single.add(into, offset, lengthBytes);
        prepare(header, 0, single, false);
        return call(SyscallNumbers.RECVMMSG, socket, header, 0, MSG_DONTWAIT | MSG_PEEK);
    }

    /** {@link #receive(int, IoVector)} into one buffer. */
    public long receive(int socket, MemorySegment into, long offset, long lengthBytes) {
        single.clear();
        single.add(into, offset, lengthBytes);
        return receive(socket, single);
    }

    /** {@link #send(int, IoVector)} of one buffer. */
    public long send(int socket, MemorySegment from, long offset, long lengthBytes) {
        single.clear();
        single.add(from, offset, lengthBytes);
        return send(socket, single);
    }

    /**
     * Receives one datagram and the descriptor that may come with it; {@link #takeDescriptor} gives it. One that nobody took
     * before the next call is closed then.
     *
     * @return bytes, 0 at the end, or a negated errno: EMSGSIZE when it was longer or carried more descriptors; all of them
     *     are closed. EMFILE when its descriptor found no room in this process; the bytes have come
     */
    public long receiveMessage(int socket, MemorySegment into, long offset, long lengthBytes) {
        closeReceived();
        single.clear();
        single.add(into, offset, lengthBytes);
        prepare(header, 0, single, true);
        long result = call(SyscallNumbers.RECVMMSG, socket, header, 0, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (Syscall.isError(result)) {
            return result;
        }
        if (header.get(ValueLayout.JAVA_LONG, CONTROLLEN_OFFSET) >= CONTROL_LENGTH_BYTES
                && control.get(ValueLayout.JAVA_LONG, 0) == CONTROL_LENGTH_BYTES
                && control.get(ValueLayout.JAVA_INT, 8) == SOL_SOCKET
                && control.get(ValueLayout.JAVA_INT, 12) == SCM_RIGHTS) {
            received = control.get(ValueLayout.JAVA_INT, CONTROL_DATA_OFFSET);
        }
        int cut = header.get(ValueLayout.JAVA_INT, FLAGS_OFFSET) & (MSG_CTRUNC | MSG_TRUNC);
        if (cut == MSG_CTRUNC && received == NO_DESCRIPTOR) {
            return -Errno.EMFILE.number();
        }
        if (cut != 0) {
            closeReceived();
            return -Errno.EMSGSIZE.number();
        }
        return result;
    }

    /** The descriptor that came with the last {@link #receiveMessage}, now the caller's; {@link #NO_DESCRIPTOR} when none did. */
    public int takeDescriptor() {
        int taken = received;
        received = NO_DESCRIPTOR;
        return taken;
    }

    private void closeReceived() {
        if (received != NO_DESCRIPTOR) {
            close(takeDescriptor());
        }
    }

    /**
     * Sends one datagram, with a descriptor unless that is {@link #NO_DESCRIPTOR}; it stays the caller's.
     *
     * @return bytes taken (all), or a negated errno: EAGAIN when the peer's queue is full
     */
    public long sendMessage(int socket, MemorySegment from, long offset, long lengthBytes, int descriptor) {
        single.clear();
        single.add(from, offset, lengthBytes);
        boolean carries = descriptor != NO_DESCRIPTOR;
        prepare(header, 0, single, carries);
        if (carries) {
            control.set(ValueLayout.JAVA_LONG, 0, CONTROL_LENGTH_BYTES);
            control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
            control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
            control.set(ValueLayout.JAVA_INT, CONTROL_DATA_OFFSET, descriptor);
        }
        return call(SyscallNumbers.SENDMMSG, socket, header, 0, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    private void prepare(MemorySegment at, long place, IoVector data, boolean withControl) {
        at.set(ValueLayout.JAVA_LONG, place + NAME_OFFSET, 0);
        at.set(ValueLayout.JAVA_LONG, place + NAMELEN_OFFSET, 0);
        at.set(ValueLayout.JAVA_LONG, place + IOV_OFFSET, data.address());
        at.set(ValueLayout.JAVA_LONG, place + IOVLEN_OFFSET, data.count());
        at.set(ValueLayout.JAVA_LONG, place + CONTROL_OFFSET, withControl ? control.address() : 0);
        at.set(ValueLayout.JAVA_LONG, place + CONTROLLEN_OFFSET, withControl ? CONTROL_LENGTH_BYTES : 0);
        at.set(ValueLayout.JAVA_LONG, place + FLAGS_OFFSET, 0);
        clearReceipt(at, place);
    }

    /** One message: what it has moved, or a negated errno. */
    private static long call(int number, int socket, MemorySegment at, long place, int flags) {
        VarHandle.releaseFence(); // what whoever looks at the receipt must know is in memory first
        long messages = Syscall.call(number, socket, FileIo.address(at, place, RECEIPT_LENGTH_BYTES), 1, flags, 0);
        return messages < 0 ? messages : receipt(at, place);
    }

    /** Takes a waiting connection, non-blocking and close-on-exec, from a listening, non-blocking socket: its number or a negated errno. */
    public static long accept(int socket) {
        return Syscall.call(SyscallNumbers.ACCEPT4, socket, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }

    /** Ends one direction: {@link #SHUT_RECEIVING} or {@link #SHUT_SENDING}. 0 or a negated errno. */
    public static long shutdown(int socket, int direction) {
        return Syscall.call(SyscallNumbers.SHUTDOWN, socket, direction);
    }

    /** Closes a descriptor, once. */
    public static void close(int descriptor) {
        Syscall.call(SyscallNumbers.CLOSE, descriptor);
    }
}
