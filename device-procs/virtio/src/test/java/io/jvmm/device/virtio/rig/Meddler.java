package io.jvmm.device.virtio.rig;

import io.jvmm.ipc.memory.GuestMemory;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Another processor of a hostile guest: a thread that writes to the driver's part of a virtqueue while the device reads it. Descriptors,
 * indirect tables, available rings, event areas and the bytes of buffers change between any two looks of the device. What it
 * writes is seeded; when it writes is not.
 *
 * <p>Addresses it makes are those of a place for buffers or of one for tables, or nowhere. A table that turns into a buffer may be written
 * to, and as far behind the last table as a buffer is long; further the device has no reason to go.
 */
final class Meddler implements AutoCloseable {
    private static final int NEXT_WRITE_INDIRECT = 7;
    private static final int AVAIL_AND_USED = 1 << 7 | 1 << 15;
    private static final int LONGEST = 4096;
    /** More than there is memory. */
    private static final int HUGE = 1 << 30;

    private final GuestMemory memory;
    private final long buffers;
    private final long bufferBytes;
    private final long tables;
    private final int tableEntries;
    private final SplittableRandom random;
    private final Thread thread;
    private volatile @Nullable RigQueue target;
    private volatile boolean ended;
    private volatile long writes;

    /** Begins to run, and writes nothing yet. The two places are each {@code bytes} or {@code entries} long. */
    Meddler(GuestMemory memory, long buffers, long bytes, long tables, int entries, long seed) {
        this.memory = memory;
        this.buffers = buffers;
        this.bufferBytes = bytes;
        this.tables = tables;
        this.tableEntries = entries;
        this.random = new SplittableRandom(seed);
        this.thread = Thread.ofPlatform().daemon().name("meddler").start(this::run);
    }

    /** From now on it writes to this queue; null: to none, but for a write that is under way. */
    void meddleWith(@Nullable RigQueue queue) {
        target = queue;
    }

    /** How often it has written. */
    long writes() {
        return writes;
    }

    private void run() {
        long count = 0;
        while (!ended) {
            RigQueue queue = target;
            if (queue == null) {
                Thread.onSpinWait();
            } else {
                write(queue);
                writes = ++count;
            }
        }
    }

    private void write(RigQueue queue) {
        switch (random.nextInt(16)) {
            case 0, 1, 2 -> descriptor(tables + 16L * random.nextInt(tableEntries), queue);
            case 3, 4 -> memory.put64(buffers + random.nextLong(bufferBytes), random.nextLong());
            case 5 -> memory.put64(buffers + random.nextLong(bufferBytes), random.nextInt(64));
            case 6 -> driverArea(queue);
            default -> descriptor(queue.table() + 16L * random.nextInt(queue.size()), queue);
        }
    }

    /** One field of a descriptor. */
    private void descriptor(long at, RigQueue queue) {
        boolean packed = queue instanceof RigPackedQueue;
        switch (random.nextInt(5)) {
            case 0 -> memory.put64(at, buffers + random.nextLong(bufferBytes));
            case 1 -> memory.put64(at, random.nextInt(8) == 0 ? random.nextLong() | Long.MIN_VALUE : table());
            case 2 -> memory.put32(at + 8, random.nextInt(16) == 0 ? random.nextInt() | HUGE : random.nextInt(LONGEST));
            case 3 -> memory.put16(at + (packed ? 14 : 12), (short) flags(packed));
            default -> memory.put16(at + (packed ? 12 : 14), (short) random.nextInt(queue.size() + 1));
        }
    }

    private long table() {
        return tables + 16L * random.nextInt(tableEntries);
    }

    private int flags(boolean packed) {
        return random.nextInt() & (packed ? NEXT_WRITE_INDIRECT | AVAIL_AND_USED : NEXT_WRITE_INDIRECT);
    }

    /** Split: flags, index, ring, used_event, mostly the ring; packed: the event area. */
    private void driverArea(RigQueue queue) {
        boolean packed = queue instanceof RigPackedQueue;
        int ring = packed ? 4 : 4 + 2 * queue.size();
        boolean anything = packed || random.nextInt(64) == 0;
        long at =
                queue.driverArea() + (anything ? 2L * random.nextInt(ring / 2) : 4 + 2L * random.nextInt(queue.size()));
        memory.put16(at, (short) random.nextInt(queue.size()));
    }

    /** Ends; nothing is written any more. */
    @Override
    public void close() {
        ended = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
