package io.jvmm.device.vsock;

import io.jvmm.ipc.vsock.VsockStreamsLayout;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * RST packets for which there is no connection: answers to packets that belong to none (§5.10.6.4). Bounded; while it is full
 * the device takes no more packets from the guest, so that no answer is ever lost. The packets are in the stream memory, which of them
 * count is in the state; there are twice as many places as may be used, so that no packet of the last commit is overwritten before the
 * next. Device thread only.
 *
 * <pre>
 *   0            4            8      12    16
 *   | hostPort   | guestPort  | type | (0) |
 * </pre>
 */
final class ResetQueue {

    private static final int CAPACITY = VsockStreamsLayout.RESETS / 2;

    private final UnsafeBuffer buffer;
    private final int base;
    private final VsockState state;

    ResetQueue(StreamMemory streams, VsockState state) {
        this.buffer = streams.fixed();
        this.base = streams.layout().resets();
        this.state = state;
    }

    boolean isEmpty() {
        return state.resetCount() == 0;
    }

    boolean isFull() {
        return state.resetCount() == CAPACITY;
    }

    void clear() {
        state.resets(state.resetHead(), 0);
    }

    /** Only while it is not full. */
    void add(int hostPort, int guestPort, int type) {
        int at = at(state.resetHead() + state.resetCount());
        buffer.putInt(at, hostPort);
        buffer.putInt(at + 4, guestPort);
        buffer.putInt(at + 8, type);
        state.resets(state.resetHead(), state.resetCount() + 1);
    }

    private int at(int index) {
        return base + index % VsockStreamsLayout.RESETS * VsockStreamsLayout.RESET_BYTES;
    }

    int hostPort() {
        return buffer.getInt(at(state.resetHead()));
    }

    int guestPort() {
        return buffer.getInt(at(state.resetHead()) + 4);
    }

    int type() {
        return buffer.getInt(at(state.resetHead()) + 8);
    }

    void remove() {
        state.resets((state.resetHead() + 1) % VsockStreamsLayout.RESETS, state.resetCount() - 1);
    }
}
