package io.jvmm.it.bench;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.SupervisorEventHandler;
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
    public void log(LogLevel level, String text) {
        System.err.println("  device: " + text);
    }

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        throw new IllegalStateException("the device says we broke the link: " + violation);
    }
}
