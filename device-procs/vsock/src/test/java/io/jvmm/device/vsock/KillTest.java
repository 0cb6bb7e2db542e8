package io.jvmm.device.vsock;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process that dies at any step: its connections end, the guest is told, and everything else goes on. */
@Timeout(120)
class KillTest {
    private static final int PORT = 52;

    @Test
    void connectionsEndAndTheGuestIsTold() {
        try (VsockBench bench = new VsockBench().start(VsockBench.ALL)) {
            bench.listen(PORT);
            HostEnd host = bench.fromGuest(1024, PORT);
            int[] port = new int[1];
            HostEnd client = bench.toGuest(80, port);
            assertEquals(0, bench.takeEvents());
            bench.rig.killAndAdopt();
            assertTrue(host.ended());
            assertTrue(client.ended());
            bench.settle();
            assertEquals(1, bench.takeEvents(), "VIRTIO_VSOCK_EVENT_TRANSPORT_RESET");
            bench.send(bench.data(1024, PORT, new byte[10]));
            bench.expect(Packet.RST, 1024, PORT);
            int[] next = new int[1];
            bench.toGuest(80, next);
            assertTrue(next[0] > port[0], "no port the guest may still know");
            bench.fromGuest(1024, PORT);
            assertEquals(0, bench.takeEvents(), "told once");
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    @Test
    void theEventWaitsForABuffer() {
        try (VsockBench bench = new VsockBench()) {
            bench.driver.setUp(VsockBench.ALL);
            bench.rig.killAndAdopt();
            bench.rig.settle();
            bench.rig.killAndAdopt();
            bench.rig.settle();
            bench.driver.queue(VsockBench.EVENT).offer(new byte[0], 3);
            bench.driver.queue(VsockBench.EVENT).offer(new byte[8], 0);
            bench.driver.queue(VsockBench.EVENT).kick();
            bench.rig.settle();
            assertEquals(2, bench.rig.guestErrors());
            assertEquals(GuestError.EVENT_BUFFER.code(), bench.rig.lastGuestErrorCode());
            bench.driver.queue(VsockBench.EVENT).reap();
            bench.driver.queue(VsockBench.EVENT).reap();
            bench.driver.queue(VsockBench.EVENT).offer(new byte[0], 8);
            bench.driver.queue(VsockBench.EVENT).kick();
            bench.rig.settle();
            assertEquals(1, bench.takeEvents());
        }
    }

    /** Killed within any transaction: buffers come back once each (the rig checks it), connections work again afterwards. */
    @ParameterizedTest
    @ValueSource(longs = {0, RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void atAnyStep(long features) {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        try (VsockBench bench = new VsockBench().start(features)) {
            bench.listen(PORT);
            for (int life = 0; life < 300; life++) {
                int guestPort = 1000 + life;
                bench.post(bench.packet(Packet.REQUEST, guestPort, PORT, 0));
                for (int i = random.nextInt(3); i >= 0; i--) {
                    KillPoint[] points = KillPoint.values();
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.post(bench.data(guestPort, PORT, new byte[100]));
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.settle();
                }
                bench.rig.killAndAdopt();
                bench.settle();
                assertTrue(bench.takeEvents() >= 1, "life " + life);
                while (bench.next() != null) {
                    // of a connection that is no more
                }
                HostEnd host = bench.latest(guestPort + 10_000, PORT);
                bench.send(bench.data(guestPort + 10_000, PORT, ("life " + life).getBytes(US_ASCII)));
                assertEquals("life " + life, host.read());
                host.write("answer");
                bench.settle();
                assertEquals(
                        "answer",
                        new String(
                                bench.expect(Packet.RW, guestPort + 10_000, PORT)
                                        .data(),
                                US_ASCII));
                assertEquals(0, bench.driver.queue(VsockBench.TX).outstanding());
            }
        }
    }
}
