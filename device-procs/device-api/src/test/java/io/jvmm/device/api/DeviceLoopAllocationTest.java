package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing is allocated for a message after warm-up, on either side of a real link. */
@Timeout(300)
class DeviceLoopAllocationTest {

    private static final int ROUNDS = 2_000;

    @Test
    void noAllocationPerMessageInTheDutyCycle() {
        EchoDevice device = new EchoDevice();
        try (WarmUp machine = new WarmUp(device, new IgnoredDeviceEvents(), new SupervisorEventHandler() {})) {
            Allocations.assertNoneIn("a duty cycle", () -> {
                for (int i = 0; i < ROUNDS; i++) {
                    device.exercise(machine);
                }
            });
        }
    }

    @Test
    void noAllocationPerMessageBetweenTwoThreads() {
        try (LiveDevice device = new LiveDevice(new EchoDevice(), "wait.spin-ns", "2000")) {
            device.peer.awaitReady();
            device.peer.request(SupervisorRequestType.START);
            Allocations.assertNoneIn("both sides", () -> run(device), device.thread);
        }
    }

    private static void run(LiveDevice device) {
        for (int i = 0; i < ROUNDS; i++) {
            device.peer.board().write(0, EchoDevice.MEMORY, 0, 4, i);
            device.peer.board().write(0, EchoDevice.CONTROL, 0, 1, 0);
            assertEquals(i, (int) device.peer.board().read(0, EchoDevice.MEMORY, 0, 4));
        }
    }
}
