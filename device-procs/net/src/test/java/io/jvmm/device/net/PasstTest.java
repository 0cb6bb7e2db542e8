package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The device and the real passt(1) (Debian package passt), in a network namespace whose only other interface leads nowhere: what
 * the guest sends to the gateway goes to the host's loopback.
 */
class PasstTest {
    private static final long PATIENCE_NS = 20_000_000_000L;
    private static final byte[] GUEST_IP = {10, 9, 8, 1};
    private static final byte[] GATEWAY_IP = {10, 9, 8, (byte) 254};
    private static final InetSocketAddress LOOPBACK = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 7000);

    @TempDir
    Path directory = Path.of("");

    /** What a test does with a guest that passt knows. */
    private interface Body {
        void run(NetRig net, GuestStack guest, Process passt) throws Exception;
    }

    private void withPasst(int mtu, String forward, Body body) throws Exception {
        Namespace.run(() -> {
            Fd nowhere = Namespace.tap(1, 1500)[0]; // any kernel has one, unlike a dummy interface
            Namespace.program("ip", "route", "add", "default", "via", "10.9.8.254");
            Path path = directory.resolve("passt.socket");
            List<String> command = List.of(
                    "passt",
                    "--foreground",
                    "--quiet",
                    "--one-off",
                    "--runas",
                    "0",
                    "--socket",
                    path.toString(),
                    "--mtu",
                    Integer.toString(mtu),
                    "--tcp-ports",
                    forward,
                    "--udp-ports",
                    "none");
            Process passt = start(command);
            try {
                UnixSocket socket = connect(path, passt);
                Map<String, String> config = new HashMap<>();
                config.put("0.backend", "passt");
                config.put("0.pairs", "1");
                config.put("0.mtu", Integer.toString(mtu));
                config.put("0.queue-size", "256");
                Map<String, Fd> descriptors = Map.of("0.passt", socket.fd());
                try (NetRig net = NetRig.over(config, descriptors, mtu)) {
                    net.driver().setUp(ALL);
                    body.run(net, new GuestStack(net, GUEST_IP), passt);
                }
            } finally {
                passt.destroyForcibly();
                passt.waitFor();
                nowhere.close();
            }
        });
    }

    private Process start(List<String> command) throws IOException {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("passt.log").toFile())
                    .start();
        } catch (IOException e) {
            throw new AssertionError("this test needs passt: apt-get install passt", e);
        }
    }

    private UnixSocket connect(Path path, Process passt) throws IOException {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (true) {
            try {
                return UnixSocket.connect(path);
            } catch (SysException e) {
                if (!passt.isAlive() || System.nanoTime() > endNs) {
                    throw new AssertionError("passt: " + Files.readString(directory.resolve("passt.log")), e);
                }
                Thread.onSpinWait();
            }
        }
    }

    private static void await(String what, GuestStack guest, BooleanSupplier condition) {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!condition.getAsBoolean()) {
            guest.turn(1);
            if (System.nanoTime() > endNs) {
                throw new AssertionError("never: " + what);
            }
        }
    }

    private static byte[] udp(int port, byte[] payload) {
        byte[] udp = Frames.udp(GUEST_IP, GATEWAY_IP, 4000, port, payload);
        return Frames.ethernet(
                Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(GUEST_IP, GATEWAY_IP, 17, 1, udp));
    }

    @Test
    void anAddressByDhcp() throws Exception {
        withPasst(1500, "none", (net, guest, passt) -> {
            ByteBuffer discover = ByteBuffer.allocate(300);
            discover.putInt(0x01010600).putInt(0x12345678).position(28);
            discover.put(Frames.GUEST_MAC).position(236);
            discover.putInt(0x63825363).put(new byte[] {53, 1, 1, (byte) 255});
            byte[] any = new byte[4];
            byte[] all = {-1, -1, -1, -1};
            byte[] udp = Frames.finishedUdp(any, all, 68, 67, discover.array());
            byte[] broadcast = {-1, -1, -1, -1, -1, -1};
            guest.transmit(
                    0,
                    NetRig.plain(),
                    Frames.ethernet(broadcast, Frames.GUEST_MAC, 0x0800, Frames.ipv4(any, all, 17, 1, udp)));
            await("an offer", guest, () -> !guest.datagrams.isEmpty());
            byte[] offer = guest.datagrams.getFirst();
            assertEquals(2, offer[0], "BOOTREPLY");
            assertArrayEquals(GUEST_IP, Arrays.copyOfRange(offer, 16, 20), "the host's own address");
        });
    }

    @Test
    void datagramsWithWorkLeftToDo() throws Exception {
        withPasst(1500, "none", (net, guest, passt) -> {
            try (DatagramChannel socket = DatagramChannel.open()) {
                socket.bind(LOOPBACK);
                socket.configureBlocking(false);
                guest.transmit(0, Frames.header(1, 0, 0, 0, 34, 6), udp(7000, Frames.pattern(700, 1)));
                guest.transmit(0, Frames.header(1, 5, 42, 1000, 34, 6), udp(7000, Frames.pattern(2500, 2)));
                InetSocketAddress[] from = new InetSocketAddress[1];
                for (int size : new int[] {700, 1000, 1000, 500}) {
                    ByteBuffer datagram = ByteBuffer.allocate(5000);
                    await("a datagram", guest, () -> (from[0] = received(socket, datagram)) != null);
                    assertEquals(size, datagram.position());
                }
                socket.send(ByteBuffer.wrap(Frames.pattern(1200, 9)), from[0]);
                await("the answer", guest, () -> !guest.datagrams.isEmpty());
                assertArrayEquals(Frames.pattern(1200, 9), guest.datagrams.getFirst());
            }
        });
    }

    /** A guest that sends to the host's loopback straight; passt itself would bring it there. */
    @Test
    void theLoopbackItselfIsOutOfReach() throws Exception {
        withPasst(1500, "none", (net, guest, passt) -> {
            try (DatagramChannel socket = DatagramChannel.open()) {
                socket.bind(LOOPBACK);
                socket.configureBlocking(false);
                for (byte[] target : new byte[][] {{127, 0, 0, 1}, {0, 0, 0, 0}}) {
                    byte[] udp = Frames.finishedUdp(GUEST_IP, target, 4000, 7000, Frames.pattern(700, 1));
                    guest.transmit(
                            0,
                            NetRig.plain(),
                            Frames.ethernet(
                                    Frames.HOST_MAC,
                                    Frames.GUEST_MAC,
                                    0x0800,
                                    Frames.ipv4(GUEST_IP, target, 17, 1, udp)));
                }
                // In order: what is for the gateway comes after them.
                guest.transmit(0, Frames.header(1, 0, 0, 0, 34, 6), udp(7000, Frames.pattern(50, 1)));
                ByteBuffer datagram = ByteBuffer.allocate(5000);
                await("a datagram", guest, () -> received(socket, datagram) != null);
                assertEquals(50, datagram.position());
            }
        });
    }

    private static InetSocketAddress received(DatagramChannel socket, ByteBuffer into) {
        try {
            return (InetSocketAddress) socket.receive(into);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A client on the host reaches a server in the guest through a forwarded port. */
    @Test
    void aTcpStreamIntoTheGuest() throws Exception {
        int port = freePort();
        for (int mtu : new int[] {1500, 65520}) {
            withPasst(mtu, port + ":80", (net, guest, passt) -> {
                // passt learns the guest's addresses from what it sends
                guest.transmit(0, Frames.header(1, 0, 0, 0, 34, 6), udp(9, new byte[10]));
                byte[] data = Frames.pattern(2_000_000, 5);
                try (SocketChannel socket = SocketChannel.open()) {
                    socket.connect(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
                    socket.configureBlocking(false);
                    ByteBuffer left = ByteBuffer.wrap(data);
                    await("all data sent", guest, () -> written(socket, left));
                    socket.shutdownOutput();
                    await("the end", guest, () -> guest.closed);
                }
                assertArrayEquals(data, guest.stream.toByteArray());
                assertEquals(0, guest.leftChecksums);
            });
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocketChannel socket = ServerSocketChannel.open()) {
            socket.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
            return ((InetSocketAddress) socket.getLocalAddress()).getPort();
        }
    }

    private static boolean written(SocketChannel socket, ByteBuffer left) {
        try {
            socket.write(left);
            return !left.hasRemaining();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void passtThatDiesTakesTheLinkDown() throws Exception {
        withPasst(1500, "none", (net, guest, passt) -> {
            assertEquals(1, net.driver().config(6, 2));
            passt.destroyForcibly();
            assertTrue(passt.waitFor(10, TimeUnit.SECONDS));
            await("link down", guest, () -> net.driver().config(6, 2) == 0);
            assertEquals(1, net.rig.hostEvents().size());
            guest.transmit(0, NetRig.plain(), NetRig.fromGuest(60, 1));
        });
    }
}
