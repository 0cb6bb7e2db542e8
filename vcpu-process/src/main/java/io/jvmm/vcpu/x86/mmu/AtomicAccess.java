package io.jvmm.vcpu.x86.mmu;

/**
 * Compare-and-exchange at any alignment.
 *
 * <p>What lies within eight aligned bytes is exchanged by one LOCK CMPXCHG of the host on the int or long around it: atomic among all
 * vCPUs and other processes, as on a real processor. What crosses such a boundary (a split lock, if it crosses a cache line on
 * the hardware) is two such exchanges under one lock for the whole process: atomic with respect to every other split access
 * of any vCPU, and each half to everything; but another vCPU's plain or unsplit access can see one half done. No stock
 * kernel relies on that. Sixteen bytes are not offered at all: CPUID hides CMPXCHG16B.
 */
final class AtomicAccess {
    private static final Object SPLIT = new Object();

    private AtomicAccess() {}

    /**
     * Exchanges within one page.
     *
     * @return the value found, zero-extended
     */
    static long exchange(long host, int widthBytes, long expected, long replacement) {
        final int within = (int) host & 7;
        if (within == 0 && widthBytes == 8) {
            return HostMemory.compareAndExchange64(host, expected, replacement);
        }
        if ((host & 3) == 0 && widthBytes == 4) {
            return HostMemory.compareAndExchange32(host, (int) expected, (int) replacement) & 0xffff_ffffL;
        }
        if (within + widthBytes <= 8) {
            return part(host, widthBytes, expected, replacement);
        }
        final int first = 8 - within;
        return split(host, first, host + first, widthBytes - first, expected, replacement);
    }

    static long mask(int bytes) {
        return -1L >>> (64 - 8 * bytes);
    }

    /** One to eight bytes within eight aligned ones. */
    private static long part(long host, int bytes, long expected, long replacement) {
        final long around = host & ~7L;
        final int shift = (int) (host & 7) << 3;
        final long mask = mask(bytes) << shift;
        long seen = HostMemory.get64(around);
        while (true) {
            final long found = (seen & mask) >>> shift;
            if (found != (expected & mask(bytes))) {
                return found;
            }
            final long before =
                    HostMemory.compareAndExchange64(around, seen, (seen & ~mask) | (replacement << shift & mask));
            if (before == seen) {
                return found;
            }
            seen = before;
        }
    }

    /** Exchanges {@code bytesA} low bytes at {@code hostA} and the rest at {@code hostB}; neither crosses an eight-byte boundary. */
    static long split(long hostA, int bytesA, long hostB, int bytesB, long expected, long replacement) {
        final int shift = bytesA << 3;
        synchronized (SPLIT) {
            while (true) {
                final long foundB = read(hostB, bytesB);
                if (foundB != (expected >>> shift & mask(bytesB))) {
                    return foundB << shift | read(hostA, bytesA);
                }
                final long foundA = part(hostA, bytesA, expected, replacement);
                if (foundA != (expected & mask(bytesA))) {
                    return foundB << shift | foundA;
                }
                final long nowB = part(hostB, bytesB, expected >>> shift, replacement >>> shift);
                if (nowB == foundB) {
                    return foundB << shift | foundA;
                }
                // An unsplit access came between: take the first half back, and look again.
                part(hostA, bytesA, replacement, expected);
            }
        }
    }

    /** One to eight bytes within eight aligned ones, at once. */
    private static long read(long host, int bytes) {
        return HostMemory.get64(host & ~7L) >>> ((host & 7) << 3) & mask(bytes);
    }
}
