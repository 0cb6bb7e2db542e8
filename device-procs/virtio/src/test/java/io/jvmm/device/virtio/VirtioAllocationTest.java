package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigLoad;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.Allocations;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nothing is allocated for a request, a register or a guest error, by the device or by the rig. */
class VirtioAllocationTest {

    static List<Long> features() {
        return QueueTest.features();
    }

    @ParameterizedTest
    @MethodSource("features")
    void noAllocationPerRequest(long features) {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().setUp(features);
            RigLoad load = new RigLoad(driver, EchoFactory.ECHO, new byte[100], 100, 16);
            load.run(20_000);
            Allocations.assertNoneIn("a request", () -> load.run(2_000));
            assertEquals(0, load.writtenBytes() % 100);
        }
    }

    @Test
    void noAllocationPerRegister() {
        try (VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().setUp(0);
            Allocations.assertNoneIn("registers", () -> {
                for (int i = 0; i < 2_000; i++) {
                    for (int offset = 0; offset < 64; offset += 2) {
                        driver.read(offset, 2);
                        driver.read(offset & ~3, 4);
                    }
                    driver.write(RigDriver.QUEUE_SELECT, 2, i & 3);
                    driver.read(RigDriver.ISR, 1);
                    driver.config(0, 8);
                    driver.write(RigDriver.DEVICE_FEATURE, 4, 0);
                }
            });
        }
    }
}
