package io.jvmm.device.virtio.rig;

import io.jvmm.ipc.memory.GuestMemory;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The driver's side of a virtqueue. A token names a buffer from {@link #offer} to {@link #reap}. It checks the device on the way: a
 * buffer that was not out, or more bytes written than there was room for, is an {@link AssertionError}.
 */
public abstract sealed class RigQueue permits RigSplitQueue, RigPackedQueue {
    static final int NEXT = 1;
    static final int WRITE = 2;
    static final int INDIRECT = 4;

    private final RigDriver driver;
    private final int index;
    private final int size;
    final GuestMemory memory;
    private final Buffer[] out;
    private int outCount;
    private boolean useIndirect;

    /** Segments of a buffer that is out. */
    static final class Buffer {
        private long[] addresses = new long[0];
        private int[] lengths = new int[0];
        private int readable;
        private int count;
        private boolean owned;
        private boolean present;
        /** Indirect table, or 0. */
        long table;
        /** Descriptors it takes in the ring. */
        int slots;

        long address(int segment) {
            return addresses[segment];
        }

        int length(int segment) {
            return lengths[segment];
        }

        boolean writable(int segment) {
            return segment >= readable;
        }

        int count() {
            return count;
        }

        long writableBytes() {
            long bytes = 0;
            for (int i = readable; i < count; i++) {
                bytes += lengths[i];
            }
            return bytes;
        }
    }

    RigQueue(RigDriver driver, int index, int size) {
        this.driver = driver;
        this.index = index;
        this.size = size;
        this.memory = driver.rig().memory();
        this.out = new Buffer[size];
        Arrays.setAll(out, i -> new Buffer());
        this.useIndirect = driver.negotiated(RigDriver.F_INDIRECT_DESC);
    }

    long allocate(long lengthBytes) {
        long at = driver.arena().allocate(lengthBytes);
        memory.fill(at, lengthBytes, (byte) 0);
        return at;
    }

    boolean eventIndex() {
        return driver.negotiated(RigDriver.F_EVENT_IDX);
    }

    /** Whether buffers of more than one segment go into an indirect table; by default if that is negotiated. */
    public void useIndirect(boolean indirect) {
        useIndirect = indirect;
    }

    public int size() {
        return size;
    }

    /** Buffers that are out. */
    public int outstanding() {
        return outCount;
    }

    // ---- offering

    /** One readable and one writable segment; an empty one is left out. */
    public int offer(byte[] readable, int writableBytes) {
        byte[][] read = readable.length == 0 ? new byte[0][] : new byte[][] {readable};
        return writableBytes == 0 ? offer(read) : offer(read, writableBytes);
    }

    /**
     * A buffer of any number of segments, published and not kicked. The writable part is filled with 0xA5 first.
     *
     * @return its token
     */
    public int offer(byte[][] readable, int... writable) {
        int count = readable.length + writable.length;
        long[] addresses = new long[count];
        int[] lengths = new int[count];
        for (int i = 0; i < count; i++) {
            lengths[i] = i < readable.length ? readable[i].length : writable[i - readable.length];
            addresses[i] = allocate(Math.max(lengths[i], 1));
            for (int j = 0; i < readable.length && j < lengths[i]; j++) {
                memory.put8(addresses[i] + j, readable[i][j]);
            }
            if (i >= readable.length && lengths[i] > 0) {
                memory.fill(addresses[i], lengths[i], (byte) 0xA5);
            }
        }
        int token = offerRaw(addresses, lengths, readable.length, count);
        out[token].owned = true;
        return token;
    }

    /**
     * A buffer of segments the caller has; allocates nothing unless a table is needed. The arrays must stay as they are while it is out.
     */
    public int offerRaw(long[] addresses, int[] lengths, int readableCount, int count) {
        boolean indirect = useIndirect && count > 1;
        if (!hasRoom(indirect ? 1 : count)) {
            throw new IllegalStateException("queue " + index + " is full: " + outCount + " buffers are out");
        }
        int token = freeToken();
        Buffer buffer = out[token];
        buffer.addresses = addresses;
        buffer.lengths = lengths;
        buffer.readable = readableCount;
        buffer.count = count;
        buffer.owned = false;
        buffer.present = true;
        buffer.table = indirect ? allocate(16L * count) : 0;
        buffer.slots = indirect ? 1 : count;
        outCount++;
        put(token, buffer);
        return token;
    }

