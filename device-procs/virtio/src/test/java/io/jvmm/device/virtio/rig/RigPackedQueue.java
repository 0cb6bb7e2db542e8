package io.jvmm.device.virtio.rig;

import java.lang.invoke.VarHandle;

/** Packed virtqueue, driver's side: virtio 1.2 §2.8. */
public final class RigPackedQueue extends RigQueue {
    private static final int AVAIL = 1 << 7;
    private static final int USED = 1 << 15;
    private static final int WRAP = 1 << 15;
    private static final int ENABLE = 0;
    private static final int DISABLE = 1;
    private static final int DESC = 2;

    private final long ring;
    private final long driverEvent;
    private final long deviceEvent;
    private final int[] freeIds;
    private int freeIdCount;
    private int freeSlots;
    private int position;
    private boolean wrap = true;
    private int slotsSinceKick;
    private int usedPosition;
    private boolean usedWrap = true;
    private long lastLength;

    RigPackedQueue(RigDriver driver, int index, int size) {
        super(driver, index, size);
        this.ring = allocate(16L * size);
        this.driverEvent = allocate(4);
        this.deviceEvent = allocate(4);
        this.freeIds = new int[size];
        for (int i = 0; i < size; i++) {
            freeIds[i] = size - 1 - i;
        }
        this.freeIdCount = size;
        this.freeSlots = size;
    }

    @Override
    public boolean hasRoom(int descriptors) {
        return freeSlots >= descriptors && freeIdCount > 0;
    }

    @Override
    int freeToken() {
        return freeIds[freeIdCount - 1];
    }

    @Override
    void put(int token, Buffer buffer) {
        freeIdCount--;
        int first = position;
        boolean firstWrap = wrap;
        int firstFlags = 0;
        if (buffer.table != 0) {
            for (int i = 0; i < buffer.count(); i++) {
                long at = buffer.table + 16L * i;
                memory.put64(at, buffer.address(i));
                memory.put32(at + 8, buffer.length(i));
                memory.put16(at + 12, (short) 0);
                memory.put16(at + 14, (short) (buffer.writable(i) ? WRITE : 0));
            }
            fields(position, buffer.table, 16L * buffer.count(), token);
            firstFlags = INDIRECT;
            advance();
        } else {
            for (int i = 0; i < buffer.count(); i++) {
                int flags = (buffer.writable(i) ? WRITE : 0) | (i == buffer.count() - 1 ? 0 : NEXT);
                fields(position, buffer.address(i), buffer.length(i), token);
                if (i == 0) {
                    firstFlags = flags;
                } else {
                    memory.put16(ring + 16L * position + 14, (short) (flags | marks(wrap)));
                }
                advance();
            }
        }
        // All of the chain, then the flags of its first descriptor (§2.8.6).
        memory.put16ReleaseAt(memory.resolve(ring + 16L * first + 14, 2), (short) (firstFlags | marks(firstWrap)));
        freeSlots -= buffer.slots;
    }

    private static int marks(boolean lap) {
        return lap ? AVAIL : USED;
    }

    private void fields(int at, long address, long lengthBytes, int id) {
        memory.put64(ring + 16L * at, address);
        memory.put32(ring + 16L * at + 8, (int) lengthBytes);
        memory.put16(ring + 16L * at + 12, (short) id);
    }

    private void advance() {
        slotsSinceKick++;
        if (++position == size()) {
            position = 0;
            wrap = !wrap;
        }
    }

    @Override
    public boolean kickWanted() {
        VarHandle.fullFence();
        int added = slotsSinceKick;
        slotsSinceKick = 0;
        int flags = memory.get16(deviceEvent + 2, (short) 0) & 3;
        if (flags != DESC) {
            return flags == ENABLE;
        }
        int event = memory.get16(deviceEvent, (short) 0) & 0xFFFF;
        int at = event & ~WRAP;
        if ((event & WRAP) != 0 != wrap) {
            at -= size();
        }
        return (position - at - 1 & 0xFFFF) < added;
    }

    @Override
    public int reapRaw() {
        long slot = ring + 16L * usedPosition;
        int flags = memory.get16AcquireAt(memory.resolve(slot + 14, 2));
        boolean avail = (flags & AVAIL) != 0;
        boolean used = (flags & USED) != 0;
        if (avail != used || used != usedWrap) {
            return -1;
        }
        int id = memory.get16(slot + 12, (short) 0) & 0xFFFF;
        lastLength = memory.get32(slot + 8, 0) & 0xFFFF_FFFFL;
        Buffer buffer = back(id, lastLength);
        usedPosition += buffer.slots;
        if (usedPosition >= size()) {
            usedPosition -= size();
            usedWrap = !usedWrap;
        }
        freeSlots += buffer.slots;
        freeIds[freeIdCount++] = id;
        return id;
    }

    @Override
    public long lastLength() {
        return lastLength;
    }

    @Override
    public void wantInterrupts(boolean wanted) {
        memory.put16(driverEvent + 2, (short) (wanted ? ENABLE : DISABLE));
        VarHandle.fullFence();
    }

    /** Counts descriptors, one to a buffer. */
    @Override
    public void wantInterruptAfter(int buffers) {
        int at = usedPosition + buffers - 1;
        boolean lap = usedWrap;
        if (at >= size()) {
            at -= size();
            lap = !lap;
        }
        memory.put16(driverEvent, (short) (at | (lap ? WRAP : 0)));
        memory.put16ReleaseAt(memory.resolve(driverEvent + 2, 2), (short) DESC);
        VarHandle.fullFence();
    }

    @Override
    public long table() {
        return ring;
    }

    @Override
    public long driverArea() {
        return driverEvent;
    }

    @Override
    public long deviceArea() {
        return deviceEvent;
    }

    @Override
    public long deviceAreaBytes() {
        return 4;
    }

    /** {@code at} counts from the next available position on; the marks of its lap are added. */
    @Override
    public void hostile(int at, long address, long lengthBytes, int flags, int more) {
        int slot = (position + at) % size();
        boolean lap = wrap ^ position + at >= size();
        fields(slot, address, lengthBytes, more);
        memory.put16ReleaseAt(memory.resolve(ring + 16L * slot + 14, 2), (short) (flags | marks(lap)));
    }

    /** It is available as soon as it is written; this moves the driver's position behind so many. */
    @Override
    public void hostileAvailable(int descriptors) {
        for (int i = 0; i < descriptors; i++) {
            advance();
        }
    }
}
