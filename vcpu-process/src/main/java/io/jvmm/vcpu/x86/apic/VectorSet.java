package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A set of interrupt vectors 0..255, as IRR, ISR and TMR are (SDM 3A 11.8.4). Any thread may add and remove; only the processor's looks
 * for the highest.
 */
final class VectorSet {
    /** {@link #highest()} of an empty set. */
    static final int EMPTY = -1;

    private static final int WORDS = 4;

    private final AtomicLongArray words = new AtomicLongArray(WORDS);
    /** False only where the set is empty, or somebody is just adding. */
    private volatile boolean maybeSome;

    void add(int vector) {
        final int word = vector >> 6;
        final long bit = 1L << vector;
        if ((words.get(word) & bit) == 0) {
            words.getAndAccumulate(word, bit, VectorSet::or);
            maybeSome = true;
        }
    }

    void remove(int vector) {
        final int word = vector >> 6;
        final long bit = 1L << vector;
        if ((words.get(word) & bit) != 0) {
            words.getAndAccumulate(word, ~bit, VectorSet::and);
        }
    }

    boolean contains(int vector) {
        return (words.get(vector >> 6) & (1L << vector)) != 0;
    }

    /**
     * The vector of the highest priority, or {@link #EMPTY}. The processor's thread: of two that looked at once, one could miss what has
     * just been added.
     */
    int highest() {
        if (!maybeSome) {
            return EMPTY;
        }
        final int found = scan();
        if (found >= 0) {
            return found;
        }
        maybeSome = false;
        // What was added meanwhile may have been marked before.
        final int late = scan();
        if (late >= 0) {
            maybeSome = true;
        }
        return late;
    }

    private int scan() {
        for (int i = WORDS - 1; i >= 0; i--) {
            final long word = words.get(i);
            if (word != 0) {
                return (i << 6) + 63 - Long.numberOfLeadingZeros(word);
            }
        }
        return EMPTY;
    }

    /** Register 0..7 of the eight: vectors 32 times {@code index} and up. */
    int register(int index) {
        return (int) (words.get(index >> 1) >>> ((index & 1) * Integer.SIZE));
    }

    void clear() {
        for (int i = 0; i < WORDS; i++) {
            words.set(i, 0);
        }
    }

    /** For the state segment: 256 bits; the 16 vectors that do not exist are never there. */
    void transfer(StateCursor state, String name) {
        for (int i = 0; i < WORDS; i++) {
            words.set(i, state.u64(words.get(i), i == 0 ? ~0xffffL : -1L, name));
        }
        maybeSome = true;
    }

    private static long or(long a, long b) {
        return a | b;
    }

    private static long and(long a, long b) {
        return a & b;
    }
}
