package io.jvmm.fuzz.program;

/** Reads an input from its beginning; behind its end everything is 0. One thread; allocates nothing. */
public final class InputReader {

    private byte[] bytes = {};
    private int at;

    /** Begins with another input. */
    public void wrap(byte[] input) {
        bytes = input;
        at = 0;
    }

    /** Whether anything is left. */
    public boolean hasMore() {
        return at < bytes.length;
    }

    public int u8() {
        return at < bytes.length ? bytes[at++] & 0xFF : 0;
    }

    public int u16() {
        int low = u8();
        return low | u8() << 8;
    }

    public int u24() {
        int low = u16();
        return low | u8() << 16;
    }

    /** All 32 bits, as an unsigned number. */
    public long u32() {
        long low = u16();
        return low | (long) u16() << 16;
    }

    /** A span of time, see {@link Operation}. */
    public long nanoseconds() {
        int code = u16();
        return (long) (code & 0xFFF) << (2 * (code >>> 12));
    }

    /** Where the next byte is. */
    public int position() {
        return at;
    }

    /** The input itself. */
    public byte[] bytes() {
        return bytes;
    }

    /** So many bytes are somebody else's; fewer where the input ends. */
    public int skip(int count) {
        int taken = Math.min(count, bytes.length - at);
        at += taken;
        return taken;
    }
}
