package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/**
 * What the vCPU process asks of a device process, on the request ring of a device link.
 *
 * <p>The numbers are record types of an IPC ring and never change their meaning; a length is that of the message, in
 * bytes, without the record header.
 */
public enum DeviceRequestType {
    /** A vCPU waits for the value of a register. */
    READ(1, 24),
    /** A vCPU wrote a register; posted. */
    WRITE(2, 24),
    /** The driver notified a virtqueue. */
    KICK(3, 8),
    /** The machine is reset: back to the state after power-on. */
    RESET(4, 8);

    private static final @Nullable DeviceRequestType[] BY_NUMBER = new @Nullable DeviceRequestType[values().length + 1];

    static {
        for (DeviceRequestType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;
    private final int lengthBytes;

    DeviceRequestType(int number, int lengthBytes) {
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
    public static @Nullable DeviceRequestType of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
