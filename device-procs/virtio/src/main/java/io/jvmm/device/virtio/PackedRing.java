package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A packed virtqueue (§2.8).
 *
 * <pre>
 *   descriptor ring              16 bytes each: | u64 address | u32 length | u16 buffer id | u16 flags |
 *   driver and device event area | u16 offset, wrap counter in bit 15 | u16 flags |
 * </pre>
 *
 * <p>A chain is known by the position of its first descriptor. Chains go back to the driver in the order they came, so that whatever
 * lies between the state's {@code used} and the device's position is what a successor has to do again.
 */
final class PackedRing implements Ring {
    private static final int U16 = 0xFFFF;
    private static final int WRAP = 1 << 15;
    private static final int REST = 8;
    private static final int ID_AND_FLAGS = 12;
    private static final int AVAIL_FLAG = 1 << 7;
    private static final int USED_FLAG = 1 << 15;

    private static final int EVENTS_ENABLE = 0;
    private static final int EVENTS_DISABLE = 1;
    private static final int EVENTS_DESC = 2;
    private static final int NEVER = -1;
    private static final int MOST_SPOILED = 16;

    private final Queue queue;
    private final QueueState state;
    private final GuestMemory memory;
    private final ChainReader reader;
    private final int mostPending;

    private int size;
    private long ring;
    private long driverEvent;
    private long deviceEvent;
    private boolean eventIndex;
    private boolean indirect;

    /** Where the next available descriptor is looked for. */
    private int position;

    private boolean wrap;
    /** Length, buffer id and flags of the descriptor at {@link #position} as {@link #available} last read them. */
    private long first;
    /** Where the next used descriptor goes; the state's used, and what was shown to the driver when nothing is pending. */
    private int usedPosition;

    private boolean usedWrap;
    /** Slots given back since the driver was last shown. */
    private int slotsToShow;

    /** By position of the first descriptor: slots of the chain, or 0 when none begins there. */
    private final int[] slots;

    private final short[] ids;
    private final int[] written;
    private final boolean[] done;
    /** Which call of publish made it visible: those of one call leave in one commit. */
    private final int[] group;

    private int currentGroup;
    private int slotsOut;
    private int outstanding;
    private boolean more;
    private boolean kicksWanted;
    private int armedAt;

    PackedRing(Queue queue, QueueState state, GuestMemory memory, ChainReader reader, int maxSize) {
        this.queue = queue;
        this.state = state;
        this.memory = memory;
        this.reader = reader;
        this.mostPending = QueueState.mostPending(maxSize);
        this.slots = new int[maxSize];
        this.ids = new short[maxSize];
        this.written = new int[maxSize];
        this.done = new boolean[maxSize];
        this.group = new int[maxSize];
    }

    /** Both wrap counters start at 1 (§2.8.1). */
    static void initialise(QueueState state) {
        state.avail(WRAP);
        state.used(WRAP);
    }

    @Override
    public boolean locate(long features) {
        size = state.size();
        eventIndex = (features & VirtioFeature.EVENT_IDX) != 0;
        indirect = (features & VirtioFeature.INDIRECT_DESC) != 0;
        ring = Queue.locate(memory, state.desc(), 16, 16L * size);
        driverEvent = Queue.locate(memory, state.driver(), 4, 4);
        deviceEvent = Queue.locate(memory, state.device(), 4, 4);
        usedPosition = state.used() & ~WRAP;
        usedWrap = (state.used() & WRAP) != 0;
        position = usedPosition;
        wrap = usedWrap;
        state.avail(state.used());
        java.util.Arrays.fill(slots, 0);
        java.util.Arrays.fill(done, false);
        slotsToShow = 0;
        slotsOut = 0;
        outstanding = 0;
        more = false;
        kicksWanted = true;
        armedAt = NEVER;
        return ring >= 0 && driverEvent >= 0 && deviceEvent >= 0;
    }

