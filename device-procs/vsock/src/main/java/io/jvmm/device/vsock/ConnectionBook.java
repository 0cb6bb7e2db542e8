package io.jvmm.device.vsock;

import io.jvmm.ipc.trace.Tape;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the {@link StreamMemory} in step with the state segment. Each connection has two records there; what changed in a turn is written
 * into the one that does not count ({@link #seal}), with the number of the commit to come, its <i>epoch</i>, which is in the state. So
 * the one store that commits the state makes all of them count: a successor takes of each connection the latest record whose
 * epoch has been committed. Device thread only; allocates nothing once made.
 */
final class ConnectionBook {

    private final ConnectionTable table;
    private final VsockState state;
    private final StreamMemory streams;
    private final UnsafeBuffer fixed;
    private final Journal journal;
    private final HostBuffers buffers;
    private final ResetQueue resets;
    private long committed;
    private boolean everCommitted;
    private final @Nullable Tape tape;

    /** @param tape what is written into the memory is told to it, unless it is null */
    ConnectionBook(ConnectionTable table, VsockState state, StreamMemory streams, @Nullable Tape tape) {
        this.table = table;
        this.state = state;
        this.streams = streams;
        this.fixed = streams.fixed();
        this.journal = new Journal(streams);
        this.buffers = new HostBuffers(streams);
        this.resets = new ResetQueue(streams, state);
        this.tape = tape;
        this.committed = state.epoch();
        journal.begin(committed + 1);
    }

    StreamMemory streams() {
        return streams;
    }

    Journal journal() {
        return journal;
    }

    HostBuffers buffers() {
        return buffers;
    }

    ResetQueue resets() {
        return resets;
    }

    private int recordAt(Connection connection, int which) {
        int index = connection.slot * 2 + which;
        return streams.layout().records() + index * VsockStreamsLayout.RECORD_BYTES;
    }

    /** Nothing of before counts. */
    void beginAnew() {
        for (int i = 0; i < table.capacity(); i++) {
            Connection connection = table.slot(i);
            fixed.putLongRelease(recordAt(connection, 0), 0);
            fixed.putLongRelease(recordAt(connection, 1), 0);
        }
        journal.clear();
    }

    /** Takes the connections of a predecessor over, as of its last commit. The call that was perhaps under way is not settled yet. */
    void adopt() {
        for (int i = 0; i < table.capacity(); i++) {
            Connection connection = table.slot(i);
            long first = countingEpoch(connection, 0);
            long second = countingEpoch(connection, 1);
            connection.validRecord = first >= second ? 0 : 1;
            if (Math.max(first, second) > 0) {
                ConnectionRecord.read(
                        fixed, recordAt(connection, connection.validRecord), connection, buffers.capacityBytes());
            }
            if (isFound(connection)) {
                table.enter(connection);
            }
        }
        table.adopted();
        table.findDeadline();
    }

    /** The epoch of a record; 0 when it does not count, and then for good. */
    private long countingEpoch(Connection connection, int which) {
        int at = recordAt(connection, which);
        long epoch = ConnectionRecord.epoch(fixed, at);
        if (epoch > committed || epoch < 0) {
            fixed.putLongRelease(at, 0);
            return 0;
        }
        return epoch;
    }

    private static boolean isFound(Connection connection) {
        return switch (connection.state) {
            case FREE, HANDSHAKE, CLOSING -> false;
            case CONNECTING, REQUESTED, ESTABLISHED, DEAD -> true;
            case LINGERING -> (connection.pending & Connection.RST) != 0;
        };
    }

    /** The predecessor's calls behind its last commit; what becomes of them is part of the next. */
    void settle(Journal.Calls calls) {
        journal.settle(committed + 1, calls);
        state.epoch(committed + 1); // even if it was nothing: its entries must never count again
        seal();
    }

    /** A turn is over: what it has changed is written down for the commit that follows. */
    void seal() {
        int count = table.touchedCount();
        if (count == 0) {
            return;
        }
        long epoch = committed + 1;
        long sum = 0;
        for (int i = 0; i < count; i++) {
            Connection connection = table.touched(i);
            int at = recordAt(connection, 1 - connection.validRecord);
            ConnectionRecord.write(fixed, at, connection, epoch);
            sum = tape == null ? 0 : ConnectionRecord.addTo(sum, fixed, at);
        }
        state.epoch(epoch);
        if (tape != null) {
            tape.output(VsockCall.SEAL.code(), count, sum, epoch);
        }
    }

    /** The state was committed. */
    void committed() {
        everCommitted = true;
        if (state.epoch() == committed) {
            return;
        }
        committed = state.epoch();
        for (int i = 0; i < table.touchedCount(); i++) {
            Connection connection = table.touched(i);
            connection.validRecord = 1 - connection.validRecord;
            connection.unreadGiven = false;
        }
        table.clearTouched();
        journal.begin(committed + 1);
    }

    /** Whether there has been a commit in the life of this process: before it nothing may be read or written, see {@link #settle}. */
    boolean everCommitted() {
        return everCommitted;
    }
}
