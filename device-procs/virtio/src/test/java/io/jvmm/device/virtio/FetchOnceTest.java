package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.FetchTap;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigLife;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each byte of a descriptor, a table and a buffer is read once: what decides is what was checked, whatever a driver writes meanwhile. */
class FetchOnceTest {
    private static final int DESCRIPTOR_BYTES = 16;

    static List<Long> features() {
        return QueueTest.features();
    }

    @ParameterizedTest
    @MethodSource("features")
    void aChain(long features) {
        try (RigLife.Recording recording = RigLife.recording(0).fetchingOnce();
                VirtioRig rig = new VirtioRig(new EchoFactory(), Map.of())) {
            RigDriver driver = rig.driver().setUp(features);
            RigQueue queue = driver.queue(0);
            queue.useIndirect(false);
            FetchTap reads = recording.reads();
            long[] addresses = {0x20_0000, 0x20_1000, 0x20_2000};
            int[] lengths = {8, 40, 64};
            queue.offerRaw(addresses, lengths, 2, 3);
            reads.forget();
            queue.kickAnyway();
            rig.settle();
            assertTrue(queue.reapRaw() >= 0);
            for (int i = 0; i < 3; i++) {
                long at = queue.table() + (long) DESCRIPTOR_BYTES * i;
                // A descriptor is two words, the address and the rest.
                assertEquals(1, reads.times(at, Long.BYTES), "address of descriptor " + i);
                assertEquals(1, reads.times(at + Long.BYTES, Long.BYTES), "length and flags of descriptor " + i);
            }
            assertEquals(1, reads.times(addresses[0], lengths[0]), "first buffer");
            assertEquals(1, reads.times(addresses[1], lengths[1]), "second buffer");
            assertEquals(0, reads.times(addresses[2], lengths[2]), "what is for the device to write");
        }
    }
}
