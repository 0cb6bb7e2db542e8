package io.jvmm.fuzz.machine;

/**
 * What the host will answer, as the input says: bytes that were put in by its operations come out as they are asked for, then zeros, which every host takes for
 * "all well". One thread; allocates nothing.
 */
public final class Answers {
    private static final int CAPACITY = 1024;

    private final byte[] bytes = new byte[CAPACITY];
    private int head;
    private int count;

    void clear() {
        head = 0;
        count = 0;
    }

    void add(byte[] from, int offset, int length) {
        for (int i = 0; i < length && count < CAPACITY; i++) {
            bytes[(head + count++) % CAPACITY] = from[offset + i];
        }
    }

    /** The next one, 0..255. */
    public int next() {
        if (count == 0) {
            return 0;
        }
        int value = bytes[head] & 0xFF;
        head = (head + 1) % CAPACITY;
        count--;
        return value;
    }
}
