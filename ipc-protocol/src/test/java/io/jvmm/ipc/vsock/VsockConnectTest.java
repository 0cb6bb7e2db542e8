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
        assertArrayEquals(hex("04030201 feffffff"), pair.right().receive(100).bytes());

        pair.right().send(hex("04030201 6f000000"));
        assertTrue(client.next());
        assertEquals(0x01020304, client.id());
        assertEquals(Errno.ECONNREFUSED.number(), client.errno());
        assertEquals(SocketIo.NO_DESCRIPTOR, client.takeDescriptor());

        try (EventFd stream = EventFd.create()) {
            pair.right().send(hex("05000000 00000000"), List.of(stream.fd()));
            assertTrue(client.next());
            assertEquals(0, client.errno());
            try (EventFd came = EventFd.of(Fd.of(client.takeDescriptor()))) {
                came.signal();
            }
            assertEquals(1, stream.drain());

            pair.right().send(hex("06000000 02000000"), List.of(stream.fd()));
            assertTrue(client.next());
            assertEquals(SocketIo.NO_DESCRIPTOR, client.takeDescriptor(), "a refusal brings none");
        }
        pair.right().send(hex("07000000 00000000"));
        assertTrue(client.next());
        assertEquals(Errno.EBADMSG.number(), client.errno(), "yes, and no descriptor");
        pair.right().send(hex("07000000 00"));
        pair.right().send(hex("08000000 01000000 00"));
        assertFalse(client.next(), "what is no reply is skipped");
        assertFalse(client.closed());
        pair.right().close();
        assertFalse(client.next());
        assertTrue(client.closed());
        assertFalse(client.ask(1, 1));
    }

    @Test
    void goldenBytesOfTheSupervisor() {
        try (VsockConnectServer server = new VsockConnectServer(pair.right());
                EventFd stream = EventFd.create()) {
            assertEquals(VsockConnectServer.Next.NONE, server.next());
            pair.left().send(hex("04030201 00000080"));
            assertEquals(VsockConnectServer.Next.REQUEST, server.next());
            assertEquals(0x01020304, server.id());
            assertEquals("2147483648", Integer.toUnsignedString(server.port()));
            assertTrue(server.refuse(server.id(), Errno.ENOENT));
            assertArrayEquals(hex("04030201 02000000"), pair.left().receive(100).bytes());
            assertTrue(server.accept(7, stream.fd()));
            UnixSocket.Received reply = pair.left().receive(100);
            assertArrayEquals(hex("07000000 00000000"), reply.bytes());
            assertEquals(1, reply.fds().size());
            reply.fds().getFirst().close();

            pair.left().send(hex("04030201 000000"));
            assertEquals(VsockConnectServer.Next.VIOLATION, server.next());
            pair.left().send(hex("04030201 00000080 00"));
            assertEquals(VsockConnectServer.Next.VIOLATION, server.next());
            pair.left().send(hex("04030201 00000080"), List.of(stream.fd()));
            assertEquals(VsockConnectServer.Next.VIOLATION, server.next());
            int taken = 0;
            while (server.refuse(1, Errno.EAGAIN)) {
                taken++; // a device that does not read: the supervisor does not wait
            }
            assertTrue(taken >= VsockConnectLayout.MAX_OUTSTANDING, "replies that fit: " + taken);
            pair.left().close();
            assertEquals(VsockConnectServer.Next.CLOSED, server.next());
        }
    }

    @Test
    void nothingIsAllocated() {
        try (VsockConnectServer server = new VsockConnectServer(pair.right());
                EventFd stream = EventFd.create()) {
            VsockConnectClient client = new VsockConnectClient(pair.left().fd(), new SocketIo());
            Allocations.assertNone("a request and its answer", () -> {
                client.ask(1, 2);
                server.next();
                server.accept(server.id(), stream.fd());
                client.next();
                SocketIo.close(client.takeDescriptor());
            });
        }
    }
}
