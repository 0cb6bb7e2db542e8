package io.jvmm.it.bench;

import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * The guest's side of one split virtqueue with block requests (virtio 1.2 §2.7, §5.2.6), as a driver works it: event index,
 * so that neither side notifies the other in vain. Guest memory is one memfd, and a guest-physical address is an offset in it.
 *
 * <p>Slot N of the requests owns descriptors from {@code N * DESCRIPTORS} on: a header, the data in up to sixteen pieces (a guest's
 * pages are seldom in a row), the status.
 */
final class BlockRing implements AutoCloseable {
    static final int QUEUE_SIZE = 1024;
    static final long DESC = 0x1_0000;
    static final long AVAIL = 0x1_8000;
    static final long USED = 0x2_0000;
    static final long MEMORY_BYTES = 64L << 20;

    private static final long HEADERS = 0x4_0000;
    private static final long STATUS = 0x5_0000;
    private static final long DATA = 0x10_0000;
    private static final long DATA_STRIDE = 0x10_0000;
    private static final int PIECES = 16;
    private static final int DESCRIPTORS = PIECES + 2;
    private static final int HEADER_BYTES = 16;
    private static final int SECTOR_BYTES = 512;
    private static final int SMALLEST_PIECE_BYTES = 4096;

    private static final short NEXT = 1;
    private static final short WRITE = 2;
    private static final int TYPE_OUT = 1;
    private static final int TYPE_GET_ID = 8;
    private static final int ID_BYTES = 20;

    private static final VarHandle SHORT =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final MemFd memfd;
    private final Mapping mapping;
    private final MemorySegment memory;
    private final int[] slotOfHead = new int[QUEUE_SIZE];
    private int availIndex;
    private int usedIndex;

    BlockRing() {
        memfd = MemFd.createSealed("guest", MEMORY_BYTES);
        mapping = memfd.map();
        memory = mapping.segment();
        for (long page = 0; page < MEMORY_BYTES; page += 4096) {
            memory.set(
                    ValueLayout.JAVA_BYTE, page, (byte) 0); // the guest's memory is there before anything is measured
        }
        memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 0);
    }

    MemFd memfd() {
        return memfd;
    }

    /** Most requests at once. */
    static int slots() {
        return QUEUE_SIZE / DESCRIPTORS;
    }

    /** Makes a request available. {@link #shouldKick} afterwards. */
    void submit(int slot, boolean write, long position, int lengthBytes) {
        int next = begin(slot, write ? TYPE_OUT : 0, position / SECTOR_BYTES);
        int piece = Math.max(SMALLEST_PIECE_BYTES, lengthBytes / PIECES);
        for (int done = 0; done < lengthBytes; done += piece) {
            descriptor(next++, DATA + slot * DATA_STRIDE + done, piece, write ? 0 : WRITE, true);
        }
        end(slot, next);
    }

    /** The same for a request that has nothing to do on the host: the disk's serial number (GET_ID). */
    void submitNothing(int slot) {
        int next = begin(slot, TYPE_GET_ID, 0);
        descriptor(next, DATA + slot * DATA_STRIDE, ID_BYTES, WRITE, true);
        end(slot, next + 1);
    }

    /** The header; returns the next descriptor's number. */
    private int begin(int slot, int type, long sector) {
        int head = slot * DESCRIPTORS;
        long header = HEADERS + (long) slot * HEADER_BYTES;
        putInt(header, type);
        putInt(header + 4, 0);
        putLong(header + 8, sector);
        memory.set(ValueLayout.JAVA_BYTE, STATUS + slot, (byte) 0xFF);
        descriptor(head, header, HEADER_BYTES, (short) 0, true);
        return head + 1;
    }

    private void end(int slot, int statusDescriptor) {
        int head = slot * DESCRIPTORS;
        descriptor(statusDescriptor, STATUS + slot, 1, WRITE, false);
        slotOfHead[head] = slot;
        putShort(AVAIL + 4 + 2L * (availIndex & (QUEUE_SIZE - 1)), head);
        availIndex++;
    }

    /** Shows what was submitted since the last call, {@code count} requests, to the device; whether it wants a kick. */
    boolean shouldKick(int count) {
        SHORT.setRelease(memory, AVAIL + 2, (short) availIndex);
        VarHandle.fullFence();
        int event = getShort(USED + 4 + 8L * QUEUE_SIZE);
        return ((availIndex - event - 1) & 0xFFFF) < (count & 0xFFFF);
    }

    /** The slot of a request that is done, or -1. */
    int reap() {
        int shown = (short) SHORT.getAcquire(memory, USED + 2) & 0xFFFF;
        if (shown == (usedIndex & 0xFFFF)) {
            return -1;
        }
        int head = getInt(USED + 4 + 8L * (usedIndex & (QUEUE_SIZE - 1)));
        usedIndex++;
        int slot = slotOfHead[head];
        byte status = memory.get(ValueLayout.JAVA_BYTE, STATUS + slot);
        if (status != 0) {
            throw new IllegalStateException("request failed with status " + status);
        }
        return slot;
    }

    /** Asks for an interrupt at the next completion; whether there is one already. */
    boolean wantInterrupt() {
        putShort(AVAIL + 4 + 2L * QUEUE_SIZE, usedIndex);
        VarHandle.fullFence();
        return ((short) SHORT.getAcquire(memory, USED + 2) & 0xFFFF) != (usedIndex & 0xFFFF);
    }

    /** Fills a slot's data, so that a write writes something. */
    void fill(int slot, int lengthBytes, SplittableRandom random) {
        for (int i = 0; i < lengthBytes; i += Long.BYTES) {
            putLong(DATA + slot * DATA_STRIDE + i, random.nextLong());
        }
    }

    private void descriptor(int index, long address, int lengthBytes, int flags, boolean more) {
        long at = DESC + 16L * index;
        putLong(at, address);
        putInt(at + 8, lengthBytes);
        putShort(at + 12, more ? flags | NEXT : flags);
        putShort(at + 14, more ? index + 1 : 0);
    }

    private int getShort(long at) {
        return memory.get(ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN), at) & 0xFFFF;
    }

    private int getInt(long at) {
        return memory.get(ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN), at);
    }

    private void putShort(long at, int value) {
        memory.set(ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN), at, (short) value);
    }

    private void putInt(long at, int value) {
        memory.set(ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN), at, value);
    }

    private void putLong(long at, long value) {
        memory.set(ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN), at, value);
    }

    @Override
    public void close() {
        mapping.close();
        memfd.close();
    }
}
