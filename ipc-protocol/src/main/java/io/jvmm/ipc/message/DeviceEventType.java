package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/**
 * What a device process tells the board, on the event ring of a device link.
 *
 * <p>The numbers are record types of an IPC ring and never change their meaning (1 has none); a length is that of the message, in
 * bytes, without the record header.
 */
public enum DeviceEventType {
    /** The configuration of a function changed. */
    CONFIG_CHANGED(2, 8),
    /** A function cannot go on until its driver resets it. */
    NEEDS_RESET(3, 8),
    /** The guest did something the specification forbids. */
    GUEST_ERROR(4, 16),
    /** The guest asked for power-off or reset. */
    POWER(5, 8),
    /** Declares a PCI function; before READY only. */
    PCI_FUNCTION(6, PciFunction.LENGTH_BYTES),
    /** Declares a capability of a PCI function; behind its PCI_FUNCTION, before READY only. */
    PCI_CAPABILITY(7, 40);

    private static final int LARGEST_NUMBER = 7;
    private static final @Nullable DeviceEventType[] BY_NUMBER = new @Nullable DeviceEventType[LARGEST_NUMBER + 1];

    static {
        for (DeviceEventType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;
    private final int lengthBytes;

    DeviceEventType(int number, int lengthBytes) {
        this.number = number;
        this.lengthBytes = lengthBytes;
    }

    /** Record type on the wire. */
    public int number() {
        return number;
    }

    /** Length of the message in bytes. */
    public int lengthBytes() {
        return lengthBytes;
    }

    /** The type of a number read off the wire, or null when there is none. */
    public static @Nullable DeviceEventType of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
