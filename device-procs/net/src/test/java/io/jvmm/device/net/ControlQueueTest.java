package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.forGuest;
import static io.jvmm.device.net.NetRig.fromGuest;
import static io.jvmm.device.net.NetRig.plain;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Virtio 1.2 §5.1.6.5: the commands, what they change, and what is refused. */
class ControlQueueTest {
    private static final int OK = 0;
    private static final int ERR = 1;
    private static final byte[] BROADCAST = HexFormat.of().parseHex("ffffffffffff");
    private static final byte[] MULTICAST = HexFormat.of().parseHex("333300000001");
    private static final byte[] STRANGER = HexFormat.of().parseHex("0200000000aa");

    private static boolean arrives(NetRig net, byte[] destination) {
        byte[] frame = Frames.ethernet(destination, Frames.HOST_MAC, 0x0806, new byte[46]);
        return arrivesFrame(net, frame);
    }

    private static boolean arrivesFrame(NetRig net, byte[] frame) {
        net.offerReceive(0, 1, 1600);
        net.arrive(0, plain(), frame);
        return net.received(0).size() == 1;
    }

    private static byte[] table(byte[][] unicast, byte[][] multicast) {
        ByteBuffer data = ByteBuffer.allocate(8 + 6 * (unicast.length + multicast.length));
        data.order(ByteOrder.LITTLE_ENDIAN).putInt(unicast.length);
        for (byte[] mac : unicast) {
            data.put(mac);
        }
        data.putInt(multicast.length);
        for (byte[] mac : multicast) {
            data.put(mac);
        }
        return data.array();
    }

    private static NetRig started(String... entries) {
        NetRig net = NetRig.tap(entries);
        net.driver().setUp(ALL);
        return net;
    }

    @Test
    void section51651ModesOfReceiving() {
        try (NetRig net = started()) {
            assertTrue(arrives(net, STRANGER), "promiscuous until the driver filters");
            assertEquals(OK, net.command(0, 0, (byte) 0));
            assertTrue(!arrives(net, STRANGER));
            assertTrue(!arrives(net, MULTICAST));
            assertTrue(arrives(net, BROADCAST));
            assertTrue(arrives(net, Frames.GUEST_MAC));
            assertEquals(OK, net.command(0, 1, (byte) 1));
            assertTrue(arrives(net, MULTICAST), "ALLMULTI");
            assertEquals(OK, net.command(0, 3, (byte) 1));
            assertTrue(!arrives(net, MULTICAST), "NOMULTI");
            assertEquals(OK, net.command(0, 2, (byte) 1));
            assertTrue(arrives(net, STRANGER), "ALLUNI");
            assertEquals(OK, net.command(0, 4, (byte) 1));
            assertTrue(!arrives(net, Frames.GUEST_MAC), "NOUNI");
            assertEquals(OK, net.command(0, 5, (byte) 1));
            assertTrue(!arrives(net, BROADCAST), "NOBCAST");
            assertEquals(OK, net.command(0, 0, (byte) 1));
            assertTrue(arrives(net, MULTICAST) && arrives(net, BROADCAST) && arrives(net, STRANGER), "PROMISC");
            assertEquals(ERR, net.command(0, 6, (byte) 1));
        }
    }

    @Test
    void section51652AddressTables() {
        try (NetRig net = started()) {
            net.command(0, 0, (byte) 0);
            assertEquals(OK, net.command(1, 0, table(new byte[][] {STRANGER}, new byte[][] {MULTICAST})));
            assertTrue(arrives(net, STRANGER) && arrives(net, MULTICAST) && arrives(net, Frames.GUEST_MAC));
            assertEquals(OK, net.command(1, 0, table(new byte[0][], new byte[0][])));
            assertTrue(!arrives(net, STRANGER) && !arrives(net, MULTICAST));
            byte[][] many = new byte[65][];
            for (int i = 0; i < many.length; i++) {
                many[i] = HexFormat.of().parseHex("3333000001%02x".formatted(i));
            }
            assertEquals(OK, net.command(1, 0, table(new byte[0][], java.util.Arrays.copyOf(many, 64))));
            assertTrue(arrives(net, many[63]) && !arrives(net, MULTICAST));
            assertEquals(OK, net.command(1, 0, table(new byte[0][], many)));
            assertTrue(arrives(net, many[64]) && arrives(net, MULTICAST), "more than fit: all of the kind");
            assertTrue(!arrives(net, STRANGER));
            byte[] lies = table(new byte[][] {STRANGER}, new byte[0][]);
            lies[0] = 2;
            assertEquals(ERR, net.command(1, 0, lies));
            lies[3] = (byte) 0xFF;
            assertEquals(ERR, net.command(1, 0, lies));
            assertTrue(arrives(net, MULTICAST), "a refused command changes nothing");
        }
    }

    @Test
    void theAddressItself() {
        try (NetRig net = started()) {
            net.command(0, 0, (byte) 0);
            assertEquals(OK, net.command(1, 1, STRANGER));
            assertTrue(arrives(net, STRANGER) && !arrives(net, Frames.GUEST_MAC));
            assertEquals(0xAA, net.driver().config(5, 1));
            assertEquals(ERR, net.command(1, 1, MULTICAST));
            assertEquals(ERR, net.command(1, 1, (byte) 2, (byte) 3));
            net.driver().setUp(ALL);
            assertEquals(0x56, net.driver().config(5, 1), "a reset brings the configured one back");
        }
    }

