package io.jvmm.device.api;

/**
 * Output for a peer that is not there yet: a ring that keeps the newest bytes and counts the rest, so that whoever
 * connects late still sees how the machine came to be where it is.
 */
final class Backlog {

    private final byte[] ring;
    private int head;
    private int count;
    private long dropped;

    /** @param capacityBytes how much is kept; 0 keeps nothing */
    Backlog(int capacityBytes) {
        ring = new byte[capacityBytes];
    }

    void add(byte value) {
        if (ring.length == 0) {
            dropped++;
            return;
        }
        if (count == ring.length) {
            head = (head + 1) % ring.length;
            count--;
            dropped++;
        }
        ring[(head + count) % ring.length] = value;
        count++;
    }

    int size() {
        return count;
    }

    /** The byte after {@code index} older ones. */
    byte get(int index) {
        return ring[(head + index) % ring.length];
    }

    void drop(int bytes) {
        head = ring.length == 0 ? 0 : (head + bytes) % ring.length;
        count -= bytes;
    }

    /** Bytes that were too old to keep. */
    long dropped() {
        return dropped;
    }
}
