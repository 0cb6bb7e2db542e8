package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a driver and the programs of the host see: virtio 1.2 §5.10 with the bytes a driver sends, Firecracker's convention. */
@Timeout(60)
class VsockDeviceTest {
    private static final long SECOND = 1_000_000_000L;

    private final VsockBench bench = new VsockBench();

    @AfterEach
    void close() {
        bench.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(Packet packet) {
        return new String(packet.data(), StandardCharsets.ISO_8859_1);
    }

    @Test
    void clause5_10_4_configuration() {
        bench.start(VsockBench.ALL);
        assertEquals(VsockBench.CID, bench.driver.config(0, 8));
        assertEquals(VsockBench.CID, bench.driver.config(0, 4));
        assertEquals(0, bench.driver.config(4, 4));
        assertEquals(3, bench.driver.queueCount());
        assertEquals(1, bench.driver.deviceFeatures() & 0xFF_FFFF, "streams only");
    }

    /** The bytes Linux's driver sends for connect() of port 1024 to port 52 of the host, and those it gets. */
    @ParameterizedTest
    @ValueSource(longs = {0, VsockBench.ALL, RigDriver.F_RING_PACKED, RigDriver.F_EVENT_IDX})
    void theGuestReachesTheHost(long features) {
        bench.start(features);
        bench.listen(52);
        String request =
                "0500000000000000 0200000000000000 00040000 34000000 00000000 0100 0100 00000000 00000400 00000000";
        bench.driver.queue(VsockBench.TX).offer(HexFormat.of().parseHex(request.replace(" ", "")), 0);
        bench.driver.queue(VsockBench.TX).kick();
        bench.settle();
        Packet response = bench.need();
        String expected =
                "0200000000000000 0500000000000000 34000000 00040000 00000000 0100 0200 00000000 00000100 00000000";
        assertArrayEquals(HexFormat.of().parseHex(expected.replace(" ", "")), response.bytes());
        HostEnd host = bench.accept(52);
        bench.send(bench.data(1024, 52, bytes("hello")));
        assertEquals("hello", host.read());
        host.write("world");
        bench.settle();
        Packet data = bench.expect(Packet.RW, 1024, 52);
        assertEquals("world", text(data));
        assertEquals(65536, data.bufAlloc());
        assertEquals(5, data.fwdCnt());
        bench.expectNothing();
        assertEquals(0, bench.rig.guestErrors());
    }

    @Test
    void theHostReachesTheGuest() {
        bench.start(VsockBench.ALL);
        HostEnd client = bench.client();
        client.write("CONN");
        bench.settle();
        bench.expectNothing();
        client.write("ECT 52\nfirst");
        bench.settle();
        Packet request = bench.expect(Packet.REQUEST, 52, 1 << 30);
        assertEquals(65536, request.bufAlloc());
        assertEquals("", client.read());
        bench.send(bench.packet(Packet.RESPONSE, 52, 1 << 30, 0));
        assertEquals("OK 1073741824\n", client.read());
        assertEquals("first", text(bench.expect(Packet.RW, 52, 1 << 30)), "what came with the line");
        bench.send(bench.data(52, 1 << 30, bytes("answer")));
        assertEquals("answer", client.read());
        int[] port = new int[1];
        bench.toGuest(52, port);
        assertEquals((1 << 30) + 1, port[0], "the next port");
    }

    @Test
    void nobodyListens() {
        bench.start(VsockBench.ALL);
        bench.send(bench.packet(Packet.REQUEST, 1024, 99, 0));
        bench.expect(Packet.RST, 1024, 99);
        HostEnd client = bench.client();
        client.write("CONNECT 77\n");
        bench.settle();
        bench.expect(Packet.REQUEST, 77, 1 << 30);
        bench.send(bench.packet(Packet.RST, 77, 1 << 30, 0));
        assertTrue(client.ended(), "Firecracker: terminate the host connection");
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.1\n", "CONNECT fifty\n", "CONNECT 11111111111111111111111111111111111\n"})
    void aClientThatSaysSomethingElseIsLeft(String line) {
        bench.start(VsockBench.ALL);
        HostEnd client = bench.client();
        client.write(line);
        bench.settle();
        assertTrue(client.ended());
        bench.expectNothing();
    }

    @Test
    void aClientThatSaysNothingOrGoesIsLeft() {
        bench.start(VsockBench.ALL);
        HostEnd silent = bench.client();
        bench.client().close();
        HostEnd gone = bench.client();
        gone.write("CONNECT 5");
        gone.close();
        bench.settle();
        bench.rig.advance(59 * SECOND);
        assertEquals(1, bench.device().switchboard().table().used());
        assertFalse(silent.ended());
        bench.rig.advance(2 * SECOND);
        assertTrue(silent.ended());
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @Test
    void withoutADriverNobodyListensInTheGuest() {
        HostEnd client = bench.client();
        bench.settleHost();
        assertFalse(client.ended(), "it has not said where to yet");
        client.write("CONNECT 52\n");
        bench.settleHost();
        assertTrue(client.ended());
    }

    @Test
    void aGuestThatDoesNotAnswer() {
        bench.start(VsockBench.ALL);
        HostEnd client = bench.client();
        client.write("CONNECT 52\n");
        bench.settle();
        bench.expect(Packet.REQUEST, 52, 1 << 30);
        bench.rig.advance(2 * SECOND);
        bench.settle();
        bench.expect(Packet.RST, 52, 1 << 30);
        assertTrue(client.ended());
        bench.send(bench.packet(Packet.RESPONSE, 52, 1 << 30, 0));
        bench.expect(Packet.RST, 52, 1 << 30);
    }

    @Test
    void aSupervisorThatDoesNotAnswerOrAnswersLate() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        bench.supervisorAnswers = false;
        bench.send(bench.packet(Packet.REQUEST, 1024, 52, 0));
        bench.expectNothing();
        bench.rig.advance(2 * SECOND);
        bench.settle();
        bench.expect(Packet.RST, 1024, 52);
        bench.supervisorAnswers = true;
        bench.settle();
        bench.expectNothing();
        assertTrue(bench.accept(52).ended(), "closed as soon as it came");
        bench.fromGuest(1024, 52);
        bench.loseSupervisor();
        bench.settle();
        bench.send(bench.packet(Packet.REQUEST, 1025, 52, 0));
        bench.expect(Packet.RST, 1025, 52);
        assertEquals(1, bench.rig.hostEvents().size());
        bench.send(bench.data(1024, 52, bytes("goes on")));
        bench.expectNothing();
    }

    /** §5.10.6.5: SHUTDOWN of both directions is answered with RST, after what was sent has been passed on. */
    @Test
    void theGuestCloses() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        bench.post(bench.data(1024, 52, bytes("last words")));
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.RCV | Packet.SEND));
        bench.expect(Packet.RST, 1024, 52);
        assertEquals("last words", host.read());
        assertTrue(host.ended());
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @Test
    void theGuestHalfCloses() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        bench.post(bench.data(1024, 52, bytes("question")));
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.SEND));
        assertEquals("question", host.read());
        assertTrue(host.ended());
        host.write("answer");
        bench.settle();
        assertEquals("answer", text(bench.expect(Packet.RW, 1024, 52)));
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.RCV));
        bench.expect(Packet.RST, 1024, 52);
    }

    @Test
    void theGuestReceivesNoMore() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.RCV));
        assertEquals(-32, host.write(bytes("x"), 0, 1), "EPIPE");
        bench.send(bench.data(1024, 52, bytes("still")));
        assertEquals("still", host.read());
        bench.expectNothing();
    }

    @Test
    void theHostCloses() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        host.write("last words");
        host.close();
        bench.settle();
        assertEquals("last words", text(bench.expect(Packet.RW, 1024, 52)));
        assertEquals(
                Packet.RCV | Packet.SEND,
                bench.expect(Packet.SHUTDOWN, 1024, 52).flags());
        bench.send(bench.packet(Packet.RST, 1024, 52, 0));
        bench.expectNothing();
        assertEquals(0, bench.device().switchboard().table().used());
    }

    @Test
    void theHostHalfCloses() {
        bench.start(VsockBench.ALL);
        int[] port = new int[1];
        HostEnd client = bench.toGuest(52, port);
        client.write("question");
        client.shutdownSending();
        bench.settle();
        assertEquals("question", text(bench.expect(Packet.RW, 52, port[0])));
        assertEquals(Packet.SEND, bench.expect(Packet.SHUTDOWN, 52, port[0]).flags());
        bench.send(bench.data(52, port[0], bytes("answer")));
        assertEquals("answer", client.read());
        bench.rig.advance(60 * SECOND);
        bench.expectNothing();
        client.close();
        bench.settle();
        assertEquals(
                Packet.RCV | Packet.SEND,
                bench.expect(Packet.SHUTDOWN, 52, port[0]).flags());
        bench.rig.advance(9 * SECOND);
        bench.settle();
        bench.expect(Packet.RST, 52, port[0]);
        assertEquals(0, bench.device().switchboard().table().used(), "a guest that does not answer SHUTDOWN");
    }

    @Test
    void theHostReceivesNoMore() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        host.shutdownReceiving();
        bench.send(bench.data(1024, 52, bytes("to nobody")));
        assertEquals(Packet.RCV, bench.expect(Packet.SHUTDOWN, 1024, 52).flags());
        host.write("still");
        bench.settle();
        assertEquals("still", text(bench.expect(Packet.RW, 1024, 52)));
    }

    /** A slow host: what the guest had sent before it closed arrives, although the guest has gone. */
    @Test
    void whatTheGuestSentArrivesAfterItsEnd() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        int sent = 0;
        while (bench.device().switchboard().table().slot(0).bufferCount < 40_000) {
            bench.send(bench.data(1024, 52, new byte[8192]));
            sent += 8192;
        }
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.RCV | Packet.SEND));
        while (bench.need().op() != Packet.RST) {
            // credit
        }
        bench.expectNothing();
        HostEnd again = bench.fromGuest(1024, 52); // the same ports, at once
        bench.rig.advance(20 * SECOND);
        int got = 0;
        while (!host.ended() || got == 0) {
            got += host.read(10_000).length;
            bench.settle();
        }
        assertTrue(got <= sent);
        bench.send(bench.data(1024, 52, bytes("new")));
        assertEquals("new", again.read());
    }

    @Test
    void aHostThatNeverReadsDoesNotKeepItsPlace() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        while (bench.device().switchboard().table().slot(0).bufferCount < 40_000) {
            bench.send(bench.data(1024, 52, new byte[8192]));
        }
        bench.send(bench.packet(Packet.SHUTDOWN, 1024, 52, Packet.RCV | Packet.SEND));
        assertEquals(1, bench.device().switchboard().table().used());
        bench.rig.advance(31 * SECOND);
        assertEquals(0, bench.device().switchboard().table().used());
        while (host.read(100_000).length > 0) {
            // what the socket held
        }
        assertTrue(host.ended());
    }

    @Test
    void aResetOfTheDeviceEndsEverything() {
        bench.start(VsockBench.ALL);
        bench.listen(52);
        HostEnd host = bench.fromGuest(1024, 52);
        HostEnd handshake = bench.client();
        bench.settle();
        bench.driver.reset();
        assertTrue(host.ended());
        assertFalse(handshake.ended());
        bench.start(VsockBench.ALL);
        assertEquals(0, bench.takeEvents(), "a new driver knows of no connection");
        bench.send(bench.data(1024, 52, bytes("x")));
        bench.expect(Packet.RST, 1024, 52);
        handshake.write("CONNECT 52\n");
        bench.settle();
        bench.expect(Packet.REQUEST, 52, 1 << 30);
    }
}
