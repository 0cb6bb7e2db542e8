package io.jvmm.ipc.message;

/**
 * Receives the validated events of a device on the board thread. Arguments are within the ranges PROTOCOL.md gives;
 * whether a function exists is for the board to check. Implementations must not throw.
 */
public interface DeviceEventHandler {
    /** The configuration of {@code function} changed; {@code generation} is its new generation. */
    void configChanged(int function, int generation);

    /** {@code function} cannot go on until its driver resets it. */
    void needsReset(int function, int reason);

    /** The guest broke a rule of the device's specification. */
    void guestError(int code, long detail);

    /** The guest asked for power-off or reset. */
    void power(PowerAction action, PowerOrigin origin);

    /** The device declares a PCI function. Whether it may is for the board to check. */
    default void pciFunction(PciFunction declaration) {}

    /** The device declares a capability of a function; {@code bytes} is the caller's to keep. */
    default void pciCapability(int function, byte[] bytes) {}
}
