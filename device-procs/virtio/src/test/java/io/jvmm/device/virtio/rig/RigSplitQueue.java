package io.jvmm.device.virtio.rig;

import java.lang.invoke.VarHandle;

/** Split virtqueue, driver's side: virtio 1.2 §2.7. */
public final class RigSplitQueue extends RigQueue {
    private static final int U16 = 0xFFFF;

    private final long table;
    private final long available;
    private final long used;
    private final boolean eventIndex;
    private final int[] nextFree;
    private int freeHead;
    private int freeCount;
    private int availableIndex;
    private int kickedIndex;
    private int usedIndex;
    private long lastLength;
    private boolean interruptsWanted = true;

    RigSplitQueue(RigDriver driver, int index, int size) {
        super(driver, index, size);
        this.eventIndex = eventIndex();
        this.table = allocate(16L * size);
        this.available = allocate(6 + 2L * size);
        this.used = allocate(6 + 8L * size);
        this.nextFree = new int[size];
        for (int i = 0; i < size; i++) {
            nextFree[i] = i + 1;
        }
        this.freeCount = size;
    }

    @Override
    public boolean hasRoom(int descriptors) {
        return freeCount >= descriptors;
    }

    @Override
    int freeToken() {
        return freeHead; // a buffer is known by its first descriptor
    }

    @Override
    void put(int token, Buffer buffer) {
        if (buffer.table != 0) {
            for (int i = 0; i < buffer.count(); i++) {
                boolean last = i == buffer.count() - 1;
                descriptor(
                        buffer.table + 16L * i,
                        buffer.address(i),
                        buffer.length(i),
                        (buffer.writable(i) ? WRITE : 0) | (last ? 0 : NEXT),
                        last ? 0 : i + 1);
            }
            takeDescriptor();
            descriptor(table + 16L * token, buffer.table, 16L * buffer.count(), INDIRECT, 0);
        } else {
            for (int i = 0; i < buffer.count(); i++) {
                boolean last = i == buffer.count() - 1;
                int at = takeDescriptor();
                int flags = (buffer.writable(i) ? WRITE : 0) | (last ? 0 : NEXT);
                descriptor(table + 16L * at, buffer.address(i), buffer.length(i), flags, last ? 0 : freeHead);
                // The chain is remembered in the free list's links.
                nextFree[at] = last ? -1 : freeHead;
            }
        }
        makeAvailable(token);
    }

    private int takeDescriptor() {
        int at = freeHead;
        freeHead = nextFree[at];
        freeCount--;
        return at;
    }

    private void descriptor(long at, long address, long lengthBytes, int flags, int next) {
        memory.put64(at, address);
        memory.put32(at + 8, (int) lengthBytes);
        memory.put16(at + 12, (short) flags);
        memory.put16(at + 14, (short) next);
    }

    private void makeAvailable(int head) {
        memory.put16(available + 4 + 2L * (availableIndex & size() - 1), (short) head);
        availableIndex = availableIndex + 1 & U16;
        memory.put16ReleaseAt(memory.resolve(available + 2, 2), (short) availableIndex);
    }

    @Override
    public boolean kickWanted() {
        VarHandle.fullFence();
        int before = kickedIndex;
        kickedIndex = availableIndex;
        if (eventIndex) {
            int event = memory.get16(used + 4 + 8L * size(), (short) 0) & U16;
            return (availableIndex - event - 1 & U16) < (availableIndex - before & U16);
        }
        return (memory.get16(used, (short) 0) & 1) == 0;
    }

    @Override
    public int reapRaw() {
        int shown = memory.get16AcquireAt(memory.resolve(used + 2, 2)) & U16;
        if (shown == usedIndex) {
            return -1;
        }
        if ((shown - usedIndex & U16) > size()) {
            throw new AssertionError("used index " + shown + " after " + usedIndex + " in a ring of " + size());
        }
        long element = used + 4 + 8L * (usedIndex & size() - 1);
        int head = memory.get32(element, -1);
        lastLength = memory.get32(element + 4, -1) & 0xFFFF_FFFFL;
        usedIndex = usedIndex + 1 & U16;
        if (eventIndex && interruptsWanted) {
            wantInterruptAfter(1);
        }
        Buffer buffer = back(head, lastLength);
        int at = head;
        for (int i = 0; i < buffer.slots; i++) {
            int next = nextFree[at];
            nextFree[at] = freeHead;
            freeHead = at;
            freeCount++;
            at = next;
        }
        return head;
    }

    @Override
    public long lastLength() {
        return lastLength;
    }

    @Override
    public void wantInterrupts(boolean wanted) {
        interruptsWanted = wanted;
        if (eventIndex) {
            wantInterruptAfter(wanted ? 1 : 0x8000);
        } else {
            memory.put16(available, (short) (wanted ? 0 : 1));
        }
    }

    @Override
    public void wantInterruptAfter(int buffers) {
        memory.put16(available + 4 + 2L * size(), (short) (usedIndex + buffers - 1));
        VarHandle.fullFence();
    }

    @Override
    public long table() {
        return table;
    }

    @Override
    public long driverArea() {
        return available;
    }

    @Override
    public long deviceArea() {
        return used;
    }

    @Override
    public long deviceAreaBytes() {
        return 6 + 8L * size();
    }

    @Override
    public void hostile(int at, long address, long lengthBytes, int flags, int more) {
        descriptor(table + 16L * at, address, lengthBytes, flags, more);
    }

    @Override
    public void hostileAvailable(int head) {
        makeAvailable(head);
    }

    /** An available index that is not the driver's. */
    public void hostileIndex(int index) {
        availableIndex = index & U16;
        memory.put16ReleaseAt(memory.resolve(available + 2, 2), (short) index);
    }
}
