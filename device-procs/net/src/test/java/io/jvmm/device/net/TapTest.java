package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.PACKED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The device on a real tap, with the host's kernel at the other end, in a network namespace of its own. Needs root, or
 * {@code unshare -Urn}.
 */
class TapTest {
    private static final long PATIENCE_NS = 20_000_000_000L;
    private static final InetSocketAddress HOST = new InetSocketAddress(InetAddress.ofLiteral("10.9.8.1"), 7000);
    private static final InetSocketAddress GUEST = new InetSocketAddress(InetAddress.ofLiteral("10.9.8.2"), 80);

    private static void await(String what, GuestStack guest, int pairs, BooleanSupplier condition) {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!condition.getAsBoolean()) {
            guest.turn(pairs);
            if (System.nanoTime() > endNs) {
                throw new AssertionError("never: " + what);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1500,1", "9000,1", "1500,2"})
    void arpAndEcho(int mtu, int pairs) throws Exception {
        Namespace.run(() -> {
            try (NetRig net = NetRig.over(Namespace.tap(pairs, mtu), mtu)) {
                net.driver().setUp(ALL);
                if (pairs > 1) {
                    assertEquals(0, net.command(4, 0, (byte) pairs, (byte) 0));
                }
                GuestStack guest = new GuestStack(net, Frames.GUEST_IP);
                Process ping = new ProcessBuilder("busybox", "ping", "-c", "3", "-i", "0.1", "-s", "1400", "10.9.8.2")
                        .redirectErrorStream(true)
                        .start();
                await("echoes", guest, pairs, () -> !ping.isAlive());
                String said = new String(ping.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
                assertTrue(ping.waitFor(1, TimeUnit.SECONDS) && ping.exitValue() == 0, said);
                assertEquals(3, guest.echoes);
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void datagramsWithWorkLeftToDo(boolean packed) throws Exception {
        Namespace.run(() -> {
            try (NetRig net = NetRig.over(Namespace.tap(1, 1500), 1500);
                    DatagramChannel socket = DatagramChannel.open()) {
                net.driver().setUp(packed ? PACKED : ALL);
                GuestStack guest = new GuestStack(net, Frames.GUEST_IP);
                socket.bind(HOST);
                socket.configureBlocking(false);
                guest.transmit(0, Frames.header(1, 0, 0, 0, 34, 6), udp(Frames.pattern(1000, 1)));
                guest.transmit(0, Frames.header(1, 5, 42, 1000, 34, 6), udp(Frames.pattern(2500, 2)));
                guest.transmit(0, Frames.header(1, 3, 42, 1472, 34, 6), udp(Frames.pattern(4000, 3)));
                int[] sizes = {1000, 1000, 1000, 500, 4000};
                for (int size : sizes) {
                    ByteBuffer datagram = ByteBuffer.allocate(5000);
                    await("a datagram", guest, 1, () -> received(socket, datagram));
                    assertEquals(size, datagram.position());
                }
                socket.send(ByteBuffer.wrap(Frames.pattern(1200, 9)), GUEST);
                await("a datagram in the guest", guest, 1, () -> !guest.datagrams.isEmpty());
                assertArrayEquals(Frames.pattern(1200, 9), guest.datagrams.getFirst());
            }
        });
    }

    private static byte[] udp(byte[] payload) {
        byte[] udp = Frames.udp(Frames.GUEST_IP, Frames.HOST_IP, 4000, 7000, payload);
        return Frames.ethernet(
                Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 17, 1, udp));
    }

    private static boolean received(DatagramChannel socket, ByteBuffer into) {
        try {
            return socket.receive(into) != null;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** With offloads frames come that are longer than the MTU; without, none, and every checksum is filled in. */
    @ParameterizedTest
    @CsvSource({"1500,true", "1500,false", "9000,true"})
    void aTcpStreamIntoTheGuest(int mtu, boolean offloads) throws Exception {
        Namespace.run(() -> {
            try (NetRig net = NetRig.over(Namespace.tap(1, mtu), mtu);
                    SocketChannel socket = SocketChannel.open()) {
                net.driver().setUp(offloads ? ALL : ALL & ~NetFeatures.GUEST_OFFLOADS);
                GuestStack guest = new GuestStack(net, Frames.GUEST_IP);
                byte[] data = Frames.pattern(3_000_000, 5);
                socket.configureBlocking(false);
                socket.connect(GUEST);
                await("a connection", guest, 1, () -> connected(socket));
                ByteBuffer left = ByteBuffer.wrap(data);
                await("all data sent", guest, 1, () -> written(socket, left));
                socket.shutdownOutput();
                await("the end", guest, 1, () -> guest.closed);
                assertArrayEquals(data, guest.stream.toByteArray());
                assertEquals(offloads, guest.largeFrames > 0, "large frames: " + guest.largeFrames);
                if (!offloads) {
                    assertEquals(0, guest.leftChecksums);
                }
            }
        });
    }

    private static boolean connected(SocketChannel socket) {
        try {
            return socket.finishConnect();
        } catch (IOException e) {
            throw new AssertionError(e);
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
    void offloadsSwitchedOffLater() throws Exception {
        Namespace.run(() -> {
            try (NetRig net = NetRig.over(Namespace.tap(1, 1500), 1500);
                    DatagramChannel socket = DatagramChannel.open()) {
                net.driver().setUp(ALL);
                GuestStack guest = new GuestStack(net, Frames.GUEST_IP);
                socket.bind(HOST);
                socket.send(ByteBuffer.wrap(Frames.pattern(100, 1)), GUEST);
                await("a datagram", guest, 1, () -> guest.datagrams.size() == 1);
                assertEquals(1, guest.leftChecksums, "the kernel leaves the checksum to whoever reads the tap");
                assertEquals(0, net.command(5, 0, new byte[8]));
                socket.send(ByteBuffer.wrap(Frames.pattern(100, 2)), GUEST);
                await("another", guest, 1, () -> guest.datagrams.size() == 2);
                assertEquals(1, guest.leftChecksums);
                assertEquals(1, guest.finishedChecksums);
            }
        });
    }

    /** Found when the guest sends, and as well when it only waits; and then the descriptor, which is in error for ever, is left alone. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aTapThatIsDeletedTakesTheLinkDown(boolean sends) throws Exception {
        Namespace.run(() -> {
            Fd[] taps = Namespace.tap(1, 1500);
            try (NetRig net = NetRig.over(taps, 1500)) {
                net.driver().setUp(ALL);
                GuestStack guest = new GuestStack(net, Frames.GUEST_IP);
                guest.turn(1);
                assertEquals(1, net.driver().config(6, 2));
                Namespace.program("ip", "link", "set", "tap0", "down");
                guest.transmit(0, NetRig.plain(), NetRig.fromGuest(60, 1));
                assertEquals(1, net.driver().config(6, 2), "an interface that is down loses frames, no more");
                net.driver().takeInterrupts(0);
                Namespace.program("ip", "link", "delete", "tap0");
                if (sends) {
                    guest.transmit(0, NetRig.plain(), NetRig.fromGuest(60, 1));
                } else {
                    net.rig.settle();
                }
                assertEquals(0, net.driver().config(6, 2));
                assertEquals(1, net.driver().takeInterrupts(0), "a change of the configuration");
                assertEquals(1, net.rig.hostEvents().size());
                long before = net.rig.commits();
                net.rig.settle();
                assertEquals(before + 1, net.rig.commits(), "one look, and rest");
            }
        });
    }
}
