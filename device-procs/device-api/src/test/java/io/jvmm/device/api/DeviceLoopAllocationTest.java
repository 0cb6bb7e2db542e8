package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing is allocated for a message after warm-up, on either side of a real link. */
@Timeout(120)
class DeviceLoopAllocationTest {

    private static final int ROUNDS = 2_000;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void noAllocationPerMessageInTheDutyCycle() {
        EchoDevice device = new EchoDevice();
        try (WarmUp machine = new WarmUp(device, new IgnoredDeviceEvents(), new IgnoredSupervisorEvents())) {
            for (int i = 0; i < ROUNDS; i++) {
                device.exercise(machine);
            }
            // The first measurement may find the measuring itself allocating; the least of three must be nothing.
            long least = Long.MAX_VALUE;
            for (int attempt = 0; attempt < 3; attempt++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < ROUNDS; i++) {
                    device.exercise(machine);
                }
                least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes in " + ROUNDS + " rounds");
        }
    }

    @Test
    void noAllocationPerMessageBetweenTwoThreads() {
        try (LiveDevice device = new LiveDevice(new EchoDevice(), "wait.spin-ns", "2000")) {
            device.peer.awaitReady();
            device.peer.request(SupervisorRequestType.START);
            run(device);
            long least = Long.MAX_VALUE;
            for (int attempt = 0; attempt < 3; attempt++) {
                long before = THREADS.getCurrentThreadAllocatedBytes()
                        + THREADS.getThreadAllocatedBytes(device.thread.threadId());
                run(device);
                least = Math.min(
                        least,
                        THREADS.getCurrentThreadAllocatedBytes()
                                + THREADS.getThreadAllocatedBytes(device.thread.threadId())
                                - before);
            }
            assertEquals(0, least, "bytes in " + ROUNDS + " rounds, both sides");
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
