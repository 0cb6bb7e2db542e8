package io.jvmm.device.vsock;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.Backend;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many connections and much data, with readers that are slow on both sides. */
@Timeout(120)
class TransferTest {
    private static final int STREAMS = 4;
    private static final long BYTES = 1 << 20;
    private static final int PORT = 52;

    /** A program of the host that sends, and reads a little now and then. */
    private static final class HostProgram {
        final HostEnd end;
        final CRC32C sentSum = new CRC32C();
        final CRC32C readSum = new CRC32C();
        private final Random random;
        private byte[] chunk = new byte[0];
        private int chunkDone;
        long toSend = BYTES;
        long read;

        HostProgram(HostEnd end, long seed) {
            this.end = end;
            this.random = new Random(seed);
        }

        void work() {
            if (chunkDone == chunk.length && toSend > 0) {
                chunk = new byte[(int) Math.min(toSend, 1 + random.nextInt(40_000))];
                random.nextBytes(chunk);
                chunkDone = 0;
                toSend -= chunk.length;
                sentSum.update(chunk);
            }
            if (chunkDone < chunk.length) {
                chunkDone += Math.max(0, end.write(chunk, chunkDone, chunk.length - chunkDone));
            }
            if (random.nextInt(4) == 0) {
                byte[] bytes = end.read(1 + random.nextInt(60_000));
                readSum.update(bytes);
                read += bytes.length;
            }
        }

        boolean sentAll() {
            return toSend == 0 && chunkDone == chunk.length;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, VsockBench.ALL})
    void muchDataBothWaysWithSlowReaders(long features) {
        try (VsockBench bench = new VsockBench().start(features)) {
            bench.listen(PORT);
            GuestStream[] guests = new GuestStream[STREAMS];
            HostProgram[] hosts = new HostProgram[STREAMS];
            for (int i = 0; i < STREAMS; i++) {
                guests[i] = new GuestStream(bench, 1000 + i, PORT, BYTES, i);
                guests[i].connect();
                bench.settle();
                hosts[i] = new HostProgram(bench.accept(PORT), 100 + i);
            }
            Random random = new Random(1);
            boolean done = false;
            while (!done) {
                done = true;
                for (int i = 0; i < STREAMS; i++) {
                    hosts[i].work();
                    guests[i].send();
                    guests[i].take(random.nextInt(5000));
                    done &= hosts[i].sentAll() && guests[i].sentAll();
                    done &= hosts[i].read == BYTES && guests[i].takenTotal() == BYTES;
                }
                bench.settle();
                deliver(bench, guests);
            }
            for (int i = 0; i < STREAMS; i++) {
                assertEquals(guests[i].sentSum(), hosts[i].readSum.getValue(), "guest to host, stream " + i);
                assertEquals(hosts[i].sentSum.getValue(), guests[i].takenSum(), "host to guest, stream " + i);
                assertFalse(guests[i].wasReset());
            }
            assertEquals(0, bench.rig.guestErrors());
            VsockState state = bench.device().switchboard().state();
            assertEquals(STREAMS * BYTES, state.counter(VsockState.BYTES_TO_GUEST));
            assertEquals(STREAMS * BYTES, state.counter(VsockState.BYTES_FROM_GUEST));
            assertEquals(
                    STREAMS * BYTES,
                    bench.rig.backends().stream().mapToLong(Backend::inputBytes).sum());
            assertEquals(
                    STREAMS * BYTES,
                    bench.rig.backends().stream()
                            .mapToLong(Backend::outputBytes)
                            .sum());
            bench.rig.killAndAdopt();
            assertEquals(
                    0,
                    bench.rig.backends().stream().mapToLong(Backend::inputBytes).sum(),
                    "since the process began");
            assertEquals(
                    0,
                    bench.rig.backends().stream()
                            .mapToLong(Backend::outputBytes)
                            .sum(),
                    "since the process began");
        }
    }

    private static void deliver(VsockBench bench, GuestStream[] guests) {
        Packet packet = bench.next();
        while (packet != null) {
            guests[packet.dstPort() - 1000].packet(packet);
            packet = bench.next();
        }
        bench.settle();
    }

    @Test
    void aThousandShortConnectionsOfTheHost() {
        try (VsockBench bench = new VsockBench().start(VsockBench.ALL)) {
            int[] port = new int[1];
            for (int i = 0; i < 1000; i++) {
                HostEnd client = bench.toGuest(80, port);
                client.write("request " + i);
                bench.settle();
                assertEquals(
                        "request " + i,
                        new String(bench.expect(Packet.RW, 80, port[0]).data(), US_ASCII));
                bench.post(bench.data(80, port[0], ("answer " + i).getBytes(US_ASCII)));
                bench.send(bench.packet(Packet.SHUTDOWN, 80, port[0], Packet.RCV | Packet.SEND));
                bench.expect(Packet.RST, 80, port[0]);
                assertEquals("answer " + i, client.read());
                assertTrue(client.ended());
                client.close();
            }
            assertEquals(0, bench.device().switchboard().table().used());
            assertEquals(1000, bench.device().switchboard().state().counter(VsockState.CONNECTIONS));
        }
    }

    @Test
    void aThousandShortConnectionsOfTheGuest() {
        try (VsockBench bench = new VsockBench().start(VsockBench.ALL)) {
            bench.listen(PORT);
            for (int i = 0; i < 1000; i++) {
                HostEnd host = bench.fromGuest(2000 + i, PORT);
                bench.send(bench.data(2000 + i, PORT, ("request " + i).getBytes(US_ASCII)));
                assertEquals("request " + i, host.read());
                host.write("answer " + i);
                host.close();
                bench.settle();
                assertEquals(
                        "answer " + i,
                        new String(bench.expect(Packet.RW, 2000 + i, PORT).data(), US_ASCII));
                bench.expect(Packet.SHUTDOWN, 2000 + i, PORT);
                bench.send(bench.packet(Packet.RST, 2000 + i, PORT, 0));
            }
            assertEquals(0, bench.device().switchboard().table().used());
            assertEquals(0, bench.rig.guestErrors());
        }
    }

    /** All at the same time: more requests than the connect channel takes unanswered. */
    @Test
    void manyAtOnce() {
        try (VsockBench bench = new VsockBench(Map.of("connections", "300")).start(VsockBench.ALL)) {
            bench.listen(PORT);
            bench.supervisorAnswers = false;
            for (int i = 0; i < 301; i++) {
                bench.send(bench.packet(Packet.REQUEST, 1000 + i, PORT, 0));
            }
            bench.expect(Packet.RST, 1300, PORT);
            bench.expectNothing();
            bench.supervisorAnswers = true;
            bench.settle();
            HostEnd[] ends = new HostEnd[300];
            for (int i = 0; i < 300; i++) {
                ends[i] = bench.accept(PORT);
                bench.expect(Packet.RESPONSE, 1000 + i, PORT);
            }
            HostEnd tooMany = bench.client();
            bench.settle();
            assertTrue(tooMany.ended(), "Firecracker: refused at its limit");
            for (int i = 0; i < 300; i++) {
                ends[i].write("x");
            }
            bench.settle();
            for (int i = 0; i < 300; i++) {
                bench.expect(Packet.RW, 1000 + i, PORT);
            }
            bench.expectNothing();
        }
    }
}
