package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/**
 * What the supervisor asks of a process, on the request ring of its supervisor link.
 *
 * <p>The numbers are record types of an IPC ring and never change their meaning; a length is that of the message, in
 * bytes, without the record header.
 */
public enum SupervisorRequestType {
    /** Serve the guest from now on. */
    START(1, 16),
    /** Stop serving, keep everything. */
    PAUSE(2, 16),
    /** Go on after a pause. */
    RESUME(3, 16),
    /** Finish what is in flight and stop taking more. */
    DRAIN(4, 16),
    /** End. */
    STOP(5, 16),
    /** Press the power button. */
    POWER_BUTTON(6, 16),
    /** The terminal has a new size. */
    RESIZE(7, 16),
    /** The balloon has a new target. */
    BALLOON(8, 16),
    /** A device's process is gone, or about to go: hear it out, and wait for its successor. */
    DEVICE_AWAY(9, 16),
    /** A device's successor serves. */
    DEVICE_BACK(10, 16),
    /** A device has no successor and gets none. */
    DEVICE_BROKEN(11, 16),
    /** Say that you live. */
    PING(12, 16);

    private static final @Nullable SupervisorRequestType[] BY_NUMBER =
            new @Nullable SupervisorRequestType[values().length + 1];

    static {
        for (SupervisorRequestType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;
    private final int lengthBytes;

    SupervisorRequestType(int number, int lengthBytes) {
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
    public static @Nullable SupervisorRequestType of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
