package io.jvmm.device.platform;

import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The debug console that firmware and tests write to: a byte written appears on the host, reading gives E9 so that
 * software can tell the port is there (the convention of Bochs and QEMU). Switched off by configuration, it is not
 * there: reads float high, writes vanish.
 *
 * <p>The port has no way to say "wait", so a byte that finds the FIFO full is dropped and counted; the guest cannot
 * tell, and nothing it does here can make the device wait. The runtime empties the FIFO before it is full, so bytes
 * are lost only while the host's side takes none.
 */
final class DebugConsole {
    static final int PRESENT = 0xE9;

    private static final int CAPACITY = PlatformStateLayout.DEBUG_FIFO_BYTES;

    private final AtomicBuffer state;
    private final boolean enabled;

    DebugConsole(AtomicBuffer state, boolean enabled) {
        this.state = state;
        this.enabled = enabled;
    }

    int read() {
        return enabled ? PRESENT : 0xFF;
    }

    void write(int value) {
        if (!enabled) {
            return;
        }
        int count = count();
        if (count == CAPACITY) {
            int dropped = state.getInt(PlatformStateLayout.DEBUG_DROPPED);
            state.putInt(PlatformStateLayout.DEBUG_DROPPED, dropped == -1 ? -1 : dropped + 1);
            return;
        }
        state.putByte(PlatformStateLayout.DEBUG_FIFO + (head() + count) % CAPACITY, (byte) value);
        state.putShort(PlatformStateLayout.DEBUG_COUNT, (short) (count + 1));
    }

    /** Whether the next few bytes could be lost if none left before them. */
    boolean nearlyFull() {
        return count() >= CAPACITY - CAPACITY / 4;
    }

    /** Copies the oldest waiting bytes without removing them; returns how many. */
    int output(MutableDirectBuffer into, int offset, int limitBytes) {
        int head = head();
        int length = Math.min(count(), limitBytes);
        for (int i = 0; i < length; i++) {
            into.putByte(offset + i, state.getByte(PlatformStateLayout.DEBUG_FIFO + (head + i) % CAPACITY));
        }
        return length;
    }

    /** Removes the oldest waiting bytes: the host has them. */
    void outputDone(int count) {
        int taken = Math.clamp(count, 0, count());
        state.putShort(PlatformStateLayout.DEBUG_HEAD, (short) ((head() + taken) % CAPACITY));
        state.putShort(PlatformStateLayout.DEBUG_COUNT, (short) (count() - taken));
    }

    private int head() {
        return state.getShort(PlatformStateLayout.DEBUG_HEAD) & 0xFFFF;
    }

    private int count() {
        return state.getShort(PlatformStateLayout.DEBUG_COUNT) & 0xFFFF;
    }

    /** Examines this core's part of a block from outside; see {@link PlatformStateCheck#violation}. */
    static boolean isSane(AtomicBuffer state) {
        return (state.getShort(PlatformStateLayout.DEBUG_HEAD) & 0xFFFF) < CAPACITY
                && (state.getShort(PlatformStateLayout.DEBUG_COUNT) & 0xFFFF) <= CAPACITY;
    }
}
