package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.device.virtio.rig.RecordingCost;
import io.jvmm.device.virtio.rig.RigLife;
import io.jvmm.device.virtio.rig.RigLoad;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Fd;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Whatever a disk lives through, with threads of its own, images, hostile guests and deaths, it lives through again without any of that: the same state,
 * the same effects, in whatever order the threads were done.
 *
 * {@code -Djvmm.replay.all=true}: all of its other tests, too, each life once more, or {@code -Djvmm.replays=10} times.
 */
class BlockReplayTest {
    private static final int TIMES = 10;

    private final RigLife.Recording recording = RigLife.recording(Integer.getInteger("jvmm.replays", 1));

    @AfterEach
    void tell(TestInfo test) {
        recording.close();
        if (recording.lives() > 0) {
            System.out.println(test.getDisplayName() + ": " + recording);
        }
    }

    /** Reads, writes, flushes, discards and nonsense on a qcow2 image with a backing file, three threads, processes that die. */
    @Test
    void livesOnAnImageOfTables() {
        Map<String, Fd> images = new BlockFactory().scratchDescriptors();
        try (RigLife.Recording lives = RigLife.recording(TIMES)) {
            ChainFuzz fuzz = new ChainFuzz(new BlockFactory(), Map.of("0.io-threads", "3"), images, TestSeed.next());
            System.out.println(fuzz.with(BlockReplayTest::request).run(ChainFuzz.cases(1_500)));
            System.out.println(lives);
            assertTrue(lives.lives() > 5 && lives.outputs() > 1_000, lives.toString());
        }
        images.values().forEach(Fd::close);
    }

    /** On the first sectors: the image of a scratch machine is small. */
    private static byte[] request(int queue, Random random) {
        byte[] request = BlockFuzzTest.request(queue, random);
        if (random.nextInt(8) != 0) {
            for (int i = 9; i < 16 && i < request.length; i++) {
                request[i] = 0;
            }
        }
        return request;
    }

    @Test
    @EnabledIfSystemProperty(named = "jvmm.replay.cost", matches = "true")
    void cost() {
        byte[] read = Disk.header(Disk.IN, 8);
        byte[] write = Disk.join(Disk.header(Disk.OUT, 8), new byte[4096]);
        for (int depth : new int[] {1, 8}) {
            System.out.println(RecordingCost.of("block, reads of 4 KiB, " + depth + " a kick", 5_000, () -> {
                RigLoad load = new RigLoad(new Disk().driver, 0, read, 4097, depth);
                return () -> load.run(5_000);
            }));
            System.out.println(RecordingCost.of("block, writes of 4 KiB, " + depth + " a kick", 5_000, () -> {
                RigLoad load = new RigLoad(new Disk().driver, 0, write, 1, depth);
                return () -> load.run(5_000);
            }));
        }
    }

    /** While it is recorded, a request allocates as little as without. */
    @Nested
    class Allocation extends BlockAllocationTest {
        private final RigLife.Recording kept = RigLife.recording(0);

        @AfterEach
        void end() {
            assertTrue(kept.bytes() > 0);
        }
    }

    /** No byte of a buffer is read twice: what was checked is what is used. */
    @Nested
    class FetchOnce extends BlockDeviceTest {
        private final RigLife.Recording kept = RigLife.recording(0).fetchingOnce();

        @AfterEach
        void end() {
            assertTrue(kept.lives() > 0);
        }
    }

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Device extends BlockDeviceTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class InFlight extends InFlightTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Fuzz extends BlockFuzzTest {}
}
