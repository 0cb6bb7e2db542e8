package io.jvmm.device.vsock;

import org.jspecify.annotations.Nullable;

/**
 * All connections: slots, those that are free, a hash over the pair of ports, and the row of those that have something to say
 * to the guest. Nothing is allocated after construction; every operation takes constant time but for connections whose ports
 * collide, of which there are at most as many as slots, and for time, which looks at all slots. Device thread only.
 */
final class ConnectionTable {

    private final Connection[] slots;
    private final int[] free;
    private int freeCount;
    private final @Nullable Connection[] hash;
    private final int seed;
    private long nextDeadlineNs = Connection.NO_DEADLINE;

    private @Nullable Connection firstReady;
    private @Nullable Connection lastReady;

    private final Connection[] touched;
    private int touchedCount;

    /** @param seed anything the guest does not know */
    ConnectionTable(int capacity, int seed) {
        this.seed = seed;
        slots = new Connection[capacity];
        free = new int[capacity];
        touched = new Connection[capacity];
        hash = new @Nullable Connection[Integer.highestOneBit(capacity) * 4];
        for (int i = 0; i < capacity; i++) {
            slots[i] = new Connection(i);
            free[i] = capacity - 1 - i;
        }
        freeCount = capacity;
    }

    int capacity() {
        return slots.length;
    }

    /** How many are in use. */
    int used() {
        return slots.length - freeCount;
    }

    /** By its slot, whatever its state; to look at. Who changes it says so with {@link #touch}. */
    Connection slot(int slot) {
        return slots[slot];
    }

    // ---- what changes. Whatever this class finds, makes or takes out of the row counts as changed.

    /** It is changed, and part of the next commit. */
    Connection touch(Connection connection) {
        if (!connection.touched) {
            connection.touched = true;
            touched[touchedCount++] = connection;
        }
        return connection;
    }

    /** How many have changed since {@link #clearTouched}. */
    int touchedCount() {
        return touchedCount;
    }

    Connection touched(int index) {
        return touched[index];
    }

    void clearTouched() {
        for (int i = 0; i < touchedCount; i++) {
            touched[i].touched = false;
        }
        touchedCount = 0;
    }

    /** Takes every slot that is in use out of those that are free: the connections of a predecessor were put into the slots. */
    void adopted() {
        freeCount = 0;
        for (int i = slots.length - 1; i >= 0; i--) {
            if (slots[i].state == Connection.State.FREE) {
                free[freeCount++] = i;
            }
        }
    }

    /** A free slot, the one freed last, or null. It is the caller's to begin and to {@link #enter}. */
    @Nullable
    Connection allocate() {
        return freeCount == 0 ? null : touch(slots[free[--freeCount]]);
    }

    /** Gives a slot back; it is in no hash any more. */
    void release(Connection connection) {
        touch(connection);
        connection.state = Connection.State.FREE;
        connection.generation++;
        free[freeCount++] = connection.slot;
    }

    // ---- by ports

    /** The connection between the ports, or null. */
    @Nullable
    Connection find(int hostPort, int guestPort) {
        Connection found = hash[bucket(hostPort, guestPort)];
        while (found != null && (found.hostPort != hostPort || found.guestPort != guestPort)) {
            found = found.nextOfHash;
        }
        return found == null ? null : touch(found);
    }

    /** Makes it to be found by its ports, which no other has. */
    void enter(Connection connection) {
        int bucket = bucket(connection.hostPort, connection.guestPort);
        connection.nextOfHash = hash[bucket];
        hash[bucket] = connection;
    }

    /** Makes it not to be found any more; nothing happens to one that was not. */
    void leave(Connection connection) {
        int bucket = bucket(connection.hostPort, connection.guestPort);
        Connection before = null;
        Connection at = hash[bucket];
        while (at != null && at != connection) {
            before = at;
            at = at.nextOfHash;
        }
        if (at == null) {
            return;
        }
        if (before == null) {
            hash[bucket] = at.nextOfHash;
        } else {
            before.nextOfHash = at.nextOfHash;
        }
        at.nextOfHash = null;
    }

    private int bucket(int hostPort, int guestPort) {
        int mixed = ((hostPort * 0x9E37_79B1) ^ guestPort ^ seed) * 0x85EB_CA6B;
        mixed ^= mixed >>> 15;
        return ((mixed * 0xC2B2_AE35) >>> 8) & (hash.length - 1);
    }

    // ---- time

    /** Gives it until then. */
    void deadline(Connection connection, long atNs) {
        touch(connection);
        connection.deadlineNs = atNs;
        nextDeadlineNs = Math.min(nextDeadlineNs, atNs);
    }

    /** A time at which, or before which, no deadline has passed yet. */
    long nextDeadlineNs() {
        return nextDeadlineNs;
    }

    /** Gives all so much more time. */
    void postpone(long durationNs) {
        for (Connection connection : slots) {
            if (connection.deadlineNs != Connection.NO_DEADLINE) {
                touch(connection).deadlineNs += durationNs;
            }
        }
        findDeadline();
    }

    /** Finds the next deadline. */
    void findDeadline() {
        nextDeadlineNs = Connection.NO_DEADLINE;
        for (Connection connection : slots) {
            nextDeadlineNs = Math.min(nextDeadlineNs, connection.deadlineNs);
        }
    }

    // ---- the row

    /** Whether somebody stands in the row, who perhaps has nothing to say any more. */
    boolean anyReady() {
        return firstReady != null;
    }

    /** Puts it at the end of the row unless it stands in it. */
    void ready(Connection connection) {
        if (connection.ready) {
            return;
        }
        connection.ready = true;
        connection.nextReady = null;
        Connection last = lastReady;
        if (last == null) {
            firstReady = connection;
        } else {
            last.nextReady = connection;
        }
        lastReady = connection;
    }

    /** Takes the first of the row, or null; one that has ended meanwhile, or begun anew, is still in its place. */
    @Nullable
    Connection takeReady() {
        Connection first = firstReady;
        if (first != null) {
            firstReady = first.nextReady;
            if (firstReady == null) {
                lastReady = null;
            }
            first.nextReady = null;
            first.ready = false;
            touch(first);
        }
        return first;
    }
}
