package io.jvmm.device.api;

import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;

/**
 * What a {@link DeviceCore} may do to the world. The device process turns these into eventfd writes and records of the
 * event ring; tests and the scripted peer write them down.
 *
 * <p>None of these blocks, fails or allocates. Effects happen before the state is committed, so after a crash one may
 * happen twice (an interrupt too many), never not at all.
 *
 * <p><b>Thread:</b> the device thread.
 */
public interface DeviceEffects {

    /** An edge on interrupt {@code line} (a rising edge of an edge-triggered line, or an MSI-X vector). */
    void interrupt(int line);

    /**
     * The level of a level-triggered line. Only changes need be reported, but {@code true} again after
     * {@link DeviceCore#resample} is how a line stays up. With KVM the end of the guest's interrupt lowers the line.
     */
    void interruptLevel(int line, boolean asserted);

    /** The guest did what the specification forbids. Counted and rate-limited; {@code code} is the device's own. */
    void guestError(int code, long detail);

    /** The configuration of a PCI function changed. For the board's information. */
    default void configChanged(int function, int generation) {}

    /** A PCI function cannot go on until its driver resets it. For the board's information. */
    default void needsReset(int function, int reason) {}

    /** The guest asked for power-off or reset. Nothing more happens to this machine: the board stops its vCPUs. */
    void power(PowerAction action, PowerOrigin origin);
}
