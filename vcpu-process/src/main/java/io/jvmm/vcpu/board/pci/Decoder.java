package io.jvmm.vcpu.board.pci;

import java.util.Arrays;

/**
 * What answers which memory address at one moment: ECAM and the BARs that are switched on. Immutable, so that vCPU threads look it up without a
 * lock while another one moves a BAR; whoever moves one publishes a new decoder.
 *
 * <p>ECAM goes before BARs. Of two BARs that overlap the one that was given first decodes and the other one does not: on a real bus both
 * would answer.
 */
final class Decoder {
    private static final int NOT_FOUND = -1;

    private final long ecamStart;
    private final long ecamEnd;
    private final long[] starts;
    private final long[] ends;
    private final Endpoint[] owners;
    private final int[] bars;

    private Decoder(Builder builder) {
        ecamStart = builder.ecamStart;
        ecamEnd = builder.ecamStart + builder.ecamBytes;
        starts = Arrays.copyOf(builder.starts, builder.count);
        ends = Arrays.copyOf(builder.ends, builder.count);
        owners = Arrays.copyOf(builder.owners, builder.count);
        bars = Arrays.copyOf(builder.bars, builder.count);
    }

    /** Collects what decodes, most important first. */
    static final class Builder {
        private final long ecamStart;
        private final long ecamBytes;
        private final long[] starts;
        private final long[] ends;
        private final Endpoint[] owners;
        private final int[] bars;
        private int count;

        /** At most {@code capacity} BARs. */
        Builder(long ecamStart, long ecamBytes, int capacity) {
            this.ecamStart = ecamStart;
            this.ecamBytes = ecamBytes;
            this.starts = new long[capacity];
            this.ends = new long[capacity];
            this.owners = new Endpoint[capacity];
            this.bars = new int[capacity];
        }

        void add(long start, long lengthBytes, Endpoint owner, int bar) {
            final long end = start + lengthBytes;
            int at = count;
            for (int i = count - 1; i >= 0 && starts[i] > start; i--) {
                at = i;
            }
            if ((at > 0 && ends[at - 1] > start) || (at < count && starts[at] < end)) {
                return;
            }
            for (int i = count; i > at; i--) {
                starts[i] = starts[i - 1];
                ends[i] = ends[i - 1];
                owners[i] = owners[i - 1];
                bars[i] = bars[i - 1];
            }
            starts[at] = start;
            ends[at] = end;
            owners[at] = owner;
            bars[at] = bar;
            count++;
        }

        Decoder build() {
            return new Decoder(this);
        }
    }

    boolean isEcam(long address, int widthBytes) {
        return address >= ecamStart && address + widthBytes <= ecamEnd;
    }

    long ecamOffset(long address) {
        return address - ecamStart;
    }

    /** Which BAR holds all of an access, or a negative number. */
    int find(long address, int widthBytes) {
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            final int middle = (low + high) >>> 1;
            if (address < starts[middle]) {
                high = middle - 1;
            } else if (address >= ends[middle]) {
                low = middle + 1;
            } else {
                return address + widthBytes <= ends[middle] ? middle : NOT_FOUND;
            }
        }
        return NOT_FOUND;
    }

    Endpoint owner(int found) {
        return owners[found];
    }

    int bar(int found) {
        return bars[found];
    }

    int offset(int found, long address) {
        return (int) (address - starts[found]);
    }
}
