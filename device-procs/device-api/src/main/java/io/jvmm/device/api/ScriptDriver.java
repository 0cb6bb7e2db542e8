package io.jvmm.device.api;

import java.util.List;

/** The guest's driver of a device with virtqueues, by hand: behind the script commands {@code setup}, {@code offer} and {@code reap}. */
public interface ScriptDriver {

    /** Resets the device and sets it up as a driver does. */
    void setUp(boolean packed);

    /**
     * Puts a buffer into a queue and kicks it.
     *
     * @return false when the queue is full, or there is none of this number
     */
    boolean offer(int queue, byte[] readable, int writableBytes);

    /** Takes back what the device has completed: a line for each buffer, with what the device wrote. */
    List<String> completions();
}
