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

    /** @param seed anything the guest does not know */
    ConnectionTable(int capacity, int seed) {
        this.seed = seed;
        slots = new Connection[capacity];
        free = new int[capacity];
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

    /** By its slot, whatever its state. */
    Connection slot(int slot) {
        return slots[slot];
    }

    /** A free slot, the one freed last, or null. It is the caller's to begin and to {@link #enter}. */
    @Nullable
    Connection allocate() {
        return freeCount == 0 ? null : slots[free[--freeCount]];
    }

    /** Gives a slot back; it is in no hash any more. */
    void release(Connection connection) {
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
        return found;
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
        connection.deadlineNs = atNs;
        nextDeadlineNs = Math.min(nextDeadlineNs, atNs);
    }

    /** A time at which, or before which, no deadline has passed yet. */
    long nextDeadlineNs() {
        return nextDeadlineNs;
    }

    /** Gives all so much more time, and finds the next deadline. */
    void postpone(long durationNs) {
        nextDeadlineNs = Connection.NO_DEADLINE;
        for (Connection connection : slots) {
            if (connection.deadlineNs != Connection.NO_DEADLINE) {
                deadline(connection, connection.deadlineNs + durationNs);
            }
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
        }
        return first;
    }
}
