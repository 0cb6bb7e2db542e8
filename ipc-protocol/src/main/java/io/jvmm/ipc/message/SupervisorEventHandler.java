package io.jvmm.ipc.message;

import io.jvmm.ipc.ring.Violation;

/**
 * Receives the validated events of a process in the supervisor. What comes from a process is hostile in content:
 * a log text is already cut to its limit and freed of control characters. Implementations must not throw. What one does not
 * override it does not want to hear of.
 */
public interface SupervisorEventHandler {
    /** The process is warm and filtered. {@code filterHash}: 32 bytes, SHA-256 of its narrow filter. */
    default void ready(long monotonicNs, byte[] filterHash, int threads) {}

    /** A request has been carried out; {@code status} 0 means well. */
    default void ack(SupervisorRequestType request, int status) {}

    default void log(LogLevel level, String text) {}

    default void counter(int id, long value) {}

    default void guestStopped(StopCause cause, int vcpu, long rip, long detail) {}

    default void deviceHung(int deviceIndex, long waitedNs) {}

    default void peerViolation(int deviceIndex, Violation violation) {}

    /** {@code what}: 1 quit. */
    default void escape(int port, int what) {}

    default void firstInstruction(long monotonicNs) {}

    default void backendLost(int port, int errno) {}

    /**
     * What will run the guest's code, where that was the process's to decide; before {@link #ready}, and only the vCPU process
     * says it.
     *
     * @param reason why not another; empty for the first choice
     */
    default void engine(EngineKind engine, String reason) {}

    /**
     * How long the guest waited for a device's successor; only the vCPU process says it, once after each DEVICE_BACK.
     *
     * @param messages how many waited; 0: nobody did, and {@code stallNs} is 0
     */
    default void deviceStall(int deviceIndex, int messages, long stallNs) {}
}
