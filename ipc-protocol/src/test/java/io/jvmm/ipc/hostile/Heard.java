package io.jvmm.ipc.hostile;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;

/** Who listens and does nothing. */
final class Heard {
    static final DeviceEventHandler DEVICE = new DeviceEventHandler() {
        @Override
        public void configChanged(int function, int generation) {}

        @Override
        public void needsReset(int function, int reason) {}

        @Override
        public void guestError(int code, long detail) {}

        @Override
        public void power(PowerAction action, PowerOrigin origin) {}

        @Override
        public void pciFunction(PciFunction declaration) {}

        @Override
        public void pciCapability(int function, byte[] bytes) {}
    };

    static final SupervisorEventHandler PROCESS = new SupervisorEventHandler() {
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
        public void peerViolation(int deviceIndex, Violation violation) {
            assertFalse(violation.toString().isEmpty());
        }

        @Override
        public void escape(int port, int what) {}

        @Override
        public void firstInstruction(long monotonicNs) {}

        @Override
        public void backendLost(int port, int errno) {}
    };

    private Heard() {}
}
