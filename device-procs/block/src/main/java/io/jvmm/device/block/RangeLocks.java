package io.jvmm.device.block;

/**
 * Which requests may run beside which: each asks for a range of the disk, shared to read it or exclusive to change it, and
 * is granted it when no earlier request stands in the way. Requests are granted in the order of asking wherever they
 * overlap, so none starves, and a request that runs again after a restart runs in the same order.
 *
 * <p>Not a lock that a thread waits for: {@link #ask} and {@link #release} are the device thread's alone, and cost what the
 * list of requests under way is long, which is bounded. Allocates nothing after construction. Requests are known by tickets, 0 up to the capacity.
 */
final class RangeLocks {
    private static final int NONE = -1;

    private final long[] starts;
    private final long[] ends;
    private final boolean[] exclusive;
    private final boolean[] granted;
    private final int[] earlier;
    private final int[] later;
    private int first = NONE;
    private int last = NONE;
    private int waiting;

    /** For tickets 0 to {@code capacity} - 1. */
    RangeLocks(int capacity) {
        starts = new long[capacity];
        ends = new long[capacity];
        exclusive = new boolean[capacity];
        granted = new boolean[capacity];
        earlier = new int[capacity];
        later = new int[capacity];
    }

    /** Whether {@link #ask} would be granted at once. */
    boolean isFree(long start, long lengthBytes, boolean exclusively) {
        return isFree(start, start + lengthBytes, exclusively, NONE);
    }

    /**
     * Asks for a range; an empty one is always granted.
     *
     * @param ticket not in use
     * @param start 0 or more; {@code start + lengthBytes} does not overflow
     * @return whether it is granted now; otherwise {@link #release} of another one will tell
     */
    boolean ask(int ticket, long start, long lengthBytes, boolean exclusively) {
        starts[ticket] = start;
        ends[ticket] = start + lengthBytes;
        exclusive[ticket] = exclusively;
        boolean free = isFree(start, start + lengthBytes, exclusively, NONE);
        granted[ticket] = free;
        if (!free) {
            waiting++;
        }
        earlier[ticket] = last;
        later[ticket] = NONE;
        if (last == NONE) {
            first = ticket;
        } else {
            later[last] = ticket;
        }
        last = ticket;
        return free;
    }

    /** Whether nothing that stands in the list before {@code end} is in the way. */
    private boolean isFree(long start, long end, boolean exclusively, int before) {
        for (int i = first; i != before && i != NONE; i = later[i]) {
            boolean overlap = Math.max(start, starts[i]) < Math.min(end, ends[i]); // never with an empty range
            if (overlap && (exclusively || exclusive[i])) {
                return false;
            }
        }
        return true;
    }

    /**
     * Gives a range back, granted or not.
     *
     * @param nowGranted gets the tickets that are granted thereby, in the order of asking
     * @return how many
     */
    int release(int ticket, int[] nowGranted) {
        if (!granted[ticket]) {
            waiting--;
        }
        if (earlier[ticket] == NONE) {
            first = later[ticket];
        } else {
            later[earlier[ticket]] = later[ticket];
        }
        if (later[ticket] == NONE) {
            last = earlier[ticket];
        } else {
            earlier[later[ticket]] = earlier[ticket];
        }
        int count = 0;
        int left = waiting;
        for (int i = first; left > 0 && i != NONE; i = later[i]) {
            if (granted[i]) {
                continue;
            }
            left--;
            if (isFree(starts[i], ends[i], exclusive[i], i)) {
                granted[i] = true;
                waiting--;
                nowGranted[count++] = i;
            }
        }
        return count;
    }

    /** How many requests wait. */
    int waiting() {
        return waiting;
    }

    /** Whether nobody holds or waits. */
    boolean isEmpty() {
        return first == NONE;
    }
}
