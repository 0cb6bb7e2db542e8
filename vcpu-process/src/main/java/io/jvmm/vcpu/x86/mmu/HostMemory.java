package io.jvmm.vcpu.x86.mmu;

import java.nio.ByteBuffer;
import org.agrona.UnsafeApi;

/**
 * Every raw access of the software CPU to guest RAM: the one class that touches a host address.
 *
 * <p>No bounds are checked here. An address is valid only if it came from {@link PhysicalMemory} or from a TLB entry that
 * {@link Mmu} filled from there, and the access does not leave its page. Values are little-endian (the host is x86-64),
 * no alignment is needed.
 *
 * <p>Order: x86 guests expect total store order (SDM 3A 8.2.2). The host gives it to machine code, but the JVM's
 * compilers may move plain accesses; an acquire fence after each load and a release fence before each store forbid that
 * and cost no instruction.
 */
public final class HostMemory {
    private static final int ARRAY_BASE = UnsafeApi.arrayBaseOffset(byte[].class);

    /** Of the first element, for {@link #word}. */
    public static final int FIRST_WORD = UnsafeApi.arrayBaseOffset(long[].class);

    private HostMemory() {}

    /**
     * An element of a TLB, found by its offset in bytes from the array object, without a look at the array's length: translated code
     * makes the offset of nothing but bits of an address under {@link Mmu#INDEX_MASK}.
     */
    public static long word(long[] tlb, int offset) {
        return UnsafeApi.getLong(tlb, offset);
    }

    /** Byte, zero-extended. */
    public static int get8(long address) {
        final int value = UnsafeApi.getByte(null, address) & 0xff;
        UnsafeApi.loadFence();
        return value;
    }

    /** 16 bits, zero-extended. */
    public static int get16(long address) {
        final int value = UnsafeApi.getShort(null, address) & 0xffff;
        UnsafeApi.loadFence();
        return value;
    }

    /** 32 bits. */
    public static int get32(long address) {
        final int value = UnsafeApi.getInt(null, address);
        UnsafeApi.loadFence();
        return value;
    }

    /** 64 bits. */
    public static long get64(long address) {
        final long value = UnsafeApi.getLong(null, address);
        UnsafeApi.loadFence();
        return value;
    }

    /** Low 8 bits of {@code value}. */
    public static void put8(long address, int value) {
        UnsafeApi.storeFence();
        UnsafeApi.putByte(null, address, (byte) value);
    }

    /** Low 16 bits of {@code value}. */
    public static void put16(long address, int value) {
        UnsafeApi.storeFence();
        UnsafeApi.putShort(null, address, (short) value);
    }

    /** 32 bits. */
    public static void put32(long address, int value) {
        UnsafeApi.storeFence();
        UnsafeApi.putInt(null, address, value);
    }

    /** 64 bits. */
    public static void put64(long address, long value) {
        UnsafeApi.storeFence();
        UnsafeApi.putLong(null, address, value);
    }

    /** LOCK CMPXCHG of 32 bits, four-byte aligned. Returns what was found. */
    public static int compareAndExchange32(long address, int expected, int replacement) {
        return UnsafeApi.compareAndExchangeInt(null, address, expected, replacement);
    }

    /** LOCK CMPXCHG of 64 bits, eight-byte aligned. Returns what was found. */
    public static long compareAndExchange64(long address, long expected, long replacement) {
        return UnsafeApi.compareAndExchangeLong(null, address, expected, replacement);
    }

    /** Copies {@code length} bytes out, in no particular order. */
    public static void copyOut(long address, byte[] into, int length) {
        if (length > into.length) {
            throw new IndexOutOfBoundsException(length);
        }
        UnsafeApi.copyMemory(null, address, into, ARRAY_BASE, length);
        UnsafeApi.loadFence();
    }

    /** Whether a view of memory ({@link PhysicalMemory#view}) holds the same bytes as another buffer at this moment, read in no particular order. */
    public static boolean isEqual(ByteBuffer view, ByteBuffer other) {
        final boolean equal = view.mismatch(other) < 0;
        UnsafeApi.loadFence();
        return equal;
    }

    /** Copies bytes as if through a buffer: the two ranges may overlap. */
    public static void copy(long from, long to, long lengthBytes) {
        UnsafeApi.storeFence();
        UnsafeApi.copyMemory(from, to, lengthBytes);
        UnsafeApi.loadFence();
    }

    /** Sets bytes to the low byte of {@code value}. */
    public static void fill(long address, long lengthBytes, int value) {
        UnsafeApi.storeFence();
        UnsafeApi.setMemory(address, lengthBytes, (byte) value);
    }
}
