package io.jvmm.fuzz.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes an input smaller that shows a finding, as long as it shows the same one: first whole parts go (operations of a device, by halves down to one), then bytes,
 * then what is left becomes zero where it may. Bounded in time.
 */
public final class Reducer {
    private final FuzzTarget target;
    private final Signature wanted;
    private final long endNs;
    private int tries;

    /**
     * A reducer for one finding.
     *
     * @param budgetNs so long it may take
     */
    public Reducer(FuzzTarget target, Signature wanted, long budgetNs) {
        this.target = target;
        this.wanted = wanted;
        this.endNs = System.nanoTime() + budgetNs;
    }

    /** The smallest that was found. */
    public byte[] reduce(byte[] input) {
        byte[] best = input;
        int before;
        do {
            before = best.length;
            best = withoutParts(best);
            best = withoutBytes(best);
        } while (best.length < before && inTime());
        return withZeros(best);
    }

    /** How many inputs were run. */
    public int tries() {
        return tries;
    }

    private boolean inTime() {
        return System.nanoTime() < endNs;
    }

    private boolean shows(byte[] input) {
        tries++;
        Throwable found = Signature.findingOf(target, input);
        return found != null && Signature.of(found).equals(wanted);
    }

    private byte[] withoutParts(byte[] input) {
        byte[] best = input;
        int chunk = Math.max(1, target.parts(best).size() / 2);
        while (chunk >= 1 && inTime()) {
            boolean smaller = false;
            List<Integer> parts = new ArrayList<>(target.parts(best));
            // From the end, so that what is left keeps its place.
            for (int last = parts.size(); last > 0 && inTime(); last -= chunk) {
                int first = Math.max(0, last - chunk);
                int from = sum(parts, first);
                int to = Math.min(best.length, sum(parts, last));
                byte[] shorter = without(best, from, to);
                if (shows(shorter)) {
                    best = shorter;
                    parts.subList(first, last).clear();
                    smaller = true;
                }
            }
            if (!smaller || chunk > 1) {
                chunk /= 2;
            }
        }
        return best;
    }

    private static int sum(List<Integer> parts, int count) {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            sum += parts.get(i);
        }
        return sum;
    }

    private static byte[] without(byte[] bytes, int from, int to) {
        byte[] shorter = Arrays.copyOf(bytes, bytes.length - (to - from));
        System.arraycopy(bytes, to, shorter, from, bytes.length - to);
        return shorter;
    }

    private byte[] withoutBytes(byte[] input) {
        byte[] best = input;
        for (int chunk = Math.max(1, Math.min(64, best.length / 2)); chunk >= 1; chunk /= 2) {
            for (int at = best.length - chunk; at >= 0 && inTime(); at -= chunk) {
                byte[] shorter = without(best, at, at + chunk);
                if (shows(shorter)) {
                    best = shorter;
                    at = Math.min(at, best.length - chunk + 1);
                }
            }
        }
        return best;
    }

    private byte[] withZeros(byte[] input) {
        byte[] best = input.clone();
        for (int at = 0; at < best.length && inTime(); at++) {
            byte was = best[at];
            if (was != 0) {
                best[at] = 0;
                if (!shows(best)) {
                    best[at] = was;
                }
            }
        }
        return best;
    }
}
