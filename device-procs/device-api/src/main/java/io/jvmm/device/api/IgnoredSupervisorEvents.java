package io.jvmm.device.api;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;

/** The supervisor of a scratch machine: takes every event and does nothing. */
class IgnoredSupervisorEvents implements SupervisorEventHandler {
    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {}

    @Override
    public void ack(SupervisorRequestType request, int status) {}

    @Override
    public void log(LogLevel level, String text) {}

    @Override
    public void counter(int id, long value) {}

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {}

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {}

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {}

    @Override
    public void escape(int port, int what) {}

    @Override
    public void firstInstruction(long monotonicNs) {}

    @Override
    public void backendLost(int port, int errno) {}
}