    @Override
    public boolean adopt() {
        int pending = state.pending();
        if (pending > mostPending || usedPosition >= size) {
            return false;
        }
        for (int i = 0; i < pending; i++) {
            if ((state.pendingPosition(i) & ~WRAP) >= size) {
                return false;
            }
        }
        if (pending > 0 && !shown(state.pendingPosition(0))) {
            show(pending);
        }
        state.pending(0);
        memory.put32ReleaseAt(deviceEvent, EVENTS_ENABLE << 16);
        return true;
    }

    /** Whether the slot was given back: it is used, or available again for the next lap. */
    private boolean shown(int pendingPosition) {
        int flags = memory.get32AcquireAt(slot(pendingPosition & ~WRAP) + ID_AND_FLAGS) >>> 16;
        return !isAvailable(flags, (pendingPosition & WRAP) != 0);
    }

    private static boolean isAvailable(int flags, boolean lap) {
        return (flags & AVAIL_FLAG) != 0 == lap && (flags & USED_FLAG) != 0 != lap;
    }

    private long slot(int at) {
        return ring + (long) ChainReader.DESCRIPTOR_BYTES * at;
    }

    @Override
    public boolean pop(Chain into) {
        for (int spoiled = 0; spoiled < MOST_SPOILED; spoiled++) {
            into.clear();
            if (!lookForNext()) {
                return false;
            }
            int head = position;
            VirtioError error = read(into, head);
            if (error == null) {
                return true;
            }
            into.clear();
            queue.guestError(error, head);
            if (error == VirtioError.CHAIN_LOOP) {
                queue.fail(error);
                return false;
            }
            complete(head, 0);
            queue.spoiled();
        }
        queue.wake();
        return false;
    }

    private boolean lookForNext() {
        if (available()) {
            return true;
        }
        int at = position | (wrap ? WRAP : 0);
        if (!kicksWanted || armedAt == at) {
            return false;
        }
        arm(at);
        return available();
    }

    private boolean available() {
        if (slotsOut >= size) {
            return false;
        }
        first = memory.get64AcquireAt(slot(position) + REST);
        return isAvailable((int) (first >>> 48), wrap);
    }

    private void arm(int at) {
        armedAt = at;
        memory.put32ReleaseAt(deviceEvent, eventIndex ? at | EVENTS_DESC << 16 : EVENTS_ENABLE << 16);
        VarHandle.fullFence();
    }

    /**
     * Takes the chain that begins at {@code head}; of one that is spoiled all descriptors, too, since the next one begins behind
     * it.
     */
    private @Nullable VirtioError read(Chain into, int head) {
        into.head(head);
        reader.begin();
        VirtioError spoiled = null;
        int at = head;
        int count = 0;
        while (true) {
            if (slotsOut + count == size) {
                return VirtioError.CHAIN_LOOP;
            }
            // Flags first: the driver writes them last. Those of the first are the ones that said that it is available.
            long rest = count == 0 ? first : memory.get64AcquireAt(slot(at) + REST);
            long address = memory.get64At(slot(at));
            int flags = (int) (rest >>> 48);
            count++;
            if (spoiled == null) {
                spoiled = take(into, address, rest & ChainReader.U32, flags);
            }
            if ((flags & ChainReader.NEXT) == 0) {
                taken(head, count, (int) (rest >>> 32) & U16);
                return spoiled;
            }
            at = at + 1 == size ? 0 : at + 1;
        }
    }

    private @Nullable VirtioError take(Chain into, long address, long lengthBytes, int flags) {
        if ((flags & ChainReader.INDIRECT) == 0) {
            return reader.append(into, address, lengthBytes, (flags & ChainReader.WRITE) != 0);
        }
        return indirect && (flags & ChainReader.NEXT) == 0
                ? reader.appendPackedTable(into, address, lengthBytes)
                : VirtioError.INDIRECT;
    }

    private void taken(int head, int count, int id) {
        slots[head] = count;
        ids[head] = (short) id;
        done[head] = false;
        slotsOut += count;
        outstanding++;
        position += count;
        if (position >= size) {
            position -= size;
            wrap = !wrap;
        }
    }

