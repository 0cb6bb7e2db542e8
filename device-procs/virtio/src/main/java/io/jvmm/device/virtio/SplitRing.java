package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A split virtqueue (§2.7).
 *
 * <pre>
 *   descriptor table    16 bytes each: | u64 address | u32 length | u16 flags | u16 next |
 *   available ring      | u16 flags | u16 idx | u16 ring[size] | u16 used_event |
 *   used ring           | u16 flags | u16 idx | { u32 id, u32 length }[size] | u16 avail_event |
 * </pre>
 */
final class SplitRing implements Ring {
    private static final int U16 = 0xFFFF;
    private static final int IDX = 2;
    private static final int ENTRIES = 4;
    private static final int NO_INTERRUPT = 1;
    private static final int NO_NOTIFY = 1;
    private static final int NEVER = -1;
    /** Chains one pop answers itself, because they are of no use to the device. */
    private static final int MOST_SPOILED = 16;

    private final Queue queue;
    private final QueueState state;
    private final GuestMemory memory;
    private final ChainReader reader;

    private int size;
    private int mask;
    private long table;
    private long available;
    private long used;
    private boolean eventIndex;
    private boolean indirect;

    /** The driver's available index when it was last read. */
    private int availableIndex;
    /** Used index behind all completions, published or not. */
    private int completedIndex;
    /** Heads of completions that are not published, by used index. */
    private final short[] completed;
    /** Used index the driver has been shown. */
    private int shownIndex;

    private int outstanding;
    private boolean kicksWanted;
    /** The avail_event last written, or NEVER. */
    private int armedAt;
    /** Heads that a predecessor had taken. */
    private final short[] again;

    private final boolean[] seen;
    private int againCount;
    private int againAt;
    private boolean latestWasAgain;

    SplitRing(Queue queue, QueueState state, GuestMemory memory, ChainReader reader, int maxSize) {
        this.queue = queue;
        this.state = state;
        this.memory = memory;
        this.reader = reader;
        this.completed = new short[maxSize];
        this.again = new short[maxSize];
        this.seen = new boolean[maxSize];
    }

    @Override
    public boolean locate(long features) {
        size = state.size();
        mask = size - 1;
        eventIndex = (features & VirtioFeature.EVENT_IDX) != 0;
        indirect = (features & VirtioFeature.INDIRECT_DESC) != 0;
        int eventBytes = eventIndex ? 2 : 0;
        table = Queue.locate(memory, state.desc(), 16, 16L * size);
        available = Queue.locate(memory, state.driver(), 2, ENTRIES + 2L * size + eventBytes);
        used = Queue.locate(memory, state.device(), 4, ENTRIES + 8L * size + eventBytes);
        availableIndex = state.avail();
        completedIndex = state.used();
        shownIndex = state.used();
        outstanding = 0;
        kicksWanted = true;
        armedAt = NEVER;
        againCount = 0;
        againAt = 0;
        return table >= 0 && available >= 0 && used >= 0 && Integer.bitCount(size) == 1;
    }

    /**
     * Chains that were out come again in the order in which they were made available, as far as the available ring still
     * tells; those it has forgotten are the oldest.
     */
    @Override
    public boolean adopt() {
        int out = state.countOut(size);
        if (out < 0) {
            return false;
        }
        java.util.Arrays.fill(seen, 0, size, false);
        int free = out;
        for (int back = 1; back <= size && free > 0; back++) {
            int head = head(state.avail() - back);
            if (head < size && state.out(head) && !seen[head]) {
                seen[head] = true;
                again[--free] = (short) head;
            }
        }
        for (int head = size - 1; head >= 0 && free > 0; head--) {
            if (state.out(head) && !seen[head]) {
                again[--free] = (short) head;
            }
        }
        againCount = out;
        // What the predecessor committed and perhaps did not show; the elements are in the ring already.
        memory.put16ReleaseAt(used + IDX, (short) state.used());
        if (!eventIndex) {
            memory.put16At(used, (short) 0);
        }
        return true;
    }

    private int head(int index) {
        return memory.get16At(available + ENTRIES + 2L * (index & mask)) & U16;
    }

    @Override
    public boolean pop(Chain into) {
        for (int spoiled = 0; spoiled < MOST_SPOILED; spoiled++) {
            int head = next();
            if (head < 0) {
                into.clear();
                return false;
            }
            VirtioError error = read(into, head);
            if (error == null) {
                return true;
            }
            into.clear();
            queue.guestError(error, head);
            if (error == VirtioError.CHAIN_LOOP || error == VirtioError.NEXT) {
                queue.fail(error);
                return false;
            }
            complete(head, 0);
            queue.spoiled();
        }
        queue.wake();
        return false;
    }

