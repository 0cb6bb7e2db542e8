package io.jvmm.device.virtio;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.Tape;
import org.jspecify.annotations.Nullable;

/** The transport as a {@link VirtioDevice} sees it. Device thread only; nothing here allocates, blocks or throws. */
public interface VirtioHost {

    /** Guest memory, all of it. */
    GuestMemory memory();

    /** What the device's questions to its host are recorded on, or answered from; null when there is none. */
    default @Nullable Tape tape() {
        return null;
    }

    /** A virtqueue by its index; the same object for the life of the process. */
    Virtqueue queue(int index);

    /** The negotiated features; 0 before FEATURES_OK. */
    long features();

    /** Whether DRIVER_OK is set, and neither DEVICE_NEEDS_RESET nor FAILED is. */
    boolean active();

    /** The device configuration changed: raises the generation, notifies the driver (§4.1.4.3.1, §4.1.5.1.2). */
    void configChanged();

    /** Unrecoverable: sets DEVICE_NEEDS_RESET, stops all queues, notifies the driver (§2.1.2). */
    void needsReset(int reason);

    /** The guest did what the specification forbids; counted and rate-limited. {@code code} is the device's own. */
    void guestError(int code, long detail);

    /** Have {@link VirtioDevice#service} called for this queue soon, from the duty cycle. */
    void wake(int queue);
}
