package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardCounter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Which registers answer which address, for one address space (ports or guest-physical memory).
 *
 * <p>An access inside one window goes to its target whole, whatever its width. One that lies across a window's edge is
 * taken apart as a PC's bus does, from the lowest address up: each window gets the naturally aligned pieces that lie in
 * it, bytes that nobody claims read as ff and are dropped when written. An access may also be claimed <em>exactly</em>,
 * by address and width, which wins over taking it apart: the 32-bit configuration register at cf8 covers the reset
 * register's byte at cf9 without touching it, as on every PC chipset.
 *
 * <p>Immutable; any thread. Addresses and widths are the guest's, any value is safe. Lookup is a binary search over sorted
 * arrays and allocates nothing.
 */
public final class AddressMap {
    private static final int NOT_FOUND = -1;

    private final String space;
    private final long[] starts;
    private final long[] ends;
    private final RegisterTarget[] targets;
    private final int[] regions;
    private final String[] names;
    private final long[] exactAddresses;
    private final int[] exactWidths;
    private final RegisterTarget[] exactTargets;

    private AddressMap(Builder builder) {
        final List<Claim> sorted = new ArrayList<>(builder.claims);
        sorted.sort(Comparator.comparingLong(c -> c.window.start()));
        final int n = sorted.size();
        space = builder.space.name().toLowerCase(Locale.ROOT);
        starts = new long[n];
        ends = new long[n];
        targets = new RegisterTarget[n];
        regions = new int[n];
        names = new String[n];
        for (int i = 0; i < n; i++) {
            final Claim c = sorted.get(i);
            if (i > 0 && c.window.start() < ends[i - 1]) {
                throw new IllegalArgumentException(c.name + " " + c.window + " overlaps " + names[i - 1] + " ("
                        + Long.toHexString(starts[i - 1]) + ")");
            }
            starts[i] = c.window.start();
            ends[i] = c.window.end();
            targets[i] = c.target;
            regions[i] = c.region;
            names[i] = c.name;
        }
        final int m = builder.exact.size();
        exactAddresses = new long[m];
        exactWidths = new int[m];
        exactTargets = new RegisterTarget[m];
        for (int i = 0; i < m; i++) {
            exactAddresses[i] = builder.exact.get(i).address;
            exactWidths[i] = builder.exact.get(i).widthBytes;
            exactTargets[i] = builder.exact.get(i).target;
        }
    }

    private record Claim(WindowSpec window, String name, RegisterTarget target, int region) {}

    private record Exact(long address, int widthBytes, RegisterTarget target) {}

    public static Builder builder(WindowSpec.Space space) {
        return new Builder(space);
    }

    /** Collects windows; not reusable. */
    public static final class Builder {
        private final WindowSpec.Space space;
        private final List<Claim> claims = new ArrayList<>();
        private final List<Exact> exact = new ArrayList<>();

        private Builder(WindowSpec.Space space) {
            this.space = space;
        }

        /** Everything in {@code window} belongs to {@code region} of {@code target}. */
        public Builder window(WindowSpec window, String name, RegisterTarget target, int region) {
            if (window.space() != space) {
                throw new IllegalArgumentException(name + " " + window + " in the map of " + space);
            }
            claims.add(new Claim(window, name, target, region));
            return this;
        }

        /** An access of exactly this address and width goes to region 0, offset 0 of {@code target}. */
        public Builder exact(long address, int widthBytes, RegisterTarget target) {
            exact.add(new Exact(address, widthBytes, target));
            return this;
        }

        /** Throws {@link IllegalArgumentException} when two windows overlap. */
        public AddressMap build() {
            return new AddressMap(this);
        }
    }

    /** The answer to a read of 1 to 8 bytes, zero-extended. */
    public long read(int vcpuIndex, long address, int widthBytes, Counters counters) {
        final int i = find(address);
        if (i != NOT_FOUND && widthBytes <= ends[i] - address && isPowerOfTwo(widthBytes)) {
            return targets[i].read(vcpuIndex, regions[i], (int) (address - starts[i]), widthBytes);
        }
        final int exact = findExact(address, widthBytes);
        if (exact != NOT_FOUND) {
            return exactTargets[exact].read(vcpuIndex, 0, 0, widthBytes);
        }
        return readPieces(vcpuIndex, address, widthBytes, counters);
    }

