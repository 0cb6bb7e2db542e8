package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import java.util.Arrays;

/**
 * Writes that ring an eventfd instead of reaching the board. Filled before the machine runs, then read by all vCPUs. Found by a binary
 * search over addresses, ports being those with the top bit set.
 */
final class Doorbells implements AutoCloseable {
    private static final long PORT = 1L << 63;

    private long[] addresses = {};
    private Bell[] bells = {};

    /** @param any whatever value rings */
    private record Bell(int widthBytes, boolean any, long match, EventFd target) {}

    /** Adds one; {@code target} is owned from now on. */
    void add(boolean port, long address, int widthBytes, boolean any, long match, EventFd target) {
        final long key = key(port, address);
        int at = 0;
        while (at < addresses.length && addresses[at] <= key) {
            at++;
        }
        addresses = Arrays.copyOf(addresses, addresses.length + 1);
        bells = Arrays.copyOf(bells, bells.length + 1);
        System.arraycopy(addresses, at, addresses, at + 1, addresses.length - at - 1);
        System.arraycopy(bells, at, bells, at + 1, bells.length - at - 1);
        addresses[at] = key;
        bells[at] = new Bell(widthBytes, any, match, target);
    }

    private static long key(boolean port, long address) {
        return port ? address | PORT : address;
    }

    /** Whether some write to this port may ring. */
    boolean hasPort(int port) {
        return bells.length != 0 && Arrays.binarySearch(addresses, key(true, port)) >= 0;
    }

    /** Rings what this write rings; false if it rings nothing and has to go to the board. */
    boolean ring(boolean port, long address, int widthBytes, long value) {
        if (bells.length == 0) {
            return false;
        }
        final long key = key(port, address);
        int at = Arrays.binarySearch(addresses, key);
        if (at < 0) {
            return false;
        }
        while (at > 0 && addresses[at - 1] == key) {
            at--;
        }
        for (; at < bells.length && addresses[at] == key; at++) {
            final Bell bell = bells[at];
            if (bell.widthBytes == widthBytes && (bell.any || bell.match == value)) {
                bell.target.signal();
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        for (final Bell bell : bells) {
            bell.target.close();
        }
        bells = new Bell[] {};
        addresses = new long[] {};
    }
}
