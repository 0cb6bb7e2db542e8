package io.jvmm.device.vsock;

import org.jspecify.annotations.Nullable;

/**
 * One slot of the table of connections: what the device knows of one connection. Made once and used again and again; only its
 * slot's number stays the same. Device thread only.
 *
 * <p>Counters of bytes are those of the specification (§5.10.6.3): unsigned 32-bit numbers that wrap around.
 */
final class Connection {

    /** {@link #socket}: none. */
    static final int NO_SOCKET = -1;

    /** {@link #deadlineNs}: none. */
    static final long NO_DEADLINE = Long.MAX_VALUE;

    // What the guest is still to be told, in the order in which it is told; bits of pending.
    static final int RST = 1;
    static final int RESPONSE = 1 << 1;
    static final int REQUEST = 1 << 2;
    static final int SHUTDOWN = 1 << 3;
    static final int CREDIT_UPDATE = 1 << 4;

    /** Where a connection stands. */
    enum State {
        /** Not in use. */
        FREE,
        /** A client of the host is there and has not said its line {@code CONNECT port} yet. No guest port yet. */
        HANDSHAKE,
        /** The guest has sent REQUEST, the supervisor has not answered yet. No socket yet. */
        CONNECTING,
        /** The guest is to be sent, or has been sent, REQUEST; a client of the host waits. */
        REQUESTED,
        /** Data moves. */
        ESTABLISHED,
        /** The guest has done with it and may use its port again; what it had sent still goes to the host. */
        LINGERING,
        /** The socket is closed; RST is still to be sent to the guest. */
        DEAD,
        /** Nothing is to be told any more; the socket is closed, and let go of by the supervisor, once that is committed. */
        CLOSING
    }

    final int slot;
    /** Goes up with every use of the slot, so that late news of an earlier use is known for what it is. */
    int generation;

    State state = State.FREE;
    int socket = NO_SOCKET;
    /** What the supervisor knows its socket by, which it holds for a successor; 0: it holds none. */
    int id;
    /** The socket is of no use any more. */
    boolean ended;

    int hostPort;
    int guestPort;
    long deadlineNs = NO_DEADLINE;

    /** What the guest is to be told. */
    int pending;

    /** The socket may have something to read: it said so, and has not said EAGAIN since. */
    boolean readable;
    /** The socket has no room; it tells when there is. */
    boolean writeBlocked;
    /** Nobody is at the other end of the socket; what had been sent can still be read. */
    boolean hungUp;
    /** Everything the host had sent was read. */
    boolean hostEnded;
    /** The guest's REQUEST went to the supervisor. */
    boolean asked;
    /** REQUEST went to the guest. */
    boolean requestSent;
    /** What the guest said in SHUTDOWN. */
    int guestShutdown;
    /** What the guest is or will be told in SHUTDOWN. */
    int hostShutdown;

    // Host to guest: the guest's buffer.
    int guestBufAlloc;
    int guestFwdCnt;
    int sentCnt;
    /** CREDIT_REQUEST was sent and the guest has not made room since. */
    boolean creditAsked;

    // Guest to host: ours.
    int fwdCnt;
    int fwdCntTold;
    int bufferHead;
    int bufferCount;
    /** The most it held, of bytes from the beginning: what memory was touched. */
    int bufferTouched;

    // What a successor finds that its predecessor had done and not committed.
    /** So many of the bytes that the guest's next packets bring were sent already. */
    int sentAhead;
    /** The client's line was taken already; it asked for {@link #guestPort}. */
    boolean lineTaken;
    /** So many bytes of the answer to it were sent already. */
    int greeted;
    /** What was read and not given to the guest, in the connection's unread memory. */
    int unreadHead;

    int unreadCount;

    /** Which of its two records is the committed one. */
    int validRecord;
    /** Changed since the last commit. */
    boolean touched;
    /** Unread bytes were given to the guest since the last commit: the socket is not read before the next. */
    boolean unreadGiven;

    // Lists it is in.
    boolean ready;

    @Nullable
    Connection nextReady;

    @Nullable
    Connection nextOfHash;

    @Nullable
    Connection nextToAsk;

    Connection(int slot) {
        this.slot = slot;
    }

    /** Begins a new life in this slot. */
    void begin(State newState, int newSocket) {
        generation++;
        if ((generation & 0x7FFF) == 0) {
            generation++; // no id is 0
        }
        state = newState;
        socket = newSocket;
        hostPort = 0;
        guestPort = 0;
        deadlineNs = NO_DEADLINE;
        pending = 0;
        readable = false;
        writeBlocked = false;
        hungUp = false;
        hostEnded = false;
        asked = false;
        requestSent = false;
        guestShutdown = 0;
        hostShutdown = 0;
        guestBufAlloc = 0;
        guestFwdCnt = 0;
        sentCnt = 0;
        creditAsked = false;
        fwdCnt = 0;
        fwdCntTold = 0;
        bufferHead = 0;
        bufferCount = 0;
        bufferTouched = 0;
        id = 0;
        ended = false;
        sentAhead = 0;
        lineTaken = false;
        greeted = 0;
        unreadHead = 0;
        unreadCount = 0;
    }

    /** What a request of this use of the slot is known by to the supervisor: 16 bits of the slot, 15 of its use. */
    int requestId() {
        return (generation & 0x7FFF) << Short.SIZE | slot;
    }

    /** Whether there is a socket to read and write. */
    boolean open() {
        return socket != NO_SOCKET && !ended;
    }

    /** How many bytes the guest has room for; whatever it claims, 0..4 GiB. */
    long guestCredit() {
        long inFlight = Integer.toUnsignedLong(sentCnt - guestFwdCnt);
        return Math.max(0, Integer.toUnsignedLong(guestBufAlloc) - inFlight);
    }

    /** Whether data of the host may go to the guest, credit aside. */
    boolean deliversData() {
        return state == State.ESTABLISHED && !hostEnded && (guestShutdown & VsockHeader.SHUTDOWN_RECEIVE) == 0;
    }

    /** Whether there is something to tell the guest now. */
    boolean hasSomethingToSay() {
        return pending != 0 || (readable && deliversData() && !creditAsked);
    }
}