    /** Whether a buffer of so many descriptors fits into the ring. */
    public abstract boolean hasRoom(int descriptors);

    abstract int freeToken();

    abstract void put(int token, Buffer buffer);

    /** Whether the device wants to be kicked for what was offered since the last kick. */
    public abstract boolean kickWanted();

    /** Kicks, if the device wants it; whether it did. */
    public boolean kick() {
        boolean wanted = kickWanted();
        if (wanted) {
            driver.notifyQueue(index);
        }
        return wanted;
    }

    /** Kicks in any case. */
    public void kickAnyway() {
        kickWanted();
        driver.notifyQueue(index);
    }

    // ---- taking back

    /** Takes the next buffer back, or null; allocates nothing: its token, or -1. {@link #lastLength} is what was written. */
    public abstract int reapRaw();

    /** What the device says it wrote to the buffer last taken. */
    public abstract long lastLength();

    /** Takes the next buffer back, with what is in it, or null when there is none. */
    public @Nullable Completion reap() {
        int token = reapRaw();
        if (token < 0) {
            return null;
        }
        Buffer buffer = out[token];
        byte[] bytes = new byte[Math.toIntExact(buffer.writableBytes())];
        int at = 0;
        for (int i = buffer.readable; i < buffer.count; i++) {
            for (int j = 0; j < buffer.lengths[i]; j++) {
                bytes[at++] = memory.get8(buffer.addresses[i] + j, (byte) 0);
            }
        }
        if (buffer.owned) {
            for (int i = 0; i < buffer.count; i++) {
                driver.arena().free(buffer.addresses[i], Math.max(buffer.lengths[i], 1));
            }
        }
        return new Completion(token, lastLength(), bytes);
    }

    /** As {@link #reap}, where there is a buffer that has come back. */
    public Completion reaped() {
        Completion done = reap();
        if (done == null) {
            throw new AssertionError("queue " + index + ": no buffer has come back, " + outCount + " are out");
        }
        return done;
    }

    /** The device gave a buffer back. */
    Buffer back(int token, long lengthBytes) {
        if (token < 0 || token >= size || !out[token].present) {
            throw new AssertionError("queue " + index + ": buffer " + token + " came back and was not out");
        }
        Buffer buffer = out[token];
        if (lengthBytes > buffer.writableBytes()) {
            throw new AssertionError(
                    "queue " + index + ": " + lengthBytes + " bytes written to a buffer of " + buffer.writableBytes());
        }
        buffer.present = false;
        if (buffer.table != 0) {
            driver.arena().free(buffer.table, 16L * buffer.count);
        }
        outCount--;
        return buffer;
    }

    /** Whether interrupts are wanted: off is the flag, on (as at first) is at the next buffer given back. */
    public abstract void wantInterrupts(boolean wanted);

    /** With EVENT_IDX: an interrupt only once so many more buffers are back, or at the next one taken. */
    public abstract void wantInterruptAfter(int buffers);

    // ---- for drivers that misbehave

    /** Guest-physical address of the descriptors. */
    public abstract long table();

    /** Guest-physical address of the driver area: available ring, or driver event suppression. */
    public abstract long driverArea();

    /** Guest-physical address of the device area: used ring, or device event suppression. */
    public abstract long deviceArea();

    /** Length of the device area. */
    public abstract long deviceAreaBytes();

    /**
     * Makes a descriptor available as it is said here, true or not: the driver's books do not know of it.
     *
     * @param more split: the next descriptor if {@code flags} say so; packed: the buffer id
     */
    public abstract void hostile(int at, long address, long lengthBytes, int flags, int more);

    /** Makes what {@link #hostile} wrote available. */
    public abstract void hostileAvailable(int head);
}
