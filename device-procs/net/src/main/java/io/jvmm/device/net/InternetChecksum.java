package io.jvmm.device.net;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * The Internet checksum (RFC 1071), eight bytes a step. Sums are kept in the byte order of this host, which the sum does
 * not mind (§2 (B)): a little-endian one. Buffers are of one class, whose methods C1 inlines.
 */
final class InternetChecksum {
    static final int TCP = 6;
    static final int UDP = 17;

    private InternetChecksum() {}

    /** Adds bytes to a sum. Only the last piece of a row may be of odd length. */
    static long add(long sum, UnsafeBuffer bytes, int offset, int lengthBytes) {
        long total = sum;
        int at = offset;
        int end = offset + lengthBytes;
        for (int last = end - 7; at < last; at += Long.BYTES) {
            long word = bytes.getLong(at);
            total += (word & 0xFFFF_FFFFL) + (word >>> 32);
        }
        for (int last = end - 1; at < last; at += Short.BYTES) {
            total += bytes.getShort(at) & 0xFFFF;
        }
        if (at < end) {
            total += bytes.getByte(at) & 0xFF; // padded with a zero byte behind it
        }
        return total;
    }

    /** Adds what a pseudo-header has besides the addresses: protocol and length (RFC 9293 §3.1, RFC 8200 §8.1). */
    static long addPseudo(long sum, int protocol, int lengthBytes) {
        int length = Short.toUnsignedInt(Short.reverseBytes((short) lengthBytes));
        return sum + (protocol << 8) + length;
    }

    /** The 16 bits of a sum, before they are complemented. */
    static int fold(long sum) {
        long folded = (sum & 0xFFFF_FFFFL) + (sum >>> 32);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        return (int) folded;
    }

    /** Stores the complement of a sum. */
    static void put(UnsafeBuffer bytes, int at, long sum) {
        bytes.putShort(at, (short) ~fold(sum));
    }

    /** As {@link #put}, but never zero, which in UDP says that there is no checksum (RFC 768); the same sum otherwise. */
    static void putNonZero(UnsafeBuffer bytes, int at, long sum) {
        int value = ~fold(sum) & 0xFFFF;
        bytes.putShort(at, (short) (value == 0 ? 0xFFFF : value));
    }
}