    @Override
    public void unpop(Chain latest) {
        int head = latest.head();
        if (head + slots[head] >= size) {
            wrap = !wrap;
        }
        slotsOut -= slots[head];
        slots[head] = 0;
        outstanding--;
        position = head;
    }

    @Override
    public boolean hasAvailable() {
        return lookForNext();
    }

    @Override
    public void complete(int head, long writtenBytes) {
        if (head < 0 || head >= size || slots[head] == 0 || done[head]) {
            return; // of a queue that was reset meanwhile
        }
        done[head] = true;
        written[head] = (int) writtenBytes;
        group[head] = currentGroup;
        outstanding--;
    }

    @Override
    public void publish() {
        currentGroup++;
        int room = mostPending - state.pending();
        int ready = wholeGroups(room);
        for (int i = 0; i < ready; i++) {
            int head = usedPosition;
            state.addPending(head | (usedWrap ? WRAP : 0), ids[head] & U16, written[head]);
            usedPosition += slots[head];
            if (usedPosition >= size) {
                usedPosition -= size;
                usedWrap = !usedWrap;
            }
            slotsToShow += slots[head];
            slotsOut -= slots[head];
            slots[head] = 0;
            done[head] = false;
        }
        int now = usedPosition | (usedWrap ? WRAP : 0);
        state.used(now);
        state.avail(now);
    }

    /** How many chains from the used position on are done; when more than fit, those of whole groups. */
    private int wholeGroups(int room) {
        int at = usedPosition;
        int count = 0;
        int whole = 0;
        int before = group[at];
        while (slots[at] != 0 && done[at]) {
            if (group[at] != before) {
                whole = count;
                before = group[at];
            }
            if (count == room) {
                more = true;
                // A group that is larger than a commit cannot be helped.
                return whole == 0 && room == mostPending ? count : whole;
            }
            count++;
            at += slots[at];
            at = at >= size ? at - size : at;
        }
        more = false;
        return count;
    }

    @Override
    public boolean flush() {
        int pending = state.pending();
        if (pending == 0) {
            return false;
        }
        show(pending);
        state.pending(0);
        int advanced = slotsToShow;
        slotsToShow = 0;
        // The driver writes its event area, then looks at the descriptor; we the other way round.
        VarHandle.fullFence();
        return interruptWanted(memory.get32AcquireAt(driverEvent), advanced);
    }

    /** Writes used descriptors; the first one last, so that all become visible together. */
    private void show(int pending) {
        for (int i = pending - 1; i >= 0; i--) {
            int at = state.pendingPosition(i);
            int length = state.pendingLength(i);
            long slot = slot(at & ~WRAP);
            int flags = ((at & WRAP) != 0 ? AVAIL_FLAG | USED_FLAG : 0) | (length != 0 ? ChainReader.WRITE : 0);
            memory.put32At(slot + REST, length);
            memory.put32ReleaseAt(slot + ID_AND_FLAGS, state.pendingId(i) | flags << 16);
        }
    }

    private boolean interruptWanted(int event, int advanced) {
        int flags = event >>> 16 & 3;
        if (flags != EVENTS_DESC || !eventIndex) {
            return flags != EVENTS_DISABLE;
        }
        int at = event & ~WRAP & U16;
        boolean lap = (event & WRAP) != 0;
        if (lap != usedWrap) {
            at -= size;
        }
        return (usedPosition - at - 1 & U16) < (advanced & U16);
    }

    @Override
    public boolean wantKicks(boolean wanted) {
        kicksWanted = wanted;
        if (!wanted) {
            armedAt = NEVER;
            memory.put32ReleaseAt(deviceEvent, EVENTS_DISABLE << 16);
            return false;
        }
        arm(position | (wrap ? WRAP : 0));
        return available();
    }

    @Override
    public int outstanding() {
        return outstanding;
    }

    @Override
    public boolean hasMore() {
        return more;
    }
}
