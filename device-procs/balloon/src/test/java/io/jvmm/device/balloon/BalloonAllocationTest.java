package io.jvmm.device.balloon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nothing is allocated for a request of any of the queues, nor for a new target. With the real discarder: the one of the bench writes down. */
class BalloonAllocationTest {
    private static final long PLACE = (long) BalloonBench.FIRST_PAGE * BalloonBench.PAGE;
    private static final long PAGES = PLACE + 100L * BalloonBench.PAGE;

    private final VirtioRig rig = new VirtioRig(
            new BalloonDevice(),
            Map.of("0.stats-interval-s", "1", "0.target-bytes", "0"),
            Map.of(),
            BalloonBench.MEMORY_BYTES);

    @AfterEach
    void close() {
        rig.close();
    }

    private void put(byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            rig.memory().put8(PLACE + i, bytes[i]);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"INFLATE", "DEFLATE", "HINT"})
    void pages(BalloonQueue which) {
        RigQueue queue = rig.driver().setUp(BalloonBench.SPLIT).queue(which.index());
        byte[] numbers = BalloonBench.pages(BalloonBench.range(BalloonBench.FIRST_PAGE + 100, 64));
        put(numbers);
        int[] lengths = {numbers.length};
        assertAnswered(queue, new long[] {PLACE}, lengths, 1);
    }

    @Test
    void reporting() {
        RigQueue queue = rig.driver().setUp(BalloonBench.SPLIT).queue(BalloonQueue.REPORTING.index());
        assertAnswered(queue, new long[] {PAGES}, new int[] {4 * BalloonBench.PAGE}, 0);
    }

    private void assertAnswered(RigQueue queue, long[] at, int[] lengths, int readable) {
        int[] back = new int[1];
        Allocations.assertNone("a request", () -> {
            queue.offerRaw(at, lengths, readable, 1);
            queue.kickAnyway();
            back[0] += queue.reapRaw() >= 0 ? 1 : 0;
        });
        assertTrue(back[0] > 20_000, "answered " + back[0]);
        assertEquals(0, rig.guestErrors());
    }

    /** The buffer is held for a second, then the driver gives it again with other values. */
    @Test
    void statistics() {
        RigQueue queue = rig.driver().setUp(BalloonBench.SPLIT).queue(BalloonQueue.STATS.index());
        byte[] entries = new byte[10 * 10];
        for (int tag = 0; tag < 10; tag++) {
            entries[10 * tag] = (byte) tag;
        }
        put(entries);
        long[] at = {PLACE};
        int[] lengths = {entries.length};
        int[] back = new int[1];
        Allocations.assertNone("statistics", () -> {
            if (queue.outstanding() == 0) {
                queue.offerRaw(at, lengths, 1, 1);
                queue.kickAnyway();
            }
            rig.memory().put8(PLACE + 2, (byte) back[0]);
            rig.advance(BalloonBench.SECOND_NS);
            back[0] += queue.reapRaw() >= 0 ? 1 : 0;
        });
        assertTrue(back[0] > 20_000, "asked " + back[0]);
        assertEquals(0, rig.guestErrors());
    }

    @Test
    void targets() {
        rig.driver().setUp(BalloonBench.SPLIT);
        int[] round = new int[1];
        Allocations.assertNone("a target", () -> {
            round[0]++;
            rig.hostRequest(SupervisorRequestType.BALLOON, (round[0] & 0xFF) * (long) BalloonBench.PAGE);
        });
        assertTrue(rig.configChanges() > 20_000);
    }
}
