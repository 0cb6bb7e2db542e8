package io.jvmm.ipc.vsock;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The connect channel, against PROTOCOL.md "Vsock connect channel", with bytes written by hand at the other end. */
@Timeout(60)
class VsockConnectTest {
    private final UnixSocket.Pair pair = UnixSocket.seqPacketPair();

    @AfterEach
    void close() {
        pair.close();
    }

    private static byte[] hex(String text) {
        return HexFormat.of().parseHex(text.replace(" ", ""));
    }

    @Test
    void goldenBytesOfTheDevice() {
        VsockConnectClient client = new VsockConnectClient(pair.left().fd(), new SocketIo());
        assertFalse(client.next());
        assertTrue(client.ask(0x01020304, 0xFFFF_FFFE));
        assertArrayEquals(
                hex("01000000 04030201 feffffff 00000000"),
                pair.right().receive(100).bytes());
        assertTrue(client.tellClosed(0x8000_0001));
        assertArrayEquals(
                hex("02000000 01000080 00000000 00000000"),
                pair.right().receive(100).bytes());
        assertTrue(client.resume(7));
        assertArrayEquals(
                hex("03000000 07000000 00000000 00000000"),
                pair.right().receive(100).bytes());

        pair.right().send(hex("01000000 04030201 6f000000 00000000"));
        assertTrue(client.next());
        assertEquals(VsockConnectLayout.CONNECTED, client.what());
        assertEquals(0x01020304, client.id());
        assertEquals(Errno.ECONNREFUSED.number(), client.errno());
        assertEquals(SocketIo.NO_DESCRIPTOR, client.takeDescriptor());

        try (EventFd stream = EventFd.create()) {
            for (int what = VsockConnectLayout.CONNECTED; what <= VsockConnectLayout.HELD; what++) {
                pair.right().send(hex("0" + what + "000000 05000000 00000000 00000000"), List.of(stream.fd()));
                assertTrue(client.next());
                assertEquals(what, client.what());
                assertEquals(0, client.errno());
                try (EventFd came = EventFd.of(Fd.of(client.takeDescriptor()))) {
                    came.signal();
                }
                assertEquals(1, stream.drain());
            }
            pair.right().send(hex("01000000 06000000 02000000 00000000"), List.of(stream.fd()));
            assertTrue(client.next());
            assertEquals(SocketIo.NO_DESCRIPTOR, client.takeDescriptor(), "a refusal brings none");
            pair.right().send(hex("04000000 07000000 00000000 00000000"), List.of(stream.fd()));
            assertTrue(client.next());
            assertEquals(VsockConnectLayout.END, client.what());
            assertEquals(7, client.id());
            assertEquals(SocketIo.NO_DESCRIPTOR, client.takeDescriptor(), "nor does the end");
        }
        pair.right().send(hex("01000000 07000000 00000000 00000000"));
        assertTrue(client.next());
        assertEquals(Errno.EBADMSG.number(), client.errno(), "yes, and no descriptor");
        pair.right().send(hex("01000000 07000000 00"));
        pair.right().send(hex("01000000 08000000 01000000 00000000 00"));
        assertFalse(client.next(), "what is no message is skipped");
        assertFalse(client.closed());
        pair.right().close();
        assertFalse(client.next());
        assertTrue(client.closed());
        assertFalse(client.ask(1, 1));
    }

