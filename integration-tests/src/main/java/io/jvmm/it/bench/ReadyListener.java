package io.jvmm.it.bench;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;

/** Hears READY, and passes on what a process has to complain about. */
final class ReadyListener implements SupervisorEventHandler {
    private boolean ready;

    boolean isReady() {
        return ready;
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        ready = true;
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {}

    @Override
    public void log(LogLevel level, String text) {
        System.err.println("  device: " + text);
    }

    @Override
    public void counter(int id, long value) {}

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {}

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {}

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        throw new IllegalStateException("the device says we broke the link: " + violation);
    }

    @Override
    public void escape(int port, int what) {}

    @Override
    public void firstInstruction(long monotonicNs) {}

    @Override
    public void backendLost(int port, int errno) {}
}
