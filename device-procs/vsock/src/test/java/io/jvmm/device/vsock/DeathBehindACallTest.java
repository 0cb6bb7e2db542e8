package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.TestSeed;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A process that dies right behind a system call that has moved bytes, or at any end of a transaction, thousands of times while data
 * flows both ways: no byte is lost and none comes twice. Whole processes are killed in {@code ChaosIT}.
 */
@Timeout(180)
class DeathBehindACallTest {
    private static final int STREAMS = 3;
    private static final int BYTES = 3 << 20;
    private static final int PORT = 52;

    /** The process is no more. */
    private static final class Death extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final long seed = TestSeed.next();
    private final Random random = new Random(seed);
    private final VsockBench bench = new VsockBench();
    private int within = 60;
    private int deaths;

    /** A program of the host. */
    private final class Program {
        final HostEnd end;
        final CRC32C sentSum = new CRC32C();
        final CRC32C readSum = new CRC32C();
        private byte[] chunk = new byte[0];
        private int done;
        int toSend = BYTES;
        int read;

        Program(HostEnd end) {
            this.end = end;
        }

        void work() {
            if (done == chunk.length && toSend > 0) {
                chunk = new byte[Math.min(toSend, 1 + random.nextInt(40_000))];
                random.nextBytes(chunk);
                done = 0;
                toSend -= chunk.length;
                sentSum.update(chunk);
            }
            if (done < chunk.length) {
                done += Math.max(0, end.write(chunk, done, chunk.length - done));
            }
            if (random.nextInt(3) == 0) {
                byte[] bytes = end.read(1 + random.nextInt(200_000));
                readSum.update(bytes);
                read += bytes.length;
            }
        }
    }

    private void arm() {
        int[] calls = {1 + random.nextInt(within)};
        bench.device().switchboard().book().journal().afterCall(() -> {
            if (--calls[0] == 0) {
                throw new Death();
            }
        });
        KillPoint[] points = KillPoint.values();
        if (random.nextInt(3) == 0) {
            bench.rig.kill(points[random.nextInt(points.length)]);
        }
    }

    /** Does something that the process may not survive, and arms its successor. */
    private void survive(Runnable what) {
        VsockDevice device = bench.device();
        try {
            what.run();
        } catch (Death e) {
            deaths++;
            bench.rig.killAndAdopt();
        }
        if (bench.device() != device) {
            arm();
        }
    }

    /** Until a process has come to rest alive. */
    private void settle() {
        VsockDevice device;
        do {
            device = bench.device();
            survive(bench::settle);
        } while (bench.device() != device);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, VsockBench.ALL})
    void bytesBothWays(long features) {
        bench.start(features);
        bench.listen(PORT);
        GuestStream[] guests = new GuestStream[STREAMS];
        Program[] hosts = new Program[STREAMS];
        for (int i = 0; i < STREAMS; i++) {
            guests[i] = new GuestStream(bench, 1000 + i, PORT, BYTES, i);
            guests[i].connect();
            bench.settle();
            hosts[i] = new Program(bench.accept(PORT));
        }
        arm();
        boolean finished = false;
        while (!finished) {
            finished = true;
            for (int i = 0; i < STREAMS; i++) {
                int stream = i;
                hosts[i].work();
                survive(guests[stream]::send);
                survive(() -> guests[stream].take(random.nextInt(60_000)));
                finished &= guests[i].sentAll() && hosts[i].read == BYTES && guests[i].takenTotal() == BYTES;
            }
            settle();
            for (Packet packet = bench.next(); packet != null; packet = bench.next()) {
                Packet now = packet;
                survive(() -> guests[now.dstPort() - 1000].packet(now));
            }
        }
        System.out.println(deaths + " deaths behind a call");
        assertTrue(deaths > 50, deaths + " deaths");
        for (int i = 0; i < STREAMS; i++) {
            assertEquals(guests[i].sentSum(), hosts[i].readSum.getValue(), "guest to host, stream " + i);
            assertEquals(hosts[i].sentSum.getValue(), guests[i].takenSum(), "host to guest, stream " + i);
            assertFalse(guests[i].wasReset());
        }
        assertEquals(0, bench.rig.guestErrors());
        bench.close();
    }

    /** The line, the answer to it and the bytes behind both. */
    @Test
    void clientsOfTheHost() {
        bench.start(VsockBench.ALL);
        within = 5;
        for (int life = 0; life < 300; life++) {
            arm();
            HostEnd client = bench.client();
            client.write("CONNECT 80\nfirst");
            settle();
            Packet request = bench.need();
            assertEquals(Packet.REQUEST, request.op());
            int port = request.srcPort();
            survive(() -> bench.post(bench.packet(Packet.RESPONSE, 80, port, 0)));
            survive(() -> bench.post(bench.data(80, port, new byte[] {'a', 'b'})));
            settle();
            assertEquals(
                    "first",
                    new String(bench.expect(Packet.RW, 80, port).data(), java.nio.charset.StandardCharsets.US_ASCII));
            survive(() -> bench.post(bench.packet(Packet.SHUTDOWN, 80, port, Packet.RCV | Packet.SEND)));
            settle();
            bench.expect(Packet.RST, 80, port);
            settle();
            assertEquals("OK " + port + "\nab", client.read());
            assertTrue(client.ended());
            client.close();
            bench.settle();
            assertEquals(0, bench.heldSockets(), "life " + life);
        }
        assertTrue(deaths > 50, deaths + " deaths");
        bench.close();
    }
}
