package io.jvmm.device.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.message.SupervisorRequestType;
import org.junit.jupiter.api.Test;

/** Bytes both ways, and what the control queues say: nothing is allocated for any of it. */
class ConsoleAllocationTest {
    private static final long PLACE = 3 << 20;
    private static final int MESSAGE_BYTES = 8;

    @Test
    void bytesToTheHost() {
        try (ConsoleBench bench = new ConsoleBench(2)) {
            bench.setUp(ConsoleBench.SPLIT);
            RigQueue queue = bench.queue(ConsoleBench.tx(0));
            long[] at = {PLACE};
            int[] length = {3};
            int[] seen = new int[1];
            Allocations.assertNone("three bytes of output", () -> {
                queue.offerRaw(at, length, 1, 1);
                queue.kickAnyway();
                bench.rig.settle();
                queue.reapRaw();
                seen[0] += bench.drain(0);
            });
            assertTrue(seen[0] > 60_000, "seen " + seen[0]);
        }
    }

    @Test
    void bytesToTheGuest() {
        try (ConsoleBench bench = new ConsoleBench(2)) {
            bench.setUp(ConsoleBench.SPLIT);
            bench.announce(2);
            RigQueue queue = bench.queue(ConsoleBench.rx(1));
            long[] at = {PLACE};
            int[] length = {64};
            int[] heard = new int[1];
            Allocations.assertNone("five bytes of input", () -> {
                queue.offerRaw(at, length, 0, 1);
                queue.kickAnyway();
                bench.typeAnything(1, 5);
                bench.rig.settle();
                heard[0] += queue.reapRaw() >= 0 ? (int) queue.lastLength() : 0;
            });
            assertTrue(heard[0] > 100_000, "heard " + heard[0]);
        }
    }

    /** The driver opens and closes a port; the terminal changes its size, of which the driver is told. */
    @Test
    void controlMessages() {
        try (ConsoleBench bench = new ConsoleBench(2)) {
            bench.setUp(ConsoleBench.SPLIT);
            bench.announce(2);
            bench.told();
            long message = PLACE;
            bench.rig.memory().put32(message, 1);
            bench.rig.memory().put16(message + 4, (short) ControlMessage.EVENT_PORT_OPEN);
            RigQueue out = bench.queue(ConsoleBench.CONTROL_TX);
            RigQueue in = bench.queue(ConsoleBench.CONTROL_RX);
            for (int size = 1; in.outstanding() > 0; size++) {
                assertTrue(size < 100, "the buffers of before");
                bench.rig.hostRequest(SupervisorRequestType.RESIZE, size);
                in.reap();
            }
            long[] outAt = {message};
            int[] outLength = {MESSAGE_BYTES};
            long[] inAt = {message + 64};
            int[] inLength = {64};
            int[] round = new int[2];
            Allocations.assertNone("a message each way", () -> {
                round[0]++;
                bench.rig.memory().put16(message + 6, (short) (round[0] & 1));
                out.offerRaw(outAt, outLength, 1, 1);
                out.kickAnyway();
                in.offerRaw(inAt, inLength, 0, 1);
                in.kickAnyway();
                bench.rig.hostRequest(SupervisorRequestType.RESIZE, 200L + (round[0] & 0xFF));
                bench.rig.settle();
                out.reapRaw();
                round[1] += in.reapRaw() >= 0 ? 1 : 0;
            });
            assertTrue(round[1] > 20_000, "told " + round[1]);
            assertEquals(0, bench.rig.guestErrors());
        }
    }
}
