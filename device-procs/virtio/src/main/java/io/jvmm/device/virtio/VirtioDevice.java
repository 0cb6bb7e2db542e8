package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.ipc.message.SupervisorRequestType;

/**
 * The behaviour of one virtio function, behind the transport: what a device class implements. Pure like
 * {@link DeviceCore}: no clock, no thread, no allocation after construction, and all that the guest can observe lives in the
 * state it was made over. What does reach the host goes through a {@link io.jvmm.device.api.Backend} of the module.
 *
 * <p><b>Thread:</b> the device thread. <b>Hostile:</b> every chain, every configuration access, and the moment of
 * everything; an adopted state. <b>Errors:</b> a guest error is counted with {@link VirtioHost#guestError}, a chain that
 * cannot be answered is completed with 0 bytes, and {@link VirtioHost#needsReset} is for what the specification calls
 * unrecoverable. Never an exception.
 */
public interface VirtioDevice {

    /** The constant facts, of this instance. */
    VirtioIdentity identity();

    /**
     * A read of the device configuration (§4.1.4.6); inside {@link VirtioIdentity#configLengthBytes}, 1, 2, 4 or 8 bytes.
     * Without side effects.
     */
    long readConfig(int offset, int widthBytes);

    /** A write to the device configuration; to a read-only field: ignored. */
    default void writeConfig(int offset, int widthBytes, long value, long nowNs) {}

    /**
     * The driver asks for FEATURES_OK with these features, a subset of those offered (§2.2, §3.1.1). A device that cannot
     * work with a subset says no.
     */
    default boolean acceptsFeatures(long features) {
        return true;
    }

    /** DRIVER_OK: features and queues are set up. Buffers may be in the queues already; {@link #service} follows. */
    default void activate(long features, long nowNs) {}

    /** Device reset (§2.4): forget everything the driver told; host connections may stay. The queues are empty by now. */
    void reset(long nowNs);

    /**
     * Whether nothing is under way any more, on a thread of the device's or in the kernel, that touches guest memory for a chain
     * taken from this queue before its latest reset. Until then a reset reads as not complete. A device that does all its work in
     * {@link #service} is always quiet.
     */
    default boolean quiet(int queue) {
        return true;
    }

    /** One queue was reset (§2.6.1); chains taken from it and not completed are no longer the device's. */
    default void queueReset(int queue, long nowNs) {}

    /**
     * The queue may have buffers: the driver kicked, or {@link VirtioHost#wake} asked for it. Handles a bounded amount (say 64
     * chains); the work of one call is one transaction of the commit rule.
     *
     * @return whether to call again, because there is more that could be done now
     */
    boolean service(int queue, long nowNs);

    /** As {@link DeviceCore#nextDeadlineNs}. */
    default long nextDeadlineNs() {
        return DeviceCore.NO_DEADLINE;
    }

    /** As {@link DeviceCore#timer}. */
    default void timer(long nowNs) {}

    /** As {@link DeviceCore#committed}. */
    default void committed() {}

    /** As {@link DeviceCore#resumed}. */
    default void resumed(long pausedNs, long nowNs) {}

    /** As {@link DeviceCore#hostRequest}, for the first function of a process. */
    default boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        return false;
    }

    /**
     * Last call on a device made over an adopted state. The transport has queues and features again; chains that were taken
     * and not completed come back from {@link Virtqueue#pop} first, in the order in which they were made available.
     */
    default void resume(long nowNs) {}
}
