package io.jvmm.device.api;

import static io.jvmm.ipc.stream.PortStreamLayout.*;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The two rings of a port that is wired to a socket, in the supervisor's memory ({@link io.jvmm.ipc.stream.PortStreamLayout}): what was
 * read of the socket and is not the guest's yet, what is the guest's no more and not in the socket yet. How far the socket's side has
 * got is in the memory itself ({@link MovedBytes}); how far the guest's side has got is in the device's state, and so
 * committed with it. Device thread; allocates nothing once made.
 */
final class PortStream implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;

    private final Mapping mapping;
    private final UnsafeBuffer header;
    private final UnsafeBuffer inRing;
    private final UnsafeBuffer outRing;
    private final MovedBytes received;
    private final MovedBytes sent;
    private final SocketIo io = new SocketIo();
    private final IoVector vector = new IoVector(2);
    private final boolean blank;
    private Runnable afterCall = () -> {};

    private PortStream(Mapping mapping, boolean anew) {
        this.mapping = mapping;
        this.header = mapping.buffer(0, HEADER_BYTES);
        this.inRing = mapping.buffer(IN_AT, IN_BYTES);
        this.outRing = mapping.buffer(OUT_AT, OUT_BYTES);
        this.received = new MovedBytes(header, mapping.segment(), IN_CALLS_AT);
        this.sent = new MovedBytes(header, mapping.segment(), OUT_CALLS_AT);
        this.blank = header.getLong(MAGIC_AT) == 0 || (anew && !violation().isEmpty());
        if (blank) {
            received.moveTo(FIRST_POSITION);
            sent.moveTo(FIRST_POSITION);
            committed(FIRST_POSITION, FIRST_POSITION);
            header.putInt(VERSION_AT, VERSION);
            header.putLongRelease(MAGIC_AT, MAGIC);
        }
        require(violation().isEmpty(), violation());
        // The kernel writes there in a call: were a page missing then, a process that is being killed would not get it.
        for (int at = 0; at < HEADER_BYTES; at += PAGE_BYTES) {
            header.putByteVolatile(at, header.getByteVolatile(at));
        }
        for (int at = 0; at < IN_BYTES; at += PAGE_BYTES) {
            inRing.putByteVolatile(at, inRing.getByteVolatile(at));
        }
    }

    /** The name of something that cannot be, or an empty text. */
    private String violation() {
        if (header.getLong(MAGIC_AT) != MAGIC) {
            return "magic";
        }
        if (header.getInt(VERSION_AT) != VERSION) {
            return "version";
        }
        if (!received.possible(IN_BYTES)) {
            return "input's calls";
        }
        if (!sent.possible(OUT_BYTES)) {
            return "output's calls";
        }
        if (taken() < FIRST_POSITION || taken() > received() || received() - taken() > IN_BYTES) {
            return "taken";
        }
        return sent() > given() || given() - sent() > OUT_BYTES ? "given" : "";
    }

    /**
     * The memory in a descriptor of the supervisor's, which is closed.
     *
     * @param anew whether the device begins anew: then what cannot be is wiped, and no reason to refuse it for ever
     * @throws StateRejectedException when it is not sealed, or nothing that a predecessor can have left
     */
    static PortStream in(Fd fd, boolean anew) {
        try (fd) {
            require(FileIo.size(fd) == TOTAL_BYTES, "length");
            require(MemFd.of(fd).hasSeals(MemFd.SEALS_FIXED_SIZE), "seals");
            return new PortStream(Mapping.shared(fd, 0, TOTAL_BYTES, Mapping.Access.READ_WRITE), anew);
        }
    }

    /** Memory that dies with the process: of a device that is driven by a script. */
    static PortStream ofItsOwn() {
        return new PortStream(Mapping.anonymous(TOTAL_BYTES), true);
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new StateRejectedException("port stream: " + what + " cannot be");
        }
    }

    /** For tests: what happens right behind a call, when nothing is known of it but its receipt. */
    void afterCall(Runnable newAfterCall) {
        afterCall = newAfterCall;
    }

    /** Whether nobody has used it before: then no position of a state is one of its. */
    boolean blank() {
        return blank;
    }

    /** Input a predecessor had of it when it last said so; for whoever begins anew. */
    long taken() {
        return header.getLong(TAKEN_AT);
    }

    /** Output likewise. */
    long given() {
        return header.getLong(GIVEN_AT);
    }

    /** The state was committed with these positions. */
    void committed(long newTaken, long newGiven) {
        header.putLongRelease(TAKEN_AT, newTaken);
        header.putLongRelease(GIVEN_AT, newGiven);
    }

    /** Refuses positions of a state that are none of this stream. */
    void check(long in, long out) {
        require(in <= received() && received() - in <= IN_BYTES, "position of the input");
        require(sent() <= out && out - sent() <= OUT_BYTES, "position of the output");
    }

    /** Behind the last byte read of the socket. */
    long received() {
        return received.position();
    }

    /** Behind the last byte the socket has taken. */
    long sent() {
        return sent.position();
    }

    // ---- from the socket

    /** How many bytes one call can read, when everything before {@code keptFrom} may be overwritten. */
    int room(long keptFrom) {
        long received = received();
        return (int) Math.min(IN_BYTES - (received - keptFrom), IN_BYTES - received % IN_BYTES);
    }

    /** Reads at most {@code limitBytes}, within the {@link #room}: bytes, 0 at the end, or a negated errno. */
    long receive(int socket, int limitBytes) {
        int place = received.begin();
        vector.clear();
        vector.add(mapping.segment(), IN_AT + received() % IN_BYTES, limitBytes);
        long result = io.receive(socket, vector, mapping.segment(), place);
        afterCall.run();
        return result;
    }

    /** The input ring, where a byte is at {@link #inAt}. */
    DirectBuffer input() {
        return inRing;
    }

    /** Where a byte of the input is in its ring. */
    static int inAt(long position) {
        return (int) (position % IN_BYTES);
    }

    // ---- to the socket

    /** Puts output into the ring, from {@code position} on. */
    void put(long position, DirectBuffer bytes, int lengthBytes) {
        for (int i = 0; i < lengthBytes; i++) {
            put(position + i, bytes.getByte(i));
        }
    }

    /** Puts one byte there. */
    void put(long position, byte value) {
        outRing.putByte((int) (position % OUT_BYTES), value);
    }

    /** Sends what is in the ring up to {@code end}, and something is: bytes, or a negated errno. */
    long send(int socket, long end) {
        int place = sent.begin();
        long from = sent();
        int at = (int) (from % OUT_BYTES);
        int first = (int) Math.min(end - from, OUT_BYTES - at);
        vector.clear();
        vector.add(mapping.segment(), OUT_AT + at, first);
        vector.add(mapping.segment(), OUT_AT, end - from - first);
        long result = io.send(socket, vector, mapping.segment(), place);
        afterCall.run();
        return result;
    }

    /** Leaves out what is before {@code position}: nobody was there, and it is too old to keep. */
    void skipTo(long position) {
        sent.moveTo(position);
    }

    /** The memory stays mapped in a process that serves; a test's or a scratch machine's goes. */
    @Override
    public void close() {
        mapping.close();
    }
}
