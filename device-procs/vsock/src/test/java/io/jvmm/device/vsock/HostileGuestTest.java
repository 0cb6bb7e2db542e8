package io.jvmm.device.vsock;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.TestSeed;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets no driver sends, and floods. */
@Timeout(60)
class HostileGuestTest {
    private static final int PORT = 52;

    private final VsockBench bench = new VsockBench();

    @BeforeEach
    void start() {
        bench.start(VsockBench.ALL);
        bench.listen(PORT);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private void error(GuestError expected) {
        assertTrue(bench.rig.guestErrors() > 0);
        assertEquals(expected.code(), bench.rig.lastGuestErrorCode());
    }

    private Packet with(int op, long srcCid, long dstCid, int type, int len, byte[] data) {
        return new Packet(srcCid, dstCid, 1024, PORT, len, type, op, 0, 1 << 16, 0, data);
    }

    @Test
    void aPacketShorterThanItsHeader() {
        bench.driver.queue(VsockBench.TX).offer(new byte[43], 0);
        bench.driver.queue(VsockBench.TX).kick();
        bench.settle();
        error(GuestError.SHORT_PACKET);
        bench.driver.queue(VsockBench.TX).offer(new byte[0], 100);
        bench.driver.queue(VsockBench.TX).kick();
        bench.settle();
        assertEquals(2, bench.rig.guestErrors());
        bench.expectNothing();
        assertEquals(0, bench.driver.queue(VsockBench.TX).outstanding());
    }

    @Test
    void aContextIdOfAnother() {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.send(with(Packet.RW, 4, 2, 1, 1, new byte[1]));
        error(GuestError.SOURCE_CID);
        bench.send(with(Packet.RST, 2, 2, 1, 0, new byte[0]));
        bench.send(with(Packet.REQUEST, VsockBench.CID, 9, 1, 0, new byte[0]));
        error(GuestError.DESTINATION_CID);
        bench.expectNothing();
        assertEquals("", host.read());
        assertFalse(host.ended());
    }

    /** §5.10.6.4: a type that is not known is answered with RST. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 3, 0xFFFF})
    void aTypeNobodyNegotiated(int type) {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.send(with(Packet.REQUEST, VsockBench.CID, 2, type, 0, new byte[0]));
        Packet answer = bench.need();
        assertEquals(Packet.RST, answer.op());
        assertEquals(type, answer.type() & 0xFFFF);
        bench.send(with(Packet.RST, VsockBench.CID, 2, type, 0, new byte[0]));
        bench.expectNothing();
        assertFalse(host.ended());
    }

    @ParameterizedTest
    @ValueSource(ints = {11, 1 << 16, Integer.MAX_VALUE, -1, Integer.MIN_VALUE})
    void aLengthThatLies(int len) {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.send(with(Packet.RW, VsockBench.CID, 2, 1, len, new byte[10]));
        error(GuestError.LENGTH);
        bench.expect(Packet.RST, 1024, PORT);
        assertTrue(host.ended());
    }

    @Test
    void moreDataThanItSaysIsLeftOut() {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.send(with(Packet.RW, VsockBench.CID, 2, 1, 3, "abcdef".getBytes(US_ASCII)));
        assertEquals("abc", host.read());
        bench.send(with(Packet.RW, VsockBench.CID, 2, 1, 0, "abcdef".getBytes(US_ASCII)));
        assertEquals("", host.read());
        bench.expectNothing();
    }

    /** A guest that sends without credit is cut off once the buffer it was told of is full; nothing else is touched. */
    @Test
    void moreThanItsCredit() {
        HostEnd other = bench.fromGuest(1025, PORT);
        HostEnd host = bench.fromGuest(1024, PORT);
        int packets = 0;
        while (bench.rig.guestErrors() == 0) {
            bench.send(bench.data(1024, PORT, new byte[16384]));
            assertTrue(++packets < 1000);
        }
        error(GuestError.CREDIT);
        while (bench.need().op() != Packet.RST) {
            // credit
        }
        bench.expectNothing();
        while (host.read(100_000).length > 0) {
            // what had reached the socket
        }
        assertTrue(host.ended());
        bench.send(bench.data(1025, PORT, new byte[5]));
        assertEquals(5, other.read(100).length);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 8, 255, 0xFFFF})
    void anOperationOutOfPlace(int op) {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.send(bench.packet(op, 1024, PORT, 0));
        error(op == 1 || op == 2 ? GuestError.STATE : GuestError.OPERATION);
        bench.expect(Packet.RST, 1024, PORT);
        assertTrue(host.ended());
        bench.send(bench.packet(op == 1 ? 7 : op, 1024, PORT, 0));
        bench.expect(Packet.RST, 1024, PORT); // no connection, no request
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @Test
    void anAnswerToARequestThatWasNotSentYet() {
        bench.starve();
        HostEnd client = bench.client();
        client.write("CONNECT 80\n");
        bench.settle();
        bench.send(bench.packet(Packet.RESPONSE, 80, 1 << 30, 0));
        error(GuestError.STATE);
        assertTrue(client.ended());
        bench.rxBuffers(8);
        bench.settle();
        bench.expect(Packet.RST, 80, 1 << 30);
    }

    /** Without receive buffers nothing is lost and nothing grows: the device takes no more packets until it can answer. */
    @Test
    void aFloodIsAnsweredWholeOnceThereAreBuffers() {
        bench.rxBuffers(0);
        RigQueue tx = bench.driver.queue(VsockBench.TX);
        int sent = 0;
        while (bench.driver.queue(VsockBench.RX).outstanding() > 0) {
            bench.send(bench.packet(Packet.RW, 5000 + sent, 9, 0));
            sent++;
        }
        for (int i = 0; i < 100_000 && tx.hasRoom(2); i++) {
            bench.send(bench.packet(Packet.RW, 5000 + sent, 9, 0));
            sent++;
        }
        assertTrue(sent >= 256 + 64, "sent " + sent);
        assertTrue(tx.outstanding() >= tx.size() - 1, "the device takes no more");
        bench.rxBuffers(64);
        bench.settle();
        for (int i = 0; i < sent; i++) {
            bench.expect(Packet.RST, 5000 + i, 9);
        }
        bench.expectNothing();
        assertEquals(0, tx.outstanding());
    }

    @Test
    void aFloodOfRequestsFillsTheTableAndIsRefused() {
        bench.supervisorAnswers = false;
        for (int i = 0; i < 1000; i++) {
            bench.send(bench.packet(Packet.REQUEST, 10_000 + i, PORT, 0));
        }
        for (int i = 64; i < 1000; i++) {
            bench.expect(Packet.RST, 10_000 + i, PORT);
        }
        bench.expectNothing();
        bench.supervisorAnswers = true;
        bench.settle();
        for (int i = 0; i < 64; i++) {
            bench.expect(Packet.RESPONSE, 10_000 + i, PORT);
        }
    }

    /** A guest that reads nothing of one connection gets the data of the others, and one packet of each in turn. */
    @Test
    void connectionsTakeTurns() {
        HostEnd[] ends = new HostEnd[3];
        for (int i = 0; i < 3; i++) {
            ends[i] = bench.fromGuest(1000 + i, PORT);
        }
        bench.starve();
        for (HostEnd end : ends) {
            end.write(new byte[50_000], 0, 50_000);
        }
        bench.settle();
        bench.rxBuffers(6);
        bench.settle();
        for (int i = 0; i < 12; i++) {
            bench.expect(Packet.RW, 1000 + i % 3, PORT);
        }
    }

    @Test
    void creditOfZeroIsAskedForOnce() {
        bench.send(new Packet(VsockBench.CID, 2, 1024, PORT, 0, 1, Packet.REQUEST, 0, 10, 0, new byte[0]));
        bench.expect(Packet.RESPONSE, 1024, PORT);
        HostEnd host = bench.accept(PORT);
        host.write("0123456789abcdef");
        bench.settle();
        assertEquals(10, bench.expect(Packet.RW, 1024, PORT).len());
        bench.expect(Packet.CREDIT_REQUEST, 1024, PORT);
        bench.expectNothing();
        bench.send(new Packet(VsockBench.CID, 2, 1024, PORT, 0, 1, Packet.CREDIT_UPDATE, 0, 10, 0, new byte[0]));
        bench.expectNothing();
        bench.send(new Packet(VsockBench.CID, 2, 1024, PORT, 0, 1, Packet.CREDIT_UPDATE, 0, 10, 4, new byte[0]));
        assertEquals("abcd", new String(bench.expect(Packet.RW, 1024, PORT).data(), US_ASCII));
        bench.expect(Packet.CREDIT_REQUEST, 1024, PORT);
        bench.expectNothing();
    }

    @Test
    void countersWrapAround() {
        HostEnd host = bench.fromGuest(1024, PORT);
        Connection connection = bench.device().switchboard().table().slot(0);
        connection.sentCnt = -10; // as after 4 GiB less ten bytes
        connection.fwdCnt = -10;
        connection.fwdCntTold = -10;
        bench.send(new Packet(VsockBench.CID, 2, 1024, PORT, 0, 1, Packet.CREDIT_UPDATE, 0, 100, -10, new byte[0]));
        host.write("x".repeat(150));
        bench.settle();
        assertEquals(100, bench.expect(Packet.RW, 1024, PORT).len());
        bench.expect(Packet.CREDIT_REQUEST, 1024, PORT);
        bench.send(new Packet(VsockBench.CID, 2, 1024, PORT, 20, 1, Packet.RW, 0, 100, 90, new byte[20]));
        Packet rest = bench.expect(Packet.RW, 1024, PORT);
        assertEquals(50, rest.len());
        assertEquals(10, rest.fwdCnt());
        assertEquals(0, bench.rig.guestErrors());
    }

    @Test
    void receiveBuffersThatAreTooShort() {
        HostEnd host = bench.fromGuest(1024, PORT);
        bench.starve();
        host.write("x");
        RigQueue rx = bench.driver.queue(VsockBench.RX);
        rx.offer(new byte[0], 44);
        rx.offer(new byte[10], 0);
        rx.offer(new byte[0][], 10, 34, 1); // cut into parts it is long enough
        rx.kick();
        bench.settle();
        error(GuestError.RECEIVE_BUFFER);
        assertEquals(2, bench.rig.guestErrors());
        assertEquals(1, bench.expect(Packet.RW, 1024, PORT).len());
    }

    /** Bytes that are nobody's packets: nothing throws, nothing stays. */
    @Test
    void noise() {
        long seed = TestSeed.next();
        bench.listen(PORT + 1);
        Random random = new Random(seed);
        int[] ports = {PORT, 1024, 1 << 30, -1};
        for (int i = 0; i < 30_000; i++) {
            byte[] data = new byte[random.nextInt(8) == 0 ? random.nextInt(3000) : 0];
            bench.post(new Packet(
                    random.nextInt(50) == 0 ? random.nextLong() : VsockBench.CID,
                    random.nextInt(50) == 0 ? random.nextLong() : 2,
                    1000 + random.nextInt(80),
                    ports[random.nextInt(ports.length)],
                    random.nextInt(10) == 0 ? random.nextInt() : data.length,
                    random.nextInt(50) == 0 ? random.nextInt() : 1,
                    random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(8),
                    random.nextInt(4),
                    random.nextInt(3) == 0 ? random.nextInt() : 1 << 16,
                    random.nextInt(3) == 0 ? random.nextInt() : 0,
                    data));
            if (random.nextInt(8) == 0) {
                bench.settle();
                while (bench.next() != null) {
                    // whatever it says
                }
            }
            if (random.nextInt(200) == 0) {
                bench.rig.advance(random.nextLong(3_000_000_000L));
            }
            if (random.nextInt(500) == 0) {
                HostEnd client = bench.client();
                client.write("CONNECT " + (1000 + random.nextInt(80)) + "\nnoise");
                bench.settle();
            }
        }
        bench.rig.advance(100_000_000_000L);
        bench.settle();
        bench.driver.reset();
        assertEquals(0, bench.device().switchboard().table().used());
        while (bench.next() != null) {
            // of the life before
        }
        bench.start(VsockBench.ALL);
        HostEnd host = bench.fromGuest(1024, PORT + 1);
        host.write("as ever");
        bench.settle();
        assertEquals(
                "as ever", new String(bench.expect(Packet.RW, 1024, PORT + 1).data(), US_ASCII));
    }
}