    /** The next head, which is out from now on; -1 when there is none. */
    private int next() {
        if (againAt < againCount) {
            latestWasAgain = true;
            outstanding++;
            return again[againAt++] & U16;
        }
        latestWasAgain = false;
        int avail = state.avail();
        if (avail == availableIndex && !lookAgain(avail)) {
            return -1;
        }
        int head = head(avail);
        if (head >= size || state.out(head)) {
            queue.guestError(VirtioError.HEAD, head);
            queue.fail(VirtioError.HEAD);
            return -1;
        }
        state.avail(avail + 1 & U16);
        state.out(head, true);
        outstanding++;
        return head;
    }

    /** Reads the available index; when there is nothing asks for a kick and reads it once more (§2.7.13.4.1). */
    private boolean lookAgain(int avail) {
        if (!readIndex(avail) && kicksWanted && armedAt != avail) {
            arm(avail);
            return readIndex(avail);
        }
        return avail != availableIndex;
    }

    private void arm(int avail) {
        armedAt = avail;
        if (eventIndex) {
            memory.put16At(used + ENTRIES + 8L * size, (short) avail);
        }
        VarHandle.fullFence();
    }

    private boolean readIndex(int avail) {
        int found = memory.get16AcquireAt(available + IDX) & U16;
        if ((found - avail & U16) > size) {
            queue.guestError(VirtioError.AVAILABLE_INDEX, found);
            queue.fail(VirtioError.AVAILABLE_INDEX);
            return false;
        }
        availableIndex = found;
        return found != avail;
    }

    private @Nullable VirtioError read(Chain into, int head) {
        into.clear();
        into.head(head);
        reader.begin();
        int index = head;
        for (int count = 0; count < size; count++) {
            long address = memory.get64At(table + 16L * index);
            long rest = memory.get64At(table + 16L * index + Long.BYTES);
            int flags = (int) (rest >>> 32) & U16;
            if ((flags & ChainReader.INDIRECT) != 0) {
                return indirect && (flags & ChainReader.NEXT) == 0
                        ? reader.appendSplitTable(into, address, rest & ChainReader.U32)
                        : VirtioError.INDIRECT;
            }
            VirtioError error = reader.append(into, address, rest & ChainReader.U32, (flags & ChainReader.WRITE) != 0);
            if (error != null || (flags & ChainReader.NEXT) == 0) {
                return error;
            }
            index = (int) (rest >>> 48);
            if (index >= size) {
                return VirtioError.NEXT;
            }
        }
        return VirtioError.CHAIN_LOOP;
    }

    @Override
    public void unpop(Chain latest) {
        outstanding--;
        if (latestWasAgain) {
            againAt--;
        } else {
            state.avail(state.avail() - 1 & U16);
            state.out(latest.head(), false);
        }
    }

    @Override
    public boolean hasAvailable() {
        // Asks for a kick when there is nothing: who does not pop in vain would wait for one that never comes.
        int avail = state.avail();
        return againAt < againCount || avail != availableIndex || lookAgain(avail);
    }

    @Override
    public void complete(int head, long writtenBytes) {
        if (head < 0 || head >= size || !state.out(head)) {
            return; // of a queue that was reset meanwhile
        }
        long element = used + ENTRIES + 8L * (completedIndex & mask);
        memory.put32At(element, head);
        memory.put32At(element + 4, (int) writtenBytes);
        completed[completedIndex & mask] = (short) head;
        completedIndex = completedIndex + 1 & U16;
        outstanding--;
    }

    @Override
    public void publish() {
        int index = state.used();
        while (index != completedIndex) {
            state.out(completed[index & mask] & U16, false);
            index = index + 1 & U16;
        }
        state.used(index);
    }

    @Override
    public boolean flush() {
        int before = shownIndex;
        int index = state.used();
        if (index == before) {
            return false;
        }
        memory.put16ReleaseAt(used + IDX, (short) index);
        shownIndex = index;
        // The driver writes used_event (or the flags), then reads the index; we the other way round.
        VarHandle.fullFence();
        if (!eventIndex) {
            return (memory.get16At(available) & NO_INTERRUPT) == 0;
        }
        int event = memory.get16At(available + ENTRIES + 2L * size) & U16;
        return (index - event - 1 & U16) < (index - before & U16);
    }

    @Override
    public boolean wantKicks(boolean wanted) {
        kicksWanted = wanted;
        if (!eventIndex) {
            memory.put16At(used, (short) (wanted ? 0 : NO_NOTIFY));
        }
        if (!wanted) {
            armedAt = NEVER;
            if (eventIndex) {
                memory.put16At(used + ENTRIES + 8L * size, (short) (state.avail() - 1)); // an index that is past
            }
            return false;
        }
        arm(state.avail());
        return hasAvailable();
    }

    @Override
    public int outstanding() {
        return outstanding;
    }

    @Override
    public boolean hasMore() {
        return false;
    }
}
