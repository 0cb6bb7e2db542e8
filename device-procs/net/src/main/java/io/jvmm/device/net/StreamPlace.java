package io.jvmm.device.net;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.SocketIo;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Where one direction of passt's stream is, in memory that outlives the process: which frame it is within, and how many bytes of that, its
 * length included, have gone. Exact after a death at any instruction: each call is written down before it is made, and the kernel puts down
 * how far it went ({@link SocketIo}, receipts); the frames that the call moves are in the same memory. Device thread only; allocates
 * nothing.
 *
 * <pre>
 *   0                  64             72         80             84      88      92          96           128
 *   | struct mmsghdr   | u64 call     | i32 frame| i32 from     | end   | skip  | i32 prefix| i32 have   |
 *   128                136                       144        two of: | i32 prefix | i32 within | u64 call |
 *   | u64 notes        | (0)                     |
 * </pre>
 *
 * <p>Call {@code call} moves bytes from {@code from} to at most {@code end} of the buffer, in which the first frame that is not whole, or not gone, begins
 * at {@code frame}; of what it reads the first {@code skip} bytes are the end of a frame (of {@code prefix} bytes, of which {@code have} had come) that nobody has the
 * beginning of. Note number n, in place n mod 2, tells where the stream was after its call; {@code notes} is the number of the last.
 */
final class StreamPlace {

    private static final int CALL = 64;
    private static final int FRAME = 72;
    private static final int FROM = 76;
    private static final int END = 80;
    private static final int SKIP = 84;
    private static final int PREFIX = 88;
    private static final int HAVE = 92;
    private static final int NOTES = 128;
    private static final int FIRST_NOTE = 144;
    private static final int NOTE_BYTES = 16;

    private final UnsafeBuffer page;
    private final MemorySegment memory;
    private final int base;
    private final UnsafeBuffer bytes;
    private final boolean whole;
    private final SocketIo io = new SocketIo();
    private final IoVector vector = new IoVector(1);
    private Runnable afterCall = () -> {};
    private long call;
    private long notes;
    private int prefix;
    private int within;

    /**
     * @param memory all of it
     * @param page its first page
     * @param base where in that this direction is
     * @param bytes the frames
     * @param whole whether the frames in there are whole: those that are sent
     */
    StreamPlace(MemorySegment memory, UnsafeBuffer page, int base, UnsafeBuffer bytes, boolean whole) {
        this.memory = memory;
        this.page = page;
        this.base = base;
        this.bytes = bytes;
        this.whole = whole;
        page.putByteVolatile(base, page.getByteVolatile(base)); // the kernel finds the page there
        settle();
    }

    private void settle() {
        notes = page.getLongVolatile(base + NOTES);
        call = page.getLongVolatile(base + CALL);
        require(notes >= 0 && call >= 0, "count");
        int note = noteAt(notes);
        prefix = page.getInt(note);
        within = page.getInt(note + 4);
        int moved = SocketIo.receipt(memory, base);
        if (call != page.getLong(note + 8) && moved != SocketIo.NO_RECEIPT && moved != 0) {
            after(moved);
            note(); // before anything else is done with the bytes
        }
        boolean known = whole ? within > 0 : within >= PasstPort.PREFIX_BYTES;
        boolean inFrame = PasstPort.isFrameLength(prefix) && PasstPort.isWithin(prefix, within);
        require(within >= 0 && (!known || inFrame), "place in the stream");
    }

    private void after(int moved) {
        int from = page.getInt(base + FROM);
        int end = page.getInt(base + END);
        int frame = page.getInt(base + FRAME);
        int skip = page.getInt(base + SKIP);
        require(frame >= 0 && frame <= from && from <= end && end <= bytes.capacity() && skip >= 0, "call");
        require(moved > 0 && moved <= end - from, "receipt");
        prefix = page.getInt(base + PREFIX);
        within = page.getInt(base + HAVE);
        moved(frame, from, moved, skip);
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new StateRejectedException("passt streams: " + what + " cannot be");
        }
    }

    /** For tests: what happens right behind a call, when nothing is known of it but its receipt. */
    void afterCall(Runnable newAfterCall) {
        afterCall = newAfterCall;
    }

    /** The length of the frame the stream is within; of one that is received as much as has come. */
    int prefix() {
        return prefix;
    }

    /** How many bytes of that frame, its length included, have gone; 0 between two frames. */
    int within() {
        return within;
    }

    /** Sends bytes of the buffer. */
    long send(int socket, int frame, int from, int end) {
        intend(frame, from, end, 0);
        long result = io.send(socket, vector, memory, base);
        return made(result, frame, from, 0);
    }

    /** Receives into the buffer. */
    long receive(int socket, int frame, int from, int end, int skip) {
        intend(frame, from, end, skip);
        long result = io.receive(socket, vector, memory, base);
        return made(result, frame, from, skip);
    }

    private void intend(int frame, int from, int end, int skip) {
        vector.clear();
        vector.add(memory, bytes.addressOffset() - memory.address() + from, end - from);
        SocketIo.clearReceipt(memory, base);
        page.putInt(base + FRAME, frame);
        page.putInt(base + FROM, from);
        page.putInt(base + END, end);
        page.putInt(base + SKIP, skip);
        page.putInt(base + PREFIX, prefix);
        page.putInt(base + HAVE, within);
        page.putLongRelease(base + CALL, ++call);
    }

    private long made(long result, int frame, int from, int skip) {
        afterCall.run();
        if (result > 0) {
            moved(frame, from, (int) result, skip);
            note();
        }
        return result;
    }

    private void note() {
        notes++;
        int note = noteAt(notes);
        page.putInt(note, prefix);
        page.putInt(note + 4, within);
        page.putLong(note + 8, call);
        page.putLongRelease(base + NOTES, notes);
    }

    private int noteAt(long note) {
        return base + FIRST_NOTE + (int) (note & 1) * NOTE_BYTES;
    }

    /** Works out where the stream is. */
    private void moved(int frame, int from, int count, int skip) {
        if (count < skip) {
            within += count;
            return;
        }
        int to = from + count;
        int at = skip > 0 ? from + skip : frame;
        while (to - at >= PasstPort.PREFIX_BYTES && PasstPort.isFrameLength(length(at))) {
            int next = at + PasstPort.PREFIX_BYTES + length(at);
            if (next > to) {
                break;
            }
            at = next;
        }
        within = to - at;
        prefix = 0;
        int there = whole && within > 0 ? PasstPort.PREFIX_BYTES : Math.min(within, PasstPort.PREFIX_BYTES);
        for (int i = 0; i < there; i++) {
            prefix |= (bytes.getByte(at + i) & 0xFF) << (24 - 8 * i);
        }
        if (within >= PasstPort.PREFIX_BYTES && !PasstPort.isFrameLength(prefix)) {
            prefix = 0; // nonsense of passt's: the connection will not live on
            within = 0;
        }
    }

    private int length(int at) {
        return bytes.getInt(at, ByteOrder.BIG_ENDIAN);
    }
}