    @Test
    void goldenBytesOfTheSupervisor() {
        try (VsockConnectServer server = new VsockConnectServer(pair.right(), 4);
                EventFd stream = EventFd.create()) {
            assertEquals(VsockConnectServer.Next.NONE, server.next());
            pair.left().send(hex("01000000 04030201 00000080 00000000"));
            assertEquals(VsockConnectServer.Next.REQUEST, server.next());
            assertEquals(0x01020304, server.id());
            assertEquals("2147483648", Integer.toUnsignedString(server.port()));
            server.refuse(server.id(), Errno.ENOENT);
            assertArrayEquals(
                    hex("01000000 04030201 02000000 00000000"),
                    pair.left().receive(100).bytes());
            assertTrue(server.accept(7, stream.fd()));
            expect("01000000 07000000 00000000 00000000", 1);
            server.client(stream.fd().duplicate());
            expect("02000000 01000080 00000000 00000000", 1);
            assertEquals(2, server.held());

            pair.left().send(hex("03000000 2a000000 00000000 00000000"));
            assertEquals(VsockConnectServer.Next.DONE, server.next());
            expect("03000000 07000000 00000000 00000000", 1);
            expect("03000000 01000080 00000000 00000000", 1);
            expect("04000000 2a000000 00000000 00000000", 0);

            pair.left().send(hex("02000000 07000000 00000000 00000000"));
            assertEquals(VsockConnectServer.Next.DONE, server.next());
            pair.left().send(hex("02000000 07000000 00000000 00000000"));
            assertEquals(VsockConnectServer.Next.DONE, server.next(), "said twice, by a successor");
            assertEquals(1, server.held());
            for (String wrong : List.of(
                    "01000000 04030201 00000080 000000",
                    "01000000 04030201 00000080 00000000 00",
                    "01000000 04030281 00000080 00000000",
                    "04000000 04030201 00000080 00000000",
                    "00000000 04030201 00000080 00000000")) {
                pair.left().send(hex(wrong));
                assertEquals(VsockConnectServer.Next.VIOLATION, server.next(), wrong);
            }
            pair.left().send(hex("01000000 04030201 00000080 00000000"), List.of(stream.fd()));
            assertEquals(VsockConnectServer.Next.VIOLATION, server.next());
            pair.left().close();
            assertEquals(VsockConnectServer.Next.CLOSED, server.next());
        }
    }

    private void expect(String bytes, int descriptors) {
        UnixSocket.Received message = pair.left().receive(100);
        assertArrayEquals(hex(bytes), message.bytes());
        assertEquals(descriptors, message.fds().size());
        message.fds().forEach(Fd::close);
    }

    /** A device that asks, never lets go and never reads: what is held is bounded, and nothing waits for it. */
    @Test
    void aDeviceThatTakesAndTakes() {
        try (VsockConnectServer server = new VsockConnectServer(pair.right(), 4);
                EventFd stream = EventFd.create()) {
            for (int id = 1; id <= 10_000; id++) {
                assertEquals(id <= 4, server.accept(id, stream.fd()));
            }
            assertEquals(4, server.held());
            assertTrue(server.full());
            assertTrue(server.pending());
            VsockConnectClient client = new VsockConnectClient(pair.left().fd(), new SocketIo());
            int answers = 0;
            while (client.next()) {
                assertEquals(client.id() <= 4 ? 0 : Errno.EAGAIN.number(), client.errno());
                answers++;
                if (client.errno() == 0) {
                    SocketIo.close(client.takeDescriptor());
                }
                server.flush();
            }
            assertTrue(answers > 4000 && answers < 10_000, answers + " answers");
            assertFalse(server.pending());
        }
    }

    @Test
    void nothingIsAllocatedInTheDevice() {
        VsockConnectClient client = new VsockConnectClient(pair.left().fd(), new SocketIo());
        SocketIo io = new SocketIo();
        MemorySegment message = Arena.ofAuto().allocate(VsockConnectLayout.LENGTH_BYTES, Long.BYTES);
        int peer = pair.right().fd().number();
        try (EventFd stream = EventFd.create()) {
            Allocations.assertNone("a request and its answer", () -> {
                client.ask(1, 2);
                io.receiveMessage(peer, message, 0, VsockConnectLayout.LENGTH_BYTES);
                message.set(ValueLayout.JAVA_INT, VsockConnectLayout.VALUE, 0);
                io.sendMessage(
                        peer,
                        message,
                        0,
                        VsockConnectLayout.LENGTH_BYTES,
                        stream.fd().number());
                client.next();
                SocketIo.close(client.takeDescriptor());
            });
        }
    }
}
