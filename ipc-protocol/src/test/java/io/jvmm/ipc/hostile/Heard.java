package io.jvmm.ipc.hostile;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorEventHandler;
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
        public void peerViolation(int deviceIndex, Violation violation) {
            assertFalse(violation.toString().isEmpty());
        }
    };

    private Heard() {}
}
