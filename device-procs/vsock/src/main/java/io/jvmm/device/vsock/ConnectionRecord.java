package io.jvmm.device.vsock;

import io.jvmm.device.vsock.Connection.State;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a successor must know of a connection, {@link VsockStreamsLayout#RECORD_BYTES} bytes.
 *
 * <pre>
 *   0            8            12      16   20         24          28        32      36              40              44
 *   | u64 epoch  | generation | state | id | hostPort | guestPort | pending | flags | guestShutdown | hostShutdown  | guestBufAlloc |
 *   48            52        56       60           64           68            72              76          80
 *   | guestFwdCnt | sentCnt | fwdCnt | fwdCntTold | bufferHead | bufferCount | bufferTouched | sentAhead | i64 deadlineNs |
 *   88        92           96            100   128
 *   | greeted | unreadHead | unreadCount | (0) |
 * </pre>
 *
 * <p>{@code epoch}: of the commit that made it valid. Flags, from bit 0: hostEnded, asked, requestSent, creditAsked, ended, lineTaken.
 */
final class ConnectionRecord {

    private static final int HOST_ENDED = 1;
    private static final int ASKED = 1 << 1;
    private static final int REQUEST_SENT = 1 << 2;
    private static final int CREDIT_ASKED = 1 << 3;
    private static final int ENDED = 1 << 4;
    private static final int LINE_TAKEN = 1 << 5;

    /** Behind the last field, and the zeros that are as good as one. */
    private static final int END = 104;

    private static final State[] STATES = State.values();

    private ConnectionRecord() {}

    @SuppressWarnings("EnumOrdinal") // the order of the states is that of the record; one that is added goes to the end
    static void write(UnsafeBuffer to, int at, Connection c, long epoch) {
        to.putInt(at + 8, c.generation);
        to.putInt(at + 12, c.state.ordinal());
        to.putInt(at + 16, c.id);
        to.putInt(at + 20, c.hostPort);
        to.putInt(at + 24, c.guestPort);
        to.putInt(at + 28, c.pending);
        to.putInt(
                at + 32,
                (c.hostEnded ? HOST_ENDED : 0)
                        | (c.asked ? ASKED : 0)
                        | (c.requestSent ? REQUEST_SENT : 0)
                        | (c.creditAsked ? CREDIT_ASKED : 0)
                        | (c.ended ? ENDED : 0)
                        | (c.lineTaken ? LINE_TAKEN : 0));
        to.putInt(at + 36, c.guestShutdown);
        to.putInt(at + 40, c.hostShutdown);
        to.putInt(at + 44, c.guestBufAlloc);
        to.putInt(at + 48, c.guestFwdCnt);
        to.putInt(at + 52, c.sentCnt);
        to.putInt(at + 56, c.fwdCnt);
        to.putInt(at + 60, c.fwdCntTold);
        to.putInt(at + 64, c.bufferHead);
        to.putInt(at + 68, c.bufferCount);
        to.putInt(at + 72, c.bufferTouched);
        to.putInt(at + 76, c.sentAhead);
        to.putLong(at + 80, c.deadlineNs);
        to.putInt(at + 88, c.greeted);
        to.putInt(at + 92, c.unreadHead);
        to.putInt(at + 96, c.unreadCount);
        to.putLongRelease(at, epoch);
    }

    /** A sum over records, in which their order counts: whether two processes have written the same. */
    static long addTo(long sum, UnsafeBuffer from, int at) {
        long added = sum;
        for (int i = 0; i < END; i += Long.BYTES) {
            added = (added ^ from.getLong(at + i)) * 0x9E37_79B9_7F4A_7C15L;
            added ^= added >>> Integer.SIZE;
        }
        return added;
    }

    static long epoch(UnsafeBuffer from, int at) {
        return from.getLongVolatile(at);
    }

    /**
     * Reads a record into a slot that is free.
     *
     * @throws io.jvmm.device.api.StateRejectedException naming a field no running device leaves so
     */
    static void read(UnsafeBuffer from, int at, Connection c, int bufferBytes) {
        c.generation = from.getInt(at + 8);
        c.state = STATES[within(from, at + 12, STATES.length - 1, "state")];
        c.id = from.getInt(at + 16);
        c.hostPort = from.getInt(at + 20);
        c.guestPort = from.getInt(at + 24);
        c.pending = within(from, at + 28, (Connection.CREDIT_UPDATE << 1) - 1, "pending");
        int flags = within(from, at + 32, (LINE_TAKEN << 1) - 1, "flags");
        c.hostEnded = (flags & HOST_ENDED) != 0;
        c.asked = (flags & ASKED) != 0;
        c.requestSent = (flags & REQUEST_SENT) != 0;
        c.creditAsked = (flags & CREDIT_ASKED) != 0;
        c.ended = (flags & ENDED) != 0;
        c.lineTaken = (flags & LINE_TAKEN) != 0;
        c.guestShutdown = within(from, at + 36, VsockHeader.SHUTDOWN_BOTH, "guestShutdown");
        c.hostShutdown = within(from, at + 40, VsockHeader.SHUTDOWN_BOTH, "hostShutdown");
        c.guestBufAlloc = from.getInt(at + 44);
        c.guestFwdCnt = from.getInt(at + 48);
        c.sentCnt = from.getInt(at + 52);
        c.fwdCnt = from.getInt(at + 56);
        c.fwdCntTold = from.getInt(at + 60);
        c.bufferHead = within(from, at + 64, bufferBytes - 1, "bufferHead");
        c.bufferCount = within(from, at + 68, bufferBytes, "bufferCount");
        c.bufferTouched = within(from, at + 72, bufferBytes, "bufferTouched");
        c.sentAhead = within(from, at + 76, Integer.MAX_VALUE / 2, "sentAhead");
        c.deadlineNs = from.getLong(at + 80);
        c.greeted = within(from, at + 88, ConnectLine.MAX_OK_BYTES, "greeted");
        c.unreadHead = within(from, at + 92, VsockStreamsLayout.UNREAD_BYTES, "unreadHead");
        c.unreadCount = within(from, at + 96, VsockStreamsLayout.UNREAD_BYTES - c.unreadHead, "unreadCount");
    }

    private static int within(UnsafeBuffer from, int at, int most, String field) {
        int value = from.getInt(at);
        StreamMemory.require(value >= 0 && value <= most, field);
        return value;
    }
}
