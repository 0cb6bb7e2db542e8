package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.device.virtio.rig.RecordingCost;
import io.jvmm.device.virtio.rig.RigLife;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Whatever a card lives through, with real sockets, hostile guests and deaths, it lives through again without any of that: the same state, the same
 * effects.
 *
 * {@code -Djvmm.replay.all=true}: all of its other tests, too, each life once more, or {@code -Djvmm.replays=10} times.
 */
class NetReplayTest {
    private static final int TIMES = 10;

    private final RigLife.Recording recording = RigLife.recording(Integer.getInteger("jvmm.replays", 1));

    @AfterEach
    void tell(TestInfo test) {
        recording.close();
        if (recording.lives() > 0) {
            System.out.println(test.getDisplayName() + ": " + recording);
        }
    }

    /** Frames and nonsense through a tap and through passt, with a guest that changes memory while it is read, and processes that die. */
    @Test
    void livesWithATapAndPasst() {
        try (RigLife.Recording lives = RigLife.recording(TIMES)) {
            NetFuzzTest.fuzz(true, false, ChainFuzz.cases(1_500));
            NetFuzzTest.fuzz(true, true, ChainFuzz.cases(500));
            System.out.println(lives);
            assertTrue(lives.lives() > 5 && lives.outputs() > 1_000, lives.toString());
        }
    }

    @Test
    @EnabledIfSystemProperty(named = "jvmm.replay.cost", matches = "true")
    void cost() {
        for (boolean tap : new boolean[] {true, false}) {
            System.out.println(RecordingCost.of("net, a frame each way, " + (tap ? "tap" : "passt"), 500, () -> {
                NetRig net = tap ? NetRig.tap() : NetRig.passt();
                return new NetAllocationTest().window(net, tap, false);
            }));
        }
    }

    /** While it is recorded, a frame allocates as little as without. */
    @Nested
    class Allocation extends NetAllocationTest {
        private final RigLife.Recording kept = RigLife.recording(0);

        @AfterEach
        void end() {
            assertTrue(kept.bytes() > 0);
        }
    }

    /** No byte of a buffer is read twice: what was checked is what is used. */
    @Nested
    class FetchOnce extends ControlQueueTest {
        private final RigLife.Recording kept = RigLife.recording(0).fetchingOnce();

        @AfterEach
        void end() {
            assertTrue(kept.lives() > 0);
        }
    }

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Core extends NetCoreTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Passt extends PasstPortTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Control extends ControlQueueTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Death extends PasstDeathTest {}

    @Nested
    @EnabledIfSystemProperty(named = "jvmm.replay.all", matches = "true")
    class Fuzz extends NetFuzzTest {}
}
