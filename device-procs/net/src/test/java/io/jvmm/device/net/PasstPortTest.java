package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.forGuest;
import static io.jvmm.device.net.NetRig.frameOf;
import static io.jvmm.device.net.NetRig.fromGuest;
import static io.jvmm.device.net.NetRig.plain;
import static io.jvmm.device.net.NetRig.prefixed;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The stream of passt(1) and QEMU's stream backend: four bytes of length, highest first, then the frame. */
class PasstPortTest {

    private static byte[] udpFrame(boolean toHost, byte[] udp) {
        byte[] source = toHost ? Frames.GUEST_IP : Frames.HOST_IP;
        byte[] target = toHost ? Frames.HOST_IP : Frames.GUEST_IP;
        byte[] ip = Frames.ipv4(source, target, 17, 1, udp);
        return toHost
                ? Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip)
                : Frames.ethernet(Frames.GUEST_MAC, Frames.HOST_MAC, 0x0800, ip);
    }

    @Test
    void goldenBytesOfAFrame() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            byte[] frame = fromGuest(46, 1);
            assertTrue(net.send(0, plain(), frame));
            byte[] sent = net.sent(0);
            assertArrayEquals(new byte[] {0, 0, 0, 60}, Arrays.copyOf(sent, 4));
            assertArrayEquals(frame, Arrays.copyOfRange(sent, 4, 64));
            assertEquals(64, sent.length);
        }
    }

    @Test
    void checksumsAndSegmentsAreMadeHere() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            byte[] udp = Frames.udp(Frames.GUEST_IP, Frames.HOST_IP, 5, 6, Frames.pattern(301, 7));
            assertTrue(net.send(0, Frames.header(1, 0, 0, 0, 34, 6), udpFrame(true, udp)));
            byte[] sent = Frames.split(net.sent(0)).getFirst();
            byte[] packet = Arrays.copyOfRange(sent, 34, sent.length);
            assertEquals(0xFFFF, Frames.transportSum(Frames.GUEST_IP, Frames.HOST_IP, 17, packet));
            assertArrayEquals(Frames.pattern(301, 7), Arrays.copyOfRange(packet, 8, packet.length));

            byte[] payload = Frames.pattern(64_000, 8);
            byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 1, 0x18, payload);
            byte[] ip = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp);
            byte[] frame = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip);
            assertTrue(net.send(0, Frames.header(1, 1, 66, 1448, 34, 16), frame));
            List<byte[]> segments = Frames.split(net.sent(0));
            assertEquals((64_000 + 1447) / 1448, segments.size());
            ByteArrayOutputStream together = new ByteArrayOutputStream();
            for (byte[] segment : segments) {
                packet = Arrays.copyOfRange(segment, 34, segment.length);
                assertEquals(0xFFFF, Frames.transportSum(Frames.GUEST_IP, Frames.HOST_IP, 6, packet));
                together.writeBytes(Arrays.copyOfRange(segment, 66, segment.length));
            }
            assertArrayEquals(payload, together.toByteArray());
        }
    }

    /** They are nobody's outside a host, and passt's sockets would find the host's own loopback by them. */
    @Test
    void packetsForTheHostItselfAreDropped() throws Exception {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            for (String address : new String[] {
                "127.0.0.1", "127.255.1.2", "0.0.0.0", "0.1.2.3", "::1", "::", "::127.0.0.1", "0:0:0:0:0:ffff:7f00:1"
            }) {
                assertTrue(net.send(0, plain(), datagramTo(address)));
                assertEquals(0, net.sent(0).length, address);
                assertTrue(net.send(0, Frames.header(1, 5, 42, 100, 34, 6), datagramTo(address)));
                assertEquals(0, net.sent(0).length, address);
            }
            for (String address : new String[] {
                "126.255.255.255",
                "128.0.0.1",
                "255.255.255.255",
                "1.0.0.0",
                "fd00::1",
                "fe80::1",
                "::1:0:0:1",
                "64:ff9b::7f00:1"
            }) {
                assertTrue(net.send(0, plain(), datagramTo(address)));
                assertTrue(net.sent(0).length > 0, address);
            }
        }
    }

    /** A driver may have the checksum put anywhere behind the Ethernet header, and can choose what it is. */
    @Test
    void aChecksumCannotMakeTheAddressOfTheHostItself() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            byte[] intoTheAddress = Frames.header(1, 0, 0, 0, 14, 16);
            assertTrue(net.send(0, intoTheAddress, datagramWhoseChecksumIs(0x7F00)));
            assertEquals(0, net.sent(0).length, "127.0.0.1");
            assertTrue(net.send(0, intoTheAddress, datagramWhoseChecksumIs(0x00FF)));
            assertEquals(0, net.sent(0).length, "0.255.0.1");
            assertTrue(net.send(0, intoTheAddress, datagramWhoseChecksumIs(0x7EFF)));
            byte[] sent = Frames.split(net.sent(0)).getFirst();
            assertArrayEquals(new byte[] {126, -1, 0, 1}, Arrays.copyOfRange(sent, 30, 34));
        }
    }

    /** To 8.8.0.1; the checksum over all of it but the Ethernet header is {@code checksum}. */
    private static byte[] datagramWhoseChecksumIs(int checksum) {
        byte[] frame = datagramTo("8.8.0.1");
        ByteBuffer bytes = ByteBuffer.wrap(frame).putShort(42, (short) 0);
        int sum = Frames.sum(Arrays.copyOfRange(frame, 14, frame.length));
        bytes.putShort(42, (short) Math.floorMod((~checksum & 0xFFFF) - sum, 0xFFFF));
        return frame;
    }

    private static byte[] datagramTo(String address) {
        byte[] target = address(address);
        boolean six = target.length == 16;
        byte[] source = six ? Frames.GUEST_IP6 : Frames.GUEST_IP;
        byte[] udp = Frames.udp(source, target, 5, 6, Frames.pattern(301, 7));
        return Frames.ethernet(
                Frames.HOST_MAC,
                Frames.GUEST_MAC,
                six ? 0x86DD : 0x0800,
                six ? Frames.ipv6(source, target, 17, udp) : Frames.ipv4(source, target, 17, 1, udp));
    }

    /** As it is written, where Java makes IPv4's of those that are mapped. */
    private static byte[] address(String literal) {
        byte[] bytes = java.net.InetAddress.ofLiteral(literal).getAddress();
        if (bytes.length == 16 || literal.indexOf(':') < 0) {
            return bytes;
        }
        byte[] mapped = new byte[16];
        mapped[10] = -1;
        mapped[11] = -1;
        System.arraycopy(bytes, 0, mapped, 12, 4);
        return mapped;
    }

    @Test
    void segmentsOfOneByteAreRefused() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 1, 0x18, Frames.pattern(60_000, 8));
            byte[] ip = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp);
            byte[] frame = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip);
            assertTrue(net.send(0, Frames.header(1, 1, 66, 1, 34, 16), frame));
            assertEquals(0, net.sent(0).length);
            assertEquals(1, net.rig.guestErrors());
        }
    }

    @Test
    void checksumsOfWhatComesAreCheckedForTheGuest() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 8, 1600);
            byte[] udp = Frames.finishedUdp(Frames.HOST_IP, Frames.GUEST_IP, 53, 1000, Frames.pattern(99, 1));
            byte[] good = udpFrame(false, udp);
            byte[] bad = good.clone();
            bad[60] ^= 1;
            byte[] none = udpFrame(
                    false, ByteBuffer.wrap(udp.clone()).putShort(6, (short) 0).array());
            byte[] fragment = good.clone();
            fragment[20] = 0x20;
            for (byte[] frame : new byte[][] {good, bad, none, fragment, forGuest(50, 1)}) {
                net.write(0, prefixed(frame));
            }
            List<byte[]> frames = net.received(0);
            assertEquals(5, frames.size());
            for (int i = 0; i < 5; i++) {
                assertEquals(i == 0 ? FrameHeader.DATA_VALID : 0, frames.get(i)[0], "frame " + i);
            }
            net.command(5, 0, new byte[8]);
            net.write(0, prefixed(good));
            assertEquals(0, net.received(0).getFirst()[0]);
        }
    }

    @Test
    void framesInAnyPieces() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (NetRig net = NetRig.passt("mtu", "65535")) {
            net.driver().setUp(ALL);
            List<byte[]> expected = new ArrayList<>();
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            for (int i = 0; i < 300; i++) {
                byte[] frame = forGuest(random.nextInt(i % 50 == 0 ? 65_000 : 2000), i);
                expected.add(frame);
                stream.writeBytes(prefixed(frame));
            }
            byte[] bytes = stream.toByteArray();
            List<byte[]> received = new ArrayList<>();
            for (int at = 0; at < bytes.length; ) {
                int n = Math.min(bytes.length - at, 1 + random.nextInt(random.nextBoolean() ? 5 : 40_000));
                net.write(0, Arrays.copyOfRange(bytes, at, at + n));
                at += n;
                while (net.queue(0).outstanding() < 100) {
                    net.queue(0).offer(new byte[0], 1500);
                }
                net.queue(0).kick();
                received.addAll(net.received(0));
            }
            assertEquals(expected.size(), received.size(), "seed " + seed);
            for (int i = 0; i < expected.size(); i++) {
                assertArrayEquals(expected.get(i), frameOf(received.get(i)), "seed " + seed + " frame " + i);
            }
        }
    }

    @Test
    void aSlowHostStallsTheQueueAndTheStreamStaysWhole() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            int sent = 0;
            while (net.queue(1).hasRoom(2)) {
                net.queue(1).offer(new byte[][] {plain(), fromGuest(1400, sent++)});
                net.queue(1).kick();
                net.rig.settle();
                while (net.queue(1).reap() != null) {
                    // sent
                }
            }
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            byte[] more;
            do {
                more = net.sent(0);
                stream.writeBytes(more);
                net.rig.settle();
            } while (more.length > 0);
            List<byte[]> frames = Frames.split(stream.toByteArray());
            assertEquals(sent, frames.size());
            for (int i = 0; i < sent; i++) {
                assertArrayEquals(fromGuest(1400, i), frames.get(i), "frame " + i);
            }
        }
    }

    @Test
    void aLengthNoFrameHasEndsTheConnection() {
        for (int length : new int[] {0, 13, 70_000, -1, Integer.MIN_VALUE}) {
            try (NetRig net = NetRig.passt()) {
                net.driver().setUp(ALL);
                net.offerReceive(0, 4, 1600);
                net.write(0, prefixed(forGuest(60, 1)));
                net.write(0, ByteBuffer.allocate(104).putInt(length).array());
                assertEquals(1, net.received(0).size());
                assertEquals(0, net.driver().config(6, 2), "link down");
                assertEquals(List.of("lost 0 71"), net.rig.hostEvents());
                assertTrue(net.send(0, plain(), fromGuest(60, 1)));
            }
        }
    }

    @Test
    void aPeerThatLeaves() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 4, 1600);
            net.peers.getFirst().close();
            net.rig.settle();
            assertEquals(0, net.driver().config(6, 2));
            assertEquals(List.of("lost 0 0"), net.rig.hostEvents());
        }
    }

    /** The stream goes on in step, whichever byte the predecessor had come to, in both directions. */
    @Test
    void aSuccessorGoesOnInTheMiddleOfAFrame() {
        byte[] first = forGuest(300, 1);
        byte[] second = forGuest(200, 2);
        byte[] both = Frames.join(prefixed(first), prefixed(second));
        for (int cut = 0; cut < both.length; cut += cut < 8 || (cut > 312 && cut < 324) ? 1 : 23) {
            try (NetRig net = NetRig.passt()) {
                net.driver().setUp(ALL);
                net.offerReceive(0, 4, 1600);
                net.write(0, Arrays.copyOf(both, cut));
                net.rig.settle();
                net.rig.killAndAdopt();
                net.write(0, Arrays.copyOfRange(both, cut, both.length));
                net.write(0, prefixed(forGuest(100, 3)));
                List<byte[]> frames = net.received(0);
                assertArrayEquals(forGuest(100, 3), frameOf(frames.getLast()), "cut at " + cut);
                assertEquals(1, net.driver().config(6, 2) & 1, "link up");
            }
        }
    }

    @Test
    void aSuccessorEndsTheFrameThatIsHalfOut() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            while (net.queue(1).hasRoom(2)) {
                net.queue(1).offer(new byte[][] {plain(), fromGuest(1400, 0)});
                net.queue(1).kick();
                net.rig.settle();
                while (net.queue(1).reap() != null) {
                    // sent
                }
            }
            net.rig.killAndAdopt();
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            byte[] more;
            do {
                more = net.sent(0);
                stream.writeBytes(more);
                net.rig.settle();
            } while (more.length > 0);
            List<byte[]> frames = Frames.split(stream.toByteArray());
            int spoiled = 0;
            for (byte[] frame : frames) {
                assertEquals(1414, frame.length);
                spoiled += Arrays.equals(frame, fromGuest(1400, 0)) ? 0 : 1;
            }
            assertTrue(spoiled <= 1, spoiled + " frames were spoiled");
            assertTrue(frames.size() > 300, "frames: " + frames.size());
        }
    }
}
