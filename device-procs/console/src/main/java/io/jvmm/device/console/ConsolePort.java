package io.jvmm.device.console;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The data of one port. A transmit buffer is the device's until the host has taken all of it: a slow host is seen by the guest
 * as a buffer that does not come back, and how far it got is in the state. Receive buffers are taken only when there is
 * something to put into them.
 */
final class ConsolePort {

    /** The most bytes moved at once. A pipe that poll calls writable takes as many without waiting. */
    static final int CHUNK_BYTES = 4096;

    /** So many buffers that hold nothing are looked at in a row. */
    private static final int MOST_BUFFERS = 64;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final int receiveQueue;
    private final int transmitQueue;
    private final VirtioHost host;
    private final AtomicBuffer state;
    private final int base;
    private final Chain receive;
    private final Chain transmit;
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK_BYTES);
    private final UnsafeBuffer chunkView = new UnsafeBuffer(chunk.address(), CHUNK_BYTES);
    /** Whether {@link #transmit} holds a buffer. After an adoption it does not, and the queue gives that buffer again. */
    private boolean transmitting;

    ConsolePort(int index, VirtioHost host, AtomicBuffer state) {
        this.receiveQueue = receiveQueue(index);
        this.transmitQueue = receiveQueue + 1;
        this.host = host;
        this.state = state;
        this.base = ConsoleStateLayout.PORTS + index * ConsoleStateLayout.PORT_BYTES;
        this.receive = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
        this.transmit = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
    }

    /** §5.3.2: 0 and 1, then the two control queues, then the other ports'. */
    static int receiveQueue(int port) {
        return port == 0 ? 0 : 2 * port + 2;
    }

    /** The port whose transmit queue this is, or -1. */
    static int transmittedBy(int queue) {
        return queue == 1 ? 0 : queue > ControlQueues.TRANSMIT && (queue & 1) == 1 ? queue / 2 - 1 : -1;
    }

    // ---- flags

    boolean is(int flag) {
        return state.getByte(base + flag) != 0;
    }

    void set(int flag, boolean value) {
        state.putByte(base + flag, (byte) (value ? 1 : 0));
    }

    /** {@link ControlMessage} bits that wait for a buffer. */
    int toTell() {
        return state.getByte(base + ConsoleStateLayout.TO_TELL) & 0xFF;
    }

    void toTell(int bits) {
        state.putByte(base + ConsoleStateLayout.TO_TELL, (byte) bits);
    }

    /** The name of a field that cannot be, or an empty text. */
    String violation() {
        for (int flag = ConsoleStateLayout.GUEST_OPEN; flag <= ConsoleStateLayout.READY; flag++) {
            if ((state.getByte(base + flag) & ~1) != 0) {
                return "flags";
            }
        }
        if ((toTell() & ~ControlMessage.ALL_BITS) != 0) {
            return "toTell";
        }
        if (inPosition() < 0 || outPosition() < 0) {
            return "inPosition, outPosition";
        }
        return position() < 0 ? "txPosition" : "";
    }

    // ---- life

    /** Whatever the driver told is forgotten; whether somebody is at the host's end is not. */
    void reset() {
        set(ConsoleStateLayout.GUEST_OPEN, false);
        set(ConsoleStateLayout.READY, false);
        toTell(0);
        forgetTransmit();
    }

    void queueReset(int queue) {
        if (queue == transmitQueue) {
            forgetTransmit();
        }
    }

    private void forgetTransmit() {
        transmitting = false;
        position(0);
    }

    // ---- to the host

    /** The device's turn: takes the next buffer that holds anything; whether to come back because many did not. */
    boolean nextTransmit() {
        Virtqueue queue = host.queue(transmitQueue);
        int empty = 0;
        while (!transmitting && empty < MOST_BUFFERS && queue.pop(transmit)) {
            if (transmit.count() > transmit.readableCount()) {
                host.guestError(ConsoleError.DIRECTION, transmitQueue);
            }
            transmitting = position() < transmit.readableBytes();
            if (!transmitting) {
                queue.complete(transmit.head(), 0);
                position(0);
                empty++;
            }
        }
        if (empty > 0) {
            queue.publish();
        }
        return empty == MOST_BUFFERS;
    }

    /** Copies what waits, without taking it; the bytes of one buffer at a time. */
    int output(MutableDirectBuffer into, int offset, int limitBytes) {
        if (!transmitting || !host.queue(transmitQueue).ready()) {
            return 0;
        }
        int count = transmit.read(position(), chunk, 0, Math.min(limitBytes, CHUNK_BYTES));
        into.putBytes(offset, chunkView, 0, count);
        return count;
    }

    /** The host took {@code count} of the bytes shown last. */
    void outputDone(int count) {
        position(position() + count);
        if (position() >= transmit.readableBytes()) {
            Virtqueue queue = host.queue(transmitQueue);
            queue.complete(transmit.head(), 0);
            queue.publish();
            forgetTransmit();
            host.wake(transmitQueue);
        }
    }

    // ---- from the host

    /** How many bytes may be read from the host now. */
    int inputRoom() {
        return host.queue(receiveQueue).hasAvailable() ? CHUNK_BYTES : 0;
    }

    /** Puts bytes into as many receive buffers as they need; says how many found a place. */
    int input(DirectBuffer bytes, int offset, int lengthBytes) {
        Virtqueue queue = host.queue(receiveQueue);
        int length = Math.min(lengthBytes, CHUNK_BYTES);
        bytes.getBytes(offset, chunkView, 0, length);
        int taken = 0;
        int buffers = 0;
        while (taken < length && buffers < MOST_BUFFERS && queue.pop(receive)) {
            int written = receive.write(0, chunk, taken, length - taken);
            if (receive.readableCount() > 0) {
                host.guestError(ConsoleError.DIRECTION, receiveQueue);
            }
            if (written == 0) {
                host.guestError(ConsoleError.NO_ROOM, receiveQueue);
            }
            queue.complete(receive.head(), written);
            taken += written;
            buffers++;
        }
        if (buffers > 0) {
            queue.publish();
        }
        host.wake(receiveQueue); // whatever else the queue has to do it does in a turn of its own
        return taken;
    }

    long inPosition() {
        return state.getLong(base + ConsoleStateLayout.IN_POSITION, LE);
    }

    long outPosition() {
        return state.getLong(base + ConsoleStateLayout.OUT_POSITION, LE);
    }

    void positions(long in, long out) {
        state.putLong(base + ConsoleStateLayout.IN_POSITION, in, LE);
        state.putLong(base + ConsoleStateLayout.OUT_POSITION, out, LE);
    }

    private long position() {
        return state.getLong(base + ConsoleStateLayout.TX_POSITION, LE);
    }

    private void position(long bytes) {
        state.putLong(base + ConsoleStateLayout.TX_POSITION, bytes, LE);
    }
}
