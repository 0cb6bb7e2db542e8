package io.jvmm.device.api;

import static io.jvmm.ipc.stream.PortStreamLayout.CALL_BYTES;
import static io.jvmm.ipc.stream.PortStreamLayout.FIRST_CALL;
import static io.jvmm.ipc.stream.PortStreamLayout.POSITION;

import io.jvmm.ipc.sys.SocketIo;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * How far socket calls of one direction have moved a stream, in memory that outlives the process: the position before the last call,
 * and what the kernel itself wrote down of it from inside the call ({@link SocketIo}, receipts). Whoever looks, and whenever the process
 * died, finds how many bytes have gone. There are two places for a call, used in turn, so that one counts while the other is
 * prepared. Device thread; allocates nothing.
 */
final class MovedBytes {
    private final UnsafeBuffer header;
    private final MemorySegment all;
    private final int at;

    /** @param at of its calls in the memory */
    MovedBytes(UnsafeBuffer header, MemorySegment all, int at) {
        this.header = header;
        this.all = all;
        this.at = at;
    }

    private int place(long call) {
        return at + FIRST_CALL + (int) (call & 1) * CALL_BYTES;
    }

    /** Where the stream is; of memory that a stranger wrote, anything. */
    long position() {
        int place = place(header.getLong(at));
        return header.getLong(place + POSITION) + Math.max(0, SocketIo.receipt(all, place));
    }

    /** Whether it could be where it is. */
    boolean possible(int mostBytes) {
        int place = place(header.getLong(at));
        return header.getLong(place + POSITION) > 0
                && header.getLong(place + POSITION) < Long.MAX_VALUE / 2
                && SocketIo.receipt(all, place) <= mostBytes;
    }

    /** A call is about to be made; where its receipt is to go. */
    int begin() {
        return moveTo(position());
    }

    /** The stream goes on from elsewhere: bytes are left out. Also how the next call's place is prepared. */
    int moveTo(long position) {
        long call = header.getLong(at) + 1;
        int place = place(call);
        SocketIo.clearReceipt(all, place);
        header.putLong(place + POSITION, position);
        header.putLongRelease(at, call);
        return place;
    }
}
