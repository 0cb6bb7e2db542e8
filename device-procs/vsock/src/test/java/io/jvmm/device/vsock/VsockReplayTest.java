package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.device.virtio.rig.RecordingCost;
import io.jvmm.device.virtio.rig.RigLife;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Whatever a function lives through, with real sockets, hostile guests and deaths at any step, it lives through again without any of that: the same state, the
 * same packets, the same records of its connections, the same calls of the host.
 *
 * {@code -Djvmm.replay.all=true}: all of its other tests, too, each life once more, or {@code -Djvmm.replays=10} times.
 */
class VsockReplayTest {
    private static final int TIMES = 10;

    private final RigLife.Recording recording = RigLife.recording(Integer.getInteger("jvmm.replays", 1));

    @AfterEach
    void tell(TestInfo test) {
        recording.close();
        if (recording.lives() > 0) {
            System.out.println(test.getDisplayName() + ": " + recording);
        }
    }

    /** Connections of both sides and nonsense, with a guest that changes memory while it is read, and processes that die. */
    @Test
    void livesWithConnections() {
        try (RigLife.Recording lives = RigLife.recording(TIMES)) {
            new VsockFuzzTest().fuzz(TestSeed.next(), false, ChainFuzz.cases(1_000));
            new VsockFuzzTest().fuzz(TestSeed.next(), true, ChainFuzz.cases(300));
            System.out.println(lives);
            assertTrue(lives.lives() > 5 && lives.outputs() > 1_000, lives.toString());
        }
    }

    @Test
    @EnabledIfSystemProperty(named = "jvmm.replay.cost", matches = "true")
    void cost() {
        System.out.println(RecordingCost.of("vsock, 1000 bytes there and back", 500, () -> {
            VsockBench bench = new VsockBench();
            Runnable packet = AllocationTest.thereAndBack(bench, VsockBench.ALL, new int[1]);
            return () -> {
                for (int i = 0; i < 500; i++) {
                    packet.run();
                }
            };
        }));
    }

    /** While it is recorded, a packet allocates as little as without. */
    @Test
    void recordingAllocatesNothing() {
        try (RigLife.Recording kept = RigLife.recording(0)) {
            try (VsockBench bench = new VsockBench()) {
                Runnable packet = AllocationTest.thereAndBack(bench, VsockBench.ALL, new int[1]);
                Allocations.assertNoneIn("a thousand packets", () -> {
                    for (int i = 0; i < 1_000; i++) {
                        packet.run();
                    }
                });
            }
            assertTrue(kept.bytes() > 0);
        }
    }

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Allocation extends AllocationTest {
        private final RigLife.Recording kept = RigLife.recording(0);

        @AfterEach
        void end() {
            assertTrue(kept.bytes() > 0);
        }
    }

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Device extends VsockDeviceTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Transfer extends TransferTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Kill extends KillTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Death extends DeathBehindACallTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Hostile extends HostileGuestTest {
        /** It turns the counters of a connection by hand, of which a tape knows nothing. */
        @Override
        @Test
        void countersWrapAround() {
            // nothing to live again
        }
    }

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Fuzz extends VsockFuzzTest {}
}
