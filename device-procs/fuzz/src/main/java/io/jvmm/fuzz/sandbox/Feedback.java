package io.jvmm.fuzz.sandbox;

import java.util.BitSet;

/**
 * What can be seen of a device process from outside, as features: values of registers by how large they are, counters by how often, guest errors, events, interrupts,
 * ends. One thread.
 */
final class Feedback {
    private static final int SIZE = 1 << 18;
    private static final int SMALL = 16;

    /** Kinds of features. */
    enum Kind {
        REGISTER(1),
        COUNTER(2),
        GUEST_ERROR(3),
        EVENT(4),
        INTERRUPT(5),
        END(6);

        private final int number;

        Kind(int number) {
            this.number = number;
        }
    }

    private final BitSet seen = new BitSet(SIZE);
    private int count;
    private int fresh;

    /** Something was seen. */
    void note(Kind kind, long what, long value) {
        int bit = bit(kind, what, value);
        if (!seen.get(bit)) {
            seen.set(bit);
            count++;
            fresh++;
        }
    }

    private static int bit(Kind kind, long what, long value) {
        long hash = (kind.number * 31L + what) * 0x9E37_79B9_7F4A_7C15L + size(value) * 0xC2B2_AE3D_27D4_EB4FL;
        return (int) (hash >>> 40) & (SIZE - 1);
    }

    /** Whether that was seen, or something that looks like it. */
    boolean has(Kind kind, long what, long value) {
        return seen.get(bit(kind, what, value));
    }

    /** Small values as they are, others by their length in bits. */
    private static long size(long value) {
        return value >= 0 && value < SMALL ? value : SMALL + Long.SIZE - Long.numberOfLeadingZeros(value);
    }

    /** How many were seen that were not before the last call. */
    int takeFresh() {
        int taken = fresh;
        fresh = 0;
        return taken;
    }

    /** How many there are. */
    int count() {
        return count;
    }
}
