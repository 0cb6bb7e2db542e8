package io.jvmm.vcpu.board.pci;

import io.jvmm.vcpu.state.StateCursor;

/**
 * The 256 bytes of one function's configuration space (PCI 3.0 §6.1) and which of their bits the guest can write; the others are read-only.
 * Guarded by the bus's lock.
 */
class ConfigSpace {
    static final int LENGTH_BYTES = 256;

    /** Type 0 header, PCI 3.0 figure 6-1. */
    static final int VENDOR_ID = 0x00;

    static final int DEVICE_ID = 0x02;
    static final int COMMAND = 0x04;
    static final int STATUS = 0x06;
    static final int REVISION = 0x08;
    static final int CLASS_CODE = 0x09;
    static final int CACHE_LINE_SIZE = 0x0C;
    static final int BAR_0 = 0x10;
    static final int SUBSYSTEM_VENDOR_ID = 0x2C;
    static final int SUBSYSTEM_ID = 0x2E;
    static final int CAPABILITIES = 0x34;
    static final int INTERRUPT_LINE = 0x3C;
    static final int INTERRUPT_PIN = 0x3D;
    static final int FIRST_FREE = 0x40;

    private final byte[] bytes = new byte[LENGTH_BYTES];
    private final byte[] writable = new byte[LENGTH_BYTES];

    /** What all functions have: ids, class, revision, and the scratch registers of firmware and kernels. */
    ConfigSpace(int vendorId, int deviceId, int classCode, int revision) {
        put(VENDOR_ID, 2, vendorId);
        put(DEVICE_ID, 2, deviceId);
        put(REVISION, 1, revision);
        put(CLASS_CODE, 3, classCode);
        allow(CACHE_LINE_SIZE, 1, 0xFF);
        put(INTERRUPT_LINE, 1, 0xFF);
        allow(INTERRUPT_LINE, 1, 0xFF);
    }

    /** Sets a register, whatever the guest may write to it. */
    final void put(int offset, int widthBytes, int value) {
        for (int i = 0; i < widthBytes; i++) {
            bytes[offset + i] = (byte) (value >>> (Byte.SIZE * i));
        }
    }

    /** Lets the guest write these bits of a register. */
    final void allow(int offset, int widthBytes, int mask) {
        for (int i = 0; i < widthBytes; i++) {
            writable[offset + i] = (byte) (mask >>> (Byte.SIZE * i));
        }
    }

    /** What a register holds. */
    final int get(int offset, int widthBytes) {
        int value = 0;
        for (int i = 0; i < widthBytes; i++) {
            value |= (bytes[offset + i] & 0xFF) << (Byte.SIZE * i);
        }
        return value;
    }

    /** The guest reads 1, 2 or 4 bytes inside the space. */
    int read(int offset, int widthBytes) {
        return get(offset, widthBytes);
    }

    /** The guest writes 1, 2 or 4 bytes inside the space. */
    final void write(int offset, int widthBytes, int value) {
        for (int i = 0; i < widthBytes; i++) {
            final int mask = writable[offset + i];
            final int written = value >>> (Byte.SIZE * i);
            bytes[offset + i] = (byte) ((bytes[offset + i] & ~mask) | (written & mask));
        }
        written(offset, widthBytes);
    }

    /** After a write has changed what is in this range. */
    void written(int offset, int widthBytes) {}

    /** For the state segment. A byte that no guest can have written so is refused; {@code apply}: what is loaded is taken over. */
    final void transfer(StateCursor state, boolean apply, String name) {
        for (int i = 0; i < LENGTH_BYTES; i++) {
            final int value = state.u8(bytes[i] & 0xFF);
            if (((value ^ bytes[i]) & ~writable[i] & 0xFF) != 0) {
                state.require(false, name + ", byte " + Integer.toHexString(i) + " of its configuration space");
            }
            if (apply) {
                bytes[i] = (byte) value;
            }
        }
    }

    /** Whether {@code [start, start + length)} shares a byte with {@code [offset, offset + widthBytes)}. */
    static boolean touches(int offset, int widthBytes, int start, int length) {
        return offset < start + length && start < offset + widthBytes;
    }
}