    @Test
    void section51653Vlans() {
        try (NetRig net = started()) {
            net.command(0, 0, (byte) 0);
            byte[] tagged = Frames.ethernet(
                    Frames.GUEST_MAC, Frames.HOST_MAC, 0x8100, new byte[] {(byte) 0xA1, 0x23, 8, 0, 0, 0, 0, 0});
            assertTrue(!arrivesFrame(net, tagged));
            assertEquals(OK, net.command(2, 0, (byte) 0x23, (byte) 0x01));
            assertTrue(arrivesFrame(net, tagged));
            assertEquals(OK, net.command(2, 1, (byte) 0x23, (byte) 0x01));
            assertTrue(!arrivesFrame(net, tagged));
            assertEquals(ERR, net.command(2, 0, (byte) 0, (byte) 0x10));
        }
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL & ~NetFeatures.CTRL_VLAN);
            net.command(0, 0, (byte) 0);
            byte[] tagged = Frames.ethernet(Frames.GUEST_MAC, Frames.HOST_MAC, 0x8100, new byte[46]);
            assertTrue(arrivesFrame(net, tagged), "without the feature nothing is filtered");
            assertEquals(ERR, net.command(2, 0, (byte) 1, (byte) 0));
        }
    }

    @Test
    void section51655QueuePairs() {
        try (NetRig net = started("pairs", "2")) {
            net.offerReceive(0, 8, 1600);
            net.offerReceive(1, 8, 1600);
            net.arrive(1, plain(), forGuest(50, 1));
            assertEquals(1, net.received(0).size(), "only the first pair until the driver says so");
            assertEquals(OK, net.command(4, 0, (byte) 2, (byte) 0));
            net.arrive(0, plain(), forGuest(50, 2));
            net.arrive(1, plain(), forGuest(50, 3));
            assertEquals(1, net.received(0).size());
            assertEquals(1, net.received(1).size());
            assertTrue(net.send(1, plain(), fromGuest(60, 4)));
            assertEquals(12 + 74, net.sent(1).length);
            assertEquals(ERR, net.command(4, 0, (byte) 3, (byte) 0));
            assertEquals(ERR, net.command(4, 0, (byte) 0, (byte) 0));
            net.driver().resetQueue(2);
            net.driver().queue(2);
            assertEquals(OK, net.command(4, 0, (byte) 1, (byte) 0));
            net.arrive(1, plain(), forGuest(50, 5));
            assertEquals(1, net.received(0).size());
        }
    }

    @Test
    void section512WithoutMultiqueueTheControlQueueIsTheThird() {
        try (NetRig net = NetRig.tap("pairs", "4")) {
            net.driver().setUp(ALL & ~NetFeatures.MQ);
            assertEquals(2, net.control());
            assertEquals(OK, net.command(0, 1, (byte) 1));
        }
    }

    @Test
    void section51656OffloadsOfTheGuest() {
        try (NetRig net = started()) {
            net.offerReceive(0, 20, 1600);
            byte[] tso = Frames.header(1, 1, 66, 1448, 34, 16);
            net.arrive(0, tso, forGuest(3000, 1));
            assertEquals(1, net.received(0).size());
            assertEquals(OK, net.command(5, 0, offloads(NetFeatures.GUEST_CSUM)));
            net.arrive(0, tso, forGuest(3000, 1));
            assertEquals(0, net.received(0).size());
            assertEquals(ERR, net.command(5, 0, offloads(NetFeatures.GUEST_TSO4)), "needs GUEST_CSUM");
            assertEquals(ERR, net.command(5, 0, offloads(1L << 60)));
            assertEquals(OK, net.command(5, 0, offloads(NetFeatures.GUEST_CSUM | NetFeatures.GUEST_TSO4)));
            net.arrive(0, tso, forGuest(3000, 1));
            assertEquals(1, net.received(0).size());
        }
    }

    private static byte[] offloads(long bits) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(bits)
                .array();
    }

    @Test
    void section51654AnnouncingAfterASuccessorTookOver() {
        try (NetRig net = started()) {
            assertEquals(1, net.driver().config(6, 2));
            net.driver().takeInterrupts(0);
            net.rig.killAndAdopt();
            net.rig.settle();
            assertEquals(3, net.driver().config(6, 2));
            assertTrue(net.driver().takeInterrupts(0) > 0);
            assertEquals(OK, net.command(3, 0));
            assertEquals(1, net.driver().config(6, 2));
            assertEquals(ERR, net.command(3, 1));
        }
    }

    @Test
    void commandsThatAreNone() {
        try (NetRig net = started()) {
            assertEquals(ERR, net.command(77, 0));
            assertEquals(ERR, net.driver().request(net.control(), new byte[] {0}, 1)[0]);
            net.queue(net.control()).offer(new byte[] {0, 0, 1}, 0);
            net.queue(net.control()).kick();
            net.rig.settle();
            assertEquals(
                    0,
                    java.util.Objects.requireNonNull(net.queue(net.control()).reap())
                            .lengthBytes());
            assertEquals(NetCore.BAD_COMMAND, net.rig.lastGuestErrorCode());
            byte[][] oneByOne = {{0}, {0}, {0}};
            net.queue(net.control()).offer(oneByOne, 0, 1);
            net.queue(net.control()).kick();
            net.rig.settle();
            assertArrayEquals(
                    new byte[] {OK},
                    java.util.Objects.requireNonNull(net.queue(net.control()).reap())
                            .written());
            assertTrue(!arrives(net, STRANGER));
        }
    }
}
