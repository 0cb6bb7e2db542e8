package io.jvmm.device.vsock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What client and device of the host's socket say to each other before they are joined, by Firecracker's convention:
 * {@code CONNECT 52\n} and {@code OK 1073741824\n}. Taken as Firecracker takes it: the word in upper or lower case, any blanks
 * around the words, anything behind the port ignored. Allocates nothing.
 */
final class ConnectLine {

    /** The longest line, its line feed included; what Firecracker reads. */
    static final int MAX_BYTES = 32;

    /** {@link #parse}: it is no such line. */
    static final long INVALID = -1;

    /** Longest of {@link #formatOk}. */
    static final int MAX_OK_BYTES = 14;

    private static final byte[] WORD = {'c', 'o', 'n', 'n', 'e', 'c', 't'};
    private static final int TO_LOWER_CASE = 0x20;
    private static final int MAX_DIGITS = 10;

    private ConnectLine() {}

    /** How long the line is that begins here, its line feed included; 0 when it does not end in these bytes. */
    static int length(MemorySegment bytes, int lengthBytes) {
        for (int i = 0; i < lengthBytes; i++) {
            if (at(bytes, 0, i) == '\n') {
                return i + 1;
            }
        }
        return 0;
    }

    /** The port in a line that ends in a line feed, an unsigned 32-bit number, or {@link #INVALID}. */
    static long parse(MemorySegment bytes, long offset, int lengthBytes) {
        int at = skipBlanks(bytes, offset, 0, lengthBytes);
        for (byte letter : WORD) {
            if (at == lengthBytes || (at(bytes, offset, at) | TO_LOWER_CASE) != letter) {
                return INVALID;
            }
            at++;
        }
        int digits = skipBlanks(bytes, offset, at, lengthBytes);
        if (digits == at) {
            return INVALID;
        }
        long port = 0;
        int end = digits;
        while (end < lengthBytes && isDigit(at(bytes, offset, end))) {
            port = port * 10 + at(bytes, offset, end) - '0';
            end++;
            if (end - digits > MAX_DIGITS) {
                return INVALID;
            }
        }
        boolean separated = end > digits && end < lengthBytes && isBlank(at(bytes, offset, end));
        return separated && port <= 0xFFFF_FFFFL ? port : INVALID;
    }

    private static int skipBlanks(MemorySegment bytes, long offset, int from, int lengthBytes) {
        int at = from;
        while (at < lengthBytes && isBlank(at(bytes, offset, at))) {
            at++;
        }
        return at;
    }

    private static int at(MemorySegment bytes, long offset, int index) {
        return bytes.get(ValueLayout.JAVA_BYTE, offset + index) & 0xFF;
    }

    private static boolean isBlank(int c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    private static boolean isDigit(int c) {
        return c >= '0' && c <= '9';
    }

    /** Writes {@code OK port\n}; returns its length. {@code port}: not negative. */
    static int formatOk(MemorySegment into, int port) {
        int digits = 1;
        for (int rest = port / 10; rest > 0; rest /= 10) {
            digits++;
        }
        into.set(ValueLayout.JAVA_BYTE, 0, (byte) 'O');
        into.set(ValueLayout.JAVA_BYTE, 1, (byte) 'K');
        into.set(ValueLayout.JAVA_BYTE, 2, (byte) ' ');
        int rest = port;
        for (int i = 2 + digits; i > 2; i--) {
            into.set(ValueLayout.JAVA_BYTE, i, (byte) ('0' + rest % 10));
            rest /= 10;
        }
        into.set(ValueLayout.JAVA_BYTE, 3 + digits, (byte) '\n');
        return 4 + digits;
    }
}
