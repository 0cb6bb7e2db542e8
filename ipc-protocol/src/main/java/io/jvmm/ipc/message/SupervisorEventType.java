package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/**
 * What a process tells the supervisor, on the event ring of its supervisor link.
 *
 * <p>The numbers are record types of an IPC ring and never change their meaning; a length is that of the message, in
 * bytes, without the record header.
 */
public enum SupervisorEventType {
    /** Warm, and behind its narrow filter. */
    READY(1, 48),
    /** A request has been carried out. */
    ACK(2, 8),
    /** A line for the log. */
    LOG(3, 488),
    /** The value of a counter. */
    COUNTER(4, 16),
    /** The guest runs no more. */
    GUEST_STOPPED(5, 24),
    /** A device did not answer in time. */
    DEVICE_HUNG(6, 16),
    /** A device broke the protocol and was cut off. */
    PEER_VIOLATION(7, 80),
    /** The user typed the escape sequence at the terminal. */
    ESCAPE(8, 8),
    /** The guest is about to run its first instruction. */
    FIRST_INSTRUCTION(9, 8),
    /** The host side of a port went away. */
    BACKEND_LOST(10, 8),
    /** What will run the guest's code, where that was the process's to decide, and why. */
    ENGINE(11, 488),
    /** How long the guest waited for a device's successor. */
    DEVICE_STALL(12, 16);

    private static final @Nullable SupervisorEventType[] BY_NUMBER =
            new @Nullable SupervisorEventType[values().length + 1];

    static {
        for (SupervisorEventType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;
    private final int lengthBytes;

    SupervisorEventType(int number, int lengthBytes) {
        this.number = number;
        this.lengthBytes = lengthBytes;
    }

    /** Record type on the wire. */
    public int number() {
        return number;
    }

    /** Length of the message in bytes ({@link #LOG}, {@link #ENGINE}: at most). */
    public int lengthBytes() {
        return lengthBytes;
    }

    /** The type of a number read off the wire, or null when there is none. */
    public static @Nullable SupervisorEventType of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