    /** Carries a write of 1 to 8 bytes to where it belongs. */
    public void write(int vcpuIndex, long address, int widthBytes, long value, Counters counters) {
        final int i = find(address);
        if (i != NOT_FOUND && widthBytes <= ends[i] - address && isPowerOfTwo(widthBytes)) {
            targets[i].write(vcpuIndex, regions[i], (int) (address - starts[i]), widthBytes, value);
            return;
        }
        final int exact = findExact(address, widthBytes);
        if (exact != NOT_FOUND) {
            exactTargets[exact].write(vcpuIndex, 0, 0, widthBytes, value);
            return;
        }
        writePieces(vcpuIndex, address, widthBytes, value, counters);
    }

    /** Whoever answers any byte of this access has been waited for too long: see {@link RegisterTarget#giveUp}. */
    public void giveUp(long address, int widthBytes, long waitedNs) {
        final int exact = findExact(address, widthBytes);
        if (exact != NOT_FOUND) {
            exactTargets[exact].giveUp(waitedNs);
        }
        for (int i = 0; i < starts.length; i++) {
            if (starts[i] < address + widthBytes && address < ends[i]) {
                targets[i].giveUp(waitedNs);
            }
        }
    }

    /** A table, one line for each window; ends with a newline unless empty. */
    public String format(String indent) {
        final StringBuilder b = new StringBuilder();
        for (int i = 0; i < starts.length; i++) {
            b.append(indent)
                    .append(String.format(
                            Locale.ROOT,
                            "%s %x..%x  %s region %d%n",
                            space,
                            starts[i],
                            ends[i] - 1,
                            names[i],
                            regions[i]));
        }
        return b.toString();
    }

    private long readPieces(int vcpuIndex, long address, int widthBytes, Counters counters) {
        long value = 0;
        int claimed = 0;
        int done = 0;
        while (done < widthBytes && done < Long.BYTES) {
            final long at = address + done;
            final int i = find(at);
            if (i == NOT_FOUND) {
                value |= 0xFFL << (8 * done);
                done++;
            } else {
                final int n = piece(at, Math.min(widthBytes - done, ends[i] - at));
                final long part = targets[i].read(vcpuIndex, regions[i], (int) (at - starts[i]), n);
                value |= (part & ones(n)) << (8 * done);
                done += n;
                claimed++;
            }
        }
        counters.increment(claimed == 0 ? BoardCounter.UNCLAIMED_READS : BoardCounter.SPLIT_ACCESSES);
        return value;
    }

    private void writePieces(int vcpuIndex, long address, int widthBytes, long value, Counters counters) {
        int claimed = 0;
        int done = 0;
        while (done < widthBytes && done < Long.BYTES) {
            final long at = address + done;
            final int i = find(at);
            if (i == NOT_FOUND) {
                done++;
            } else {
                final int n = piece(at, Math.min(widthBytes - done, ends[i] - at));
                targets[i].write(vcpuIndex, regions[i], (int) (at - starts[i]), n, (value >>> (8 * done)) & ones(n));
                done += n;
                claimed++;
            }
        }
        counters.increment(claimed == 0 ? BoardCounter.UNCLAIMED_WRITES : BoardCounter.SPLIT_ACCESSES);
    }

    /** The largest naturally aligned piece that starts at {@code address} and is at most {@code limit} bytes. */
    private static int piece(long address, long limit) {
        int n = Long.BYTES;
        while (n > limit || (address & (n - 1)) != 0) {
            n >>= 1;
        }
        return n;
    }

    private static long ones(int widthBytes) {
        return -1L >>> (64 - 8 * widthBytes);
    }

    private static boolean isPowerOfTwo(int widthBytes) {
        return (widthBytes & (widthBytes - 1)) == 0;
    }

    private int find(long address) {
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            final int middle = (low + high) >>> 1;
            if (address < starts[middle]) {
                high = middle - 1;
            } else if (address >= ends[middle]) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return NOT_FOUND;
    }

    private int findExact(long address, int widthBytes) {
        for (int i = 0; i < exactAddresses.length; i++) {
            if (exactAddresses[i] == address && exactWidths[i] == widthBytes) {
                return i;
            }
        }
        return NOT_FOUND;
    }
}
