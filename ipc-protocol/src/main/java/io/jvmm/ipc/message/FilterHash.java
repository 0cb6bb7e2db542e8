package io.jvmm.ipc.message;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The SHA-256 (FIPS 180-4 §6.2) of a filter, which READY carries. Computed here because the Java runtime's own, through its
 * security providers, costs a starting process 19 ms of CPU even with an AOT cache; this costs less than one.
 */
public final class FilterHash {
    /** Length of a hash. */
    public static final int LENGTH_BYTES = 32;

    private static final int BLOCK_BYTES = 64;
    private static final int ROUNDS = 64;
    private static final int PRIMES = 64;

    private FilterHash() {}

    /** The 32 bytes of the SHA-256 of {@code filter}. */
    public static byte[] of(byte[] filter) {
        int[] constants = fractionsOfRoots(3);
        int[] hash = fractionsOfRoots(2);
        ByteBuffer padded = padded(filter);
        int[] schedule = new int[ROUNDS];
        while (padded.hasRemaining()) {
            block(padded, schedule, constants, hash);
        }
        ByteBuffer result = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.BIG_ENDIAN);
        for (int i = 0; i < LENGTH_BYTES / Integer.BYTES; i++) {
            result.putInt(hash[i]);
        }
        return result.array();
    }

    /** §5.1.1: a one bit, zeros, and the length in bits at the end of the last block. */
    private static ByteBuffer padded(byte[] message) {
        int blocks = (message.length + 1 + Long.BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES;
        ByteBuffer padded = ByteBuffer.allocate(blocks * BLOCK_BYTES).order(ByteOrder.BIG_ENDIAN);
        padded.put(message).put((byte) 0x80);
        padded.putLong(padded.capacity() - Long.BYTES, 8L * message.length);
        return padded.rewind();
    }

    private static void block(ByteBuffer from, int[] w, int[] k, int[] hash) {
        for (int t = 0; t < ROUNDS; t++) {
            w[t] = t < 16
                    ? from.getInt()
                    : sigma(w[t - 2], 17, 19, 10) + w[t - 7] + sigma(w[t - 15], 7, 18, 3) + w[t - 16];
        }
        int a = hash[0];
        int b = hash[1];
        int c = hash[2];
        int d = hash[3];
        int e = hash[4];
        int f = hash[5];
        int g = hash[6];
        int h = hash[7];
        for (int t = 0; t < ROUNDS; t++) {
            int t1 = h + sum(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + k[t] + w[t];
            int t2 = sum(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        hash[0] += a;
        hash[1] += b;
        hash[2] += c;
        hash[3] += d;
        hash[4] += e;
        hash[5] += f;
        hash[6] += g;
        hash[7] += h;
    }

    private static int sum(int x, int first, int second, int third) {
        return Integer.rotateRight(x, first) ^ Integer.rotateRight(x, second) ^ Integer.rotateRight(x, third);
    }

    private static int sigma(int x, int first, int second, int shift) {
        return Integer.rotateRight(x, first) ^ Integer.rotateRight(x, second) ^ (x >>> shift);
    }

    /**
     * §4.2.2 and §5.3.3: the first 32 bits of the fractional parts of the cube (or square) roots of the first primes,
     * worked out rather than listed: a double has 53 bits, of which they take no more than 5 + 32.
     */
    private static int[] fractionsOfRoots(int degree) {
        int[] fractions = new int[PRIMES];
        int found = 0;
        for (int candidate = 2; found < PRIMES; candidate++) {
            if (isPrime(candidate)) {
                double root = degree == 2 ? Math.sqrt(candidate) : Math.cbrt(candidate);
                fractions[found++] = (int) (long) (root * 0x1p32);
            }
        }
        return fractions;
    }

    private static boolean isPrime(int candidate) {
        for (int divisor = 2; divisor * divisor <= candidate; divisor++) {
            if (candidate % divisor == 0) {
                return false;
            }
        }
        return true;
    }
}
