package io.jvmm.vcpu.state;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Walks over a saved state, field by field and little-endian, and either writes each field or reads it. A part of the machine says
 * {@code field = cursor.u32(field)} for each of its fields in the order of its layout, and is saved and loaded by the same lines.
 *
 * <p>What is loaded is hostile: the methods that take a mask, a range or a name refuse what lies outside. Nothing is checked while
 * saving. One thread.
 */
public final class StateCursor {
    /** No time of a machine, in nanoseconds, is further from 0: 73 years, so that sums and differences do not overflow. */
    public static final long FAR_NS = 1L << 61;

    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment bytes;
    private final boolean loads;
    private long at;

    private StateCursor(MemorySegment bytes, boolean loads) {
        this.bytes = bytes;
        this.loads = loads;
    }

    /** Writes from the start of {@code into} on. */
    public static StateCursor saving(MemorySegment into) {
        return new StateCursor(into, false);
    }

    /** Reads from the start of a copy of {@code from}: who wrote it may still write. */
    public static StateCursor loading(MemorySegment from) {
        return new StateCursor(MemorySegment.ofArray(from.toArray(ValueLayout.JAVA_BYTE)), true);
    }

    /** Whether fields are read. */
    public boolean loads() {
        return loads;
    }

    /** Bytes walked over. */
    public long position() {
        return at;
    }

    /** The value just saved, or the one loaded. */
    public long u64(long value) {
        final long where = at;
        at += Long.BYTES;
        if (loads) {
            return bytes.get(U64, where);
        }
        bytes.set(U64, where, value);
        return value;
    }

    /** With no bits but those of {@code mask}. */
    public long u64(long value, long mask, String name) {
        final long result = u64(value);
        require((result & ~mask) == 0, name);
        return result;
    }

    /** From {@code least} to {@code most}. */
    public long i64(long value, long least, long most, String name) {
        final long result = u64(value);
        require(result >= least && result <= most, name);
        return result;
    }

    /** As many of {@code values} as are said. */
    public void u64s(long[] values, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = u64(values[i]);
        }
    }

    /** 32 bits. */
    public int u32(int value) {
        final long where = at;
        at += Integer.BYTES;
        if (loads) {
            return bytes.get(U32, where);
        }
        bytes.set(U32, where, value);
        return value;
    }

    /** With no bits but those of {@code mask}. */
    public int u32(int value, int mask, String name) {
        final int result = u32(value);
        require((result & ~mask) == 0, name);
        return result;
    }

    /** From {@code least} to {@code most}, signed. */
    public int i32(int value, int least, int most, String name) {
        final int result = u32(value);
        require(result >= least && result <= most, name);
        return result;
    }

    /** 16 bits, zero-extended. */
    public int u16(int value) {
        final long where = at;
        at += Short.BYTES;
        if (loads) {
            return bytes.get(U16, where) & 0xffff;
        }
        bytes.set(U16, where, (short) value);
        return value;
    }

    /** 8 bits, zero-extended. */
    public int u8(int value) {
        final long where = at;
        at++;
        if (loads) {
            return bytes.get(ValueLayout.JAVA_BYTE, where) & 0xff;
        }
        bytes.set(ValueLayout.JAVA_BYTE, where, (byte) value);
        return value;
    }

    /** With no bits but those of {@code mask}. */
    public int u8(int value, int mask, String name) {
        final int result = u8(value);
        require((result & ~mask) == 0, name);
        return result;
    }

    /** A byte that is 0 or 1. */
    public boolean flag(boolean value) {
        final int result = u8(value ? 1 : 0);
        require(result <= 1, "a flag that is neither 0 nor 1");
        return result == 1;
    }

    /** Bytes that are zero. */
    public void zero(int count) {
        for (int i = 0; i < count; i++) {
            require(u8(0) == 0, "padding");
        }
    }

    /**
     * Something that holds for every state that was ever saved.
     *
     * @throws IllegalArgumentException while loading, when it does not hold
     */
    public void require(boolean holds, String what) {
        if (loads && !holds) {
            throw new IllegalArgumentException("not the state of a machine: " + what);
        }
    }
}
