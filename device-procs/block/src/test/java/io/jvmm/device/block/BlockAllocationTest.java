package io.jvmm.device.block;

import static io.jvmm.device.block.Disk.FLUSH;
import static io.jvmm.device.block.Disk.IN;
import static io.jvmm.device.block.Disk.OUT;
import static io.jvmm.device.block.Disk.SECTOR;
import static io.jvmm.device.block.Disk.WRITE_ZEROES;
import static io.jvmm.device.block.Disk.header;
import static io.jvmm.device.block.Disk.join;
import static io.jvmm.device.block.Disk.ranges;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigLoad;
import io.jvmm.ipc.Allocations;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** No request allocates anything: not on the device thread and not on the workers. */
class BlockAllocationTest {
    private static final int REQUESTS = 1_000;

    private static Thread[] workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("io-"))
                .toArray(Thread[]::new);
    }

    private static void assertNone(Disk disk, String what, byte[] readable, int writableBytes) {
        RigLoad load = new RigLoad(disk.driver, 0, readable, writableBytes, 8);
        Allocations.assertNoneIn(what, () -> load.run(REQUESTS), workers());
    }

    @Test
    void requestsServedAtOnce() {
        for (long features : new long[] {-1L, -1L & ~RigDriver.F_RING_PACKED}) {
            try (Disk disk = new Disk(new BlockFactory(), features, "packed=true")) {
                assertNone(disk, "reads", header(IN, 3), 8 * SECTOR + 1);
                assertNone(disk, "writes", join(header(OUT, 3), new byte[8 * SECTOR]), 1);
                assertNone(disk, "errors", header(IN, -1), 8 * SECTOR + 1);
                assertNone(disk, "unknown", header(77, 0), 1);
            }
        }
    }

    @Test
    void requestsOfTheWorkers() {
        try (Disk disk = new Disk("cache=writethrough", "io-threads=2")) {
            assertNone(disk, "durable writes", join(header(OUT, 3), new byte[8 * SECTOR]), 1);
            assertNone(disk, "zeros", ranges(WRITE_ZEROES, 8, 8, 0), 1);
            assertNone(disk, "flush", header(FLUSH, 0), 1);
        }
    }

    /** The whole way there and back, with locks that are waited for. */
    @Test
    void requestsInEachOthersWay() {
        List<SlowImage> images = new ArrayList<>();
        try (Disk disk = new Disk(SlowImage.factory(images::add), "io-threads=2")) {
            RigLoad load = new RigLoad(disk.driver, 0, join(header(OUT, 3), new byte[SECTOR]), 1, 8);
            // The slow image itself allocates, on the workers.
            Allocations.assertNoneIn("device thread", () -> load.run(REQUESTS));
        }
    }
}
