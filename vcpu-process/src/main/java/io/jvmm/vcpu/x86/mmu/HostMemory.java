package io.jvmm.vcpu.x86.mmu;

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
    private HostMemory() {}

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
}
