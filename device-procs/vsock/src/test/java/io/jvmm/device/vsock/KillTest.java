package io.jvmm.device.vsock;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.TestSeed;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process that dies at any step: with memory that outlives it its connections go on; without they end, and the guest is told. */
@Timeout(120)
class KillTest {
    private static final int PORT = 52;

    @Test
    void withoutMemoryOfTheSupervisorConnectionsEndAndTheGuestIsTold() {
        try (VsockBench bench = new VsockBench(Map.of(), false).start(VsockBench.ALL)) {
            bench.listen(PORT);
            HostEnd host = bench.fromGuest(1024, PORT);
            int[] port = new int[1];
            HostEnd client = bench.toGuest(80, port);
            assertEquals(0, bench.takeEvents());
            bench.rig.killAndAdopt();
            bench.settle();
            assertTrue(host.ended());
            assertTrue(client.ended());
            assertEquals(0, bench.heldSockets());
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
        try (VsockBench bench = new VsockBench(Map.of(), false)) {
            bench.driver.setUp(VsockBench.ALL);
            bench.rig.killAndAdopt();
            bench.settleHost();
            bench.rig.killAndAdopt();
            bench.settleHost();
            bench.driver.queue(VsockBench.EVENT).offer(new byte[0], 3);
            bench.driver.queue(VsockBench.EVENT).offer(new byte[8], 0);
            bench.driver.queue(VsockBench.EVENT).kick();
            bench.settleHost();
            assertEquals(2, bench.rig.guestErrors());
            assertEquals(GuestError.EVENT_BUFFER.code(), bench.rig.lastGuestErrorCode());
            bench.driver.queue(VsockBench.EVENT).reap();
            bench.driver.queue(VsockBench.EVENT).reap();
            bench.driver.queue(VsockBench.EVENT).offer(new byte[0], 8);
            bench.driver.queue(VsockBench.EVENT).kick();
            bench.settleHost();
            assertEquals(1, bench.takeEvents());
        }
    }

    @Test
    void connectionsGoOn() {
        try (VsockBench bench = new VsockBench().start(VsockBench.ALL)) {
            bench.listen(PORT);
            HostEnd host = bench.fromGuest(1024, PORT);
            int[] port = new int[1];
            HostEnd client = bench.toGuest(80, port);
            HostEnd early = bench.client();
            bench.settle();
            assertEquals(3, bench.heldSockets());
            for (int i = 0; i < 3; i++) {
                bench.rig.killAndAdopt();
                bench.settle();
                bench.send(bench.data(1024, PORT, ("to the host " + i).getBytes(US_ASCII)));
                assertEquals("to the host " + i, host.read());
                bench.send(bench.data(80, port[0], ("to the client " + i).getBytes(US_ASCII)));
                assertEquals("to the client " + i, client.read());
                client.write("to the guest " + i);
                bench.settle();
                Packet packet = bench.expect(Packet.RW, 80, port[0]);
                assertEquals("to the guest " + i, new String(packet.data(), US_ASCII));
            }
            early.write("CONNECT 81\n");
            bench.settle();
            assertEquals(81, bench.need().dstPort());
            bench.send(bench.packet(Packet.SHUTDOWN, 1024, PORT, Packet.RCV | Packet.SEND));
            bench.rig.killAndAdopt();
            bench.settle();
            bench.expect(Packet.RST, 1024, PORT);
            assertTrue(host.ended());
            assertEquals(2, bench.heldSockets());
            assertEquals(0, bench.takeEvents());
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    /** Nobody will bring the sockets any more: their connections end, and their slots can be used again. */
    @Test
    void theSupervisorGoesBeforeItHasBroughtTheSockets() {
        try (VsockBench bench = new VsockBench().start(VsockBench.ALL)) {
            bench.listen(PORT);
            bench.fromGuest(1024, PORT);
            bench.supervisorAnswers = false;
            bench.post(bench.packet(Packet.REQUEST, 1025, PORT, 0));
            bench.rig.killAndAdopt();
            bench.settle();
            bench.expectNothing();
            bench.loseSupervisor();
            bench.settle();
            bench.expect(Packet.RST, 1024, PORT);
            bench.expect(Packet.RST, 1025, PORT);
            bench.settle();
            assertEquals(0, bench.device().switchboard().table().used());
        }
    }

    /** Killed within any transaction: buffers come back once each (the rig checks it), connections go on. */
    @ParameterizedTest
    @ValueSource(longs = {0, RigDriver.F_EVENT_IDX, VsockBench.ALL})
    void atAnyStep(long features) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        KillPoint[] points = KillPoint.values();
        try (VsockBench bench = new VsockBench().start(features)) {
            bench.listen(PORT);
            for (int life = 0; life < 300; life++) {
                int guestPort = 1000 + life;
                bench.post(bench.packet(Packet.REQUEST, guestPort, PORT, 0));
                bench.rig.kill(points[random.nextInt(points.length)]);
                bench.settle();
                bench.expect(Packet.RESPONSE, guestPort, PORT);
                HostEnd host = bench.accept(PORT);
                for (int i = 0; i < 3; i++) {
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.post(bench.data(guestPort, PORT, ("life " + life).getBytes(US_ASCII)));
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.settle();
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.settle();
                    assertEquals("life " + life, host.read());
                    host.write("answer");
                    bench.rig.kill(points[random.nextInt(points.length)]);
                    bench.settle();
                    Packet packet = bench.expect(Packet.RW, guestPort, PORT);
                    assertEquals("answer", new String(packet.data(), US_ASCII));
                }
                bench.rig.kill(points[random.nextInt(points.length)]);
                bench.post(bench.packet(Packet.SHUTDOWN, guestPort, PORT, Packet.RCV | Packet.SEND));
                bench.settle();
                bench.expect(Packet.RST, guestPort, PORT);
                bench.settle();
                assertTrue(host.ended());
                assertEquals(0, bench.driver.queue(VsockBench.TX).outstanding());
                assertEquals(0, bench.device().switchboard().table().used(), "life " + life);
                assertEquals(0, bench.heldSockets());
            }
            assertEquals(0, bench.takeEvents());
            assertEquals(0, bench.rig.guestErrors());
        }
    }
}
