package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;

/**
 * A scripted life for a scratch machine: {@link DeviceFactory#exercise} drives the device through all its hot paths and
 * every class it will ever need, before the jail closes and before the first real message.
 */
public interface Exercise {

    /** A register read. */
    void read(int region, int offset, int widthBytes);

    /** A register write. */
    void write(int region, int offset, int widthBytes, long value);

    /** A kick of a virtqueue. */
    default void kick(int queue) {}

    /**
     * The scratch machine's memory, for a device that {@link DeviceFactory#usesGuestMemory}.
     *
     * @throws IllegalStateException for any other
     */
    default GuestMemory memory() {
        throw new IllegalStateException("the device does not use guest memory");
    }

    /** Bytes from the host into a port. */
    void hostInput(int port, String text);

    /** Virtual time passes; timers fire. */
    void advance(long durationNs);

    /** The guest ends a level interrupt. */
    void resample(int line);

    /** The power button. */
    void powerButton();
}
