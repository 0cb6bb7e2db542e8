package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.PACKED;
import static io.jvmm.device.net.NetRig.forGuest;
import static io.jvmm.device.net.NetRig.frameOf;
import static io.jvmm.device.net.NetRig.fromGuest;
import static io.jvmm.device.net.NetRig.plain;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Virtio 1.2 §5.1 with the bytes of a driver, both ring formats. */
class NetCoreTest {
    private static final int CONFIG_STATUS = 6;

    @Test
    void section514DeviceConfiguration() {
        try (NetRig net = NetRig.tap("mtu", "9000", "pairs", "3", "mac", "52:54:00:ab:cd:ef")) {
            RigDriver driver = net.driver().setUp(ALL);
            assertEquals(0xAB005452L, driver.config(0, 4));
            assertEquals(0xEF, driver.config(5, 1));
            assertEquals(1, driver.config(CONFIG_STATUS, 2));
            assertEquals(3, driver.config(8, 2));
            assertEquals(9000, driver.config(10, 2));
            assertEquals(10_000, driver.config(12, 4));
            assertEquals(1, driver.config(16, 1));
            assertEquals(7, driver.queueCount());
            driver.write(RigDriver.DEVICE_CONFIG, 1, 0x11);
            assertEquals(0x52, driver.config(0, 1), "read-only");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void section5162AFrameGoesOutAsItIs(long features) {
        try (NetRig net = NetRig.tap("packed", "true")) {
            net.driver().setUp(features);
            byte[] frame = fromGuest(1000, 1);
            assertTrue(net.send(0, plain(), frame));
            assertArrayEquals(Frames.join(plain(), frame), net.sent(0));
            byte[] head = java.util.Arrays.copyOf(frame, 40);
            byte[] tail = java.util.Arrays.copyOfRange(frame, 40, frame.length);
            assertTrue(net.send(0, plain(), head, new byte[0], tail), "framing does not matter (2.6.4)");
            assertArrayEquals(Frames.join(plain(), frame), net.sent(0));
            byte[] wanted = Frames.header(1, 1, 66, 1448, 34, 16);
            assertTrue(net.send(0, wanted, fromGuest(9000, 2)));
            assertArrayEquals(Frames.join(wanted, fromGuest(9000, 2)), net.sent(0));
        }
    }

    @Test
    void aFrameTheDriverMustNotSendIsDroppedAndItsBufferComesBack() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            assertTrue(net.send(0, plain(), new byte[13]));
            assertTrue(net.send(0, new byte[5]));
            assertTrue(net.send(0, plain(), new byte[65_600]));
            assertTrue(net.send(0, plain(), fromGuest(1509, 1)), "longer than the MTU with two tags");
            assertTrue(net.send(0, Frames.header(1, 0, 0, 0, 60, 16), fromGuest(50, 1)));
            assertTrue(net.send(0, Frames.header(1, 7, 0, 9, 34, 6), fromGuest(50, 1)));
            assertEquals(6, net.rig.guestErrors());
            assertEquals(NetCore.BAD_FRAME, net.rig.lastGuestErrorCode());
            assertEquals(0, net.sent(0).length);
            assertTrue(net.send(0, plain(), fromGuest(1500, 1)));
            assertEquals(12 + 14 + 1500, net.sent(0).length);
        }
    }

    @Test
    void aChainOfVeryManyPieces() {
        try (NetRig net = NetRig.tap("queue-size", "1024")) {
            net.driver().withQueueSize(1024).setUp(ALL & ~RigDriver.F_INDIRECT_DESC);
            byte[] frame = fromGuest(900, 1);
            byte[][] pieces = new byte[frame.length][];
            for (int i = 0; i < pieces.length; i++) {
                pieces[i] = new byte[] {frame[i]};
            }
            assertTrue(net.send(0, plain(), pieces));
            assertArrayEquals(Frames.join(plain(), frame), net.sent(0));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void section5163FramesComeIntoMergeableBuffers(long features) {
        try (NetRig net = NetRig.tap("packed", "true", "mtu", "65535")) {
            net.driver().setUp(features);
            net.offerReceive(0, 200, 600);
            int[] sizes = {46, 573, 574, 575, 1500, 9000, 60_000, 1500, 46};
            for (int size : sizes) {
                net.arrive(0, plain(), forGuest(size, size));
            }
            List<byte[]> frames = net.received(0);
            assertEquals(sizes.length, frames.size());
            for (int i = 0; i < sizes.length; i++) {
                byte[] frame = frames.get(i);
                int buffers = (sizes[i] + 14 + 12 + 599) / 600;
                assertArrayEquals(
                        new byte[] {(byte) buffers, (byte) (buffers >> 8)}, new byte[] {frame[10], frame[11]});
                assertArrayEquals(forGuest(sizes[i], sizes[i]), frameOf(frame));
            }
        }
    }

    @Test
    void section5164WithoutMergeableBuffersAFrameTakesOneChain() {
        try (NetRig net = NetRig.tap("mtu", "65535")) {
            net.driver().setUp(ALL & ~NetFeatures.MRG_RXBUF);
            for (int i = 0; i < 3; i++) {
                net.queue(0).offer(new byte[0][], 12, 1000, 500, 400);
            }
            net.queue(0).kick();
            net.rig.settle();
            net.arrive(0, plain(), forGuest(1886, 1));
            net.arrive(0, plain(), forGuest(1887, 2));
            net.arrive(0, plain(), forGuest(46, 3));
            List<byte[]> frames = net.received(0);
            assertEquals(2, frames.size(), "what does not fit is dropped");
            assertArrayEquals(forGuest(1886, 1), frameOf(frames.get(0)));
            assertEquals(1, frames.get(0)[10], "num_buffers is 1");
            assertArrayEquals(forGuest(46, 3), frameOf(frames.get(1)));
        }
    }

    @Test
    void framesWaitAtTheHostWhileThereAreNoBuffers() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            for (int i = 0; i < 5; i++) {
                net.arrive(0, plain(), forGuest(100, i));
            }
            assertEquals(0, net.received(0).size());
            net.offerReceive(0, 3, 1600);
            assertEquals(3, net.received(0).size());
            net.offerReceive(0, 3, 1600);
            List<byte[]> rest = net.received(0);
            assertArrayEquals(forGuest(100, 3), frameOf(rest.get(0)));
            assertArrayEquals(forGuest(100, 4), frameOf(rest.get(1)));
            assertEquals(2, rest.size());
        }
    }

    @Test
    void aFrameIsHeldUntilItsBuffersAreThere() {
        try (NetRig net = NetRig.tap("mtu", "9000")) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 2, 1500);
            net.arrive(0, plain(), forGuest(8000, 1));
            net.arrive(0, plain(), forGuest(100, 2));
            assertEquals(0, net.received(0).size());
            net.offerReceive(0, 2, 1500);
            assertEquals(0, net.received(0).size());
            net.offerReceive(0, 10, 1500);
            List<byte[]> frames = net.received(0);
            assertEquals(2, frames.size());
            assertArrayEquals(forGuest(8000, 1), frameOf(frames.get(0)));
            assertArrayEquals(forGuest(100, 2), frameOf(frames.get(1)));
        }
    }

    @Test
    void aFrameNoQueueOfTheDriverCanHoldIsDropped() {
        try (NetRig net = NetRig.tap("mtu", "9000")) {
            net.driver().withQueueSize(4).setUp(ALL);
            net.offerReceive(0, 4, 1500);
            net.arrive(0, plain(), forGuest(8000, 1));
            net.arrive(0, plain(), forGuest(100, 2));
            List<byte[]> frames = net.received(0);
            assertEquals(1, frames.size());
            assertArrayEquals(forGuest(100, 2), frameOf(frames.get(0)));
        }
    }

    /** Two thousand pieces are all that is kept; a frame that needs more is dropped, and the queue goes on. */
    @Test
    void receiveBuffersOfVeryManyPieces() {
        try (NetRig net = NetRig.tap("mtu", "9000")) {
            net.driver().setUp(ALL);
            int[] crumbs = new int[1000];
            java.util.Arrays.fill(crumbs, 1);
            for (int i = 0; i < 5; i++) {
                net.queue(0).offer(new byte[0][], crumbs);
            }
            net.queue(0).kick();
            net.arrive(0, plain(), forGuest(8000, 1));
            net.arrive(0, plain(), forGuest(1500, 2));
            List<byte[]> frames = net.received(0);
            assertEquals(1, frames.size());
            assertArrayEquals(forGuest(1500, 2), frameOf(frames.getFirst()));
        }
    }

    @Test
    void receiveBuffersTooShortForAHeaderComeBackEmpty() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            net.queue(0).offer(new byte[0], 11);
            net.queue(0).offer(new byte[] {1, 2, 3}, 0);
            net.offerReceive(0, 1, 1600);
            net.arrive(0, plain(), forGuest(100, 2));
            net.rig.settle();
            assertEquals(
                    0, java.util.Objects.requireNonNull(net.queue(0).reap()).lengthBytes());
            assertEquals(
                    0, java.util.Objects.requireNonNull(net.queue(0).reap()).lengthBytes());
            assertEquals(
                    126, java.util.Objects.requireNonNull(net.queue(0).reap()).lengthBytes());
            assertEquals(2, net.rig.guestErrors());
        }
    }

    @Test
    void section5131FeaturesThatContradictEachOtherAreRefused() {
        try (NetRig net = NetRig.tap()) {
            net.driver().negotiate(NetFeatures.HOST_TSO4);
            assertEquals(0, net.driver().status() & RigDriver.FEATURES_OK);
            net.driver().negotiate(NetFeatures.HOST_TSO4 | NetFeatures.CSUM);
            assertEquals(RigDriver.FEATURES_OK, net.driver().status() & RigDriver.FEATURES_OK);
        }
    }

    @Test
    void aDriverWithoutAnyFeature() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(0);
            net.offerReceive(0, 4, 1526);
            byte[] dirty = Frames.header(0xFF & ~1, 0, 0, 0, 0, 0);
            assertTrue(net.send(0, dirty, fromGuest(60, 1)));
            assertArrayEquals(Frames.join(plain(), fromGuest(60, 1)), net.sent(0));
            net.arrive(0, Frames.header(2, 0, 0, 0, 0, 0), forGuest(60, 2));
            net.arrive(0, Frames.header(1, 0, 0, 0, 34, 16), forGuest(60, 3));
            net.arrive(0, Frames.header(1, 1, 54, 100, 34, 16), forGuest(60, 4));
            List<byte[]> frames = net.received(0);
            assertEquals(1, frames.size(), "no frame with work left to do");
            assertEquals(0, frames.getFirst()[0], "flags are zero without GUEST_CSUM");
            assertEquals(1, frames.getFirst()[10]);
        }
    }

    @Test
    void headersOfTheTapReachADriverThatAgreed() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 10, 1600);
            byte[] tso = Frames.header(1, 1, 66, 1448, 34, 16);
            net.arrive(0, tso, forGuest(4000, 1));
            List<byte[]> frames = net.received(0);
            assertEquals(1, frames.size());
            tso[10] = 3;
            assertArrayEquals(tso, java.util.Arrays.copyOf(frames.getFirst(), 12));
        }
    }

    @Test
    void section5141NothingLongerThanTheMtuUnlessToBeSegmented() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 10, 1600);
            net.arrive(0, plain(), forGuest(1509, 1));
            net.arrive(0, plain(), forGuest(1508, 2));
            assertEquals(1, net.received(0).size());
        }
    }

    @Test
    void aFullHostStallsTheQueueAndLosesNothing() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            int sent = 0;
            while (net.queue(1).hasRoom(2)) {
                net.queue(1).offer(new byte[][] {plain(), fromGuest(1400, sent)});
                net.queue(1).kick();
                net.rig.settle();
                while (net.queue(1).reap() != null) {
                    // sent
                }
                sent++;
            }
            assertTrue(
                    net.queue(1).outstanding() > 10,
                    "a socket that is full: " + net.queue(1).outstanding());
            assertFalse(net.queue(1).kickWanted(), "no kicks while it is stalled");
            for (int i = 0; i < sent; i++) {
                byte[] frame = net.sent(0);
                if (frame.length == 0) {
                    net.rig.settle();
                    frame = net.sent(0);
                }
                assertArrayEquals(Frames.join(plain(), fromGuest(1400, i)), frame, "frame " + i);
            }
            net.rig.settle();
            while (net.queue(1).reap() != null) {
                // the rest
            }
            assertEquals(0, net.queue(1).outstanding());
            assertTrue(net.send(0, plain(), fromGuest(60, 1)));
        }
    }

    @Test
    void aLostHostTakesTheLinkDownOnceAndTheDeviceLives() {
        try (NetRig net = NetRig.tap("pairs", "2")) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 4, 1600);
            net.offerReceive(1, 4, 1600);
            net.driver().takeInterrupts(0);
            net.peers.get(1).close();
            net.peers.get(0).close();
            net.rig.settle();
            assertTrue(net.send(0, plain(), fromGuest(60, 1)));
            assertTrue(net.send(1, plain(), fromGuest(60, 1)));
            assertEquals(0, net.driver().config(CONFIG_STATUS, 2));
            assertEquals(1, net.driver().takeInterrupts(0), "a configuration change");
            assertEquals(1, net.rig.hostEvents().size(), net.rig.hostEvents().toString());
            assertEquals(0, net.rig.needsResets());
        }
    }

    @Test
    void withoutABackendTheLinkIsDown() {
        try (NetRig net = NetRig.tap("backend", "none")) {
            net.driver().setUp(ALL);
            assertEquals(0, net.driver().config(CONFIG_STATUS, 2));
            assertTrue(net.send(0, plain(), fromGuest(60, 1)));
        }
    }

    @Test
    void section261ResetOfAReceiveQueueGivesTheDriverItsBuffers() {
        try (NetRig net = NetRig.tap()) {
            net.driver().setUp(ALL);
            net.offerReceive(0, 8, 700);
            net.arrive(0, plain(), forGuest(100, 1));
            assertEquals(1, net.received(0).size());
            net.arrive(0, plain(), forGuest(100, 2));
            net.driver().resetQueue(0);
            net.offerReceive(0, 8, 700);
            net.arrive(0, plain(), forGuest(100, 3));
            List<byte[]> frames = net.received(0);
            assertArrayEquals(forGuest(100, 3), frameOf(frames.getLast()));
        }
    }

    /** Half of it lies in the port, which brings another pair its frames for a while. */
    @Test
    void aHeldFrameIsNotMixedWithOthersWhenThePairsChange() {
        try (NetRig net = NetRig.tap("mtu", "9000", "pairs", "2")) {
            net.driver().setUp(ALL);
            assertEquals(0, net.command(4, 0, (byte) 2, (byte) 0));
            net.offerReceive(1, 1, 1500);
            net.arrive(1, plain(), forGuest(8000, 1)); // held: there are too few buffers
            net.rig.settle();
            assertEquals(0, net.command(4, 0, (byte) 1, (byte) 0));
            net.offerReceive(0, 20, 1500);
            net.arrive(1, plain(), forGuest(8000, 2));
            assertArrayEquals(forGuest(8000, 2), frameOf(net.received(0).getLast()));
            assertEquals(0, net.command(4, 0, (byte) 2, (byte) 0));
            net.offerReceive(1, 20, 1500);
            net.arrive(1, plain(), forGuest(8000, 3));
            List<byte[]> frames = net.received(1);
            assertEquals(1, frames.size());
            assertArrayEquals(forGuest(8000, 3), frameOf(frames.getFirst()));
        }
    }

    /** The same, where the driver resets a queue and enables it again: what came for it meanwhile waits in another pair's. */
    @Test
    void section261AHeldFrameIsNotMixedWithOthersWhenAQueueComesBack() {
        try (NetRig net = NetRig.tap("mtu", "9000", "pairs", "2")) {
            net.driver().setUp(ALL);
            assertEquals(0, net.command(4, 0, (byte) 2, (byte) 0));
            net.driver().write(RigDriver.QUEUE_SELECT, 2, 2);
            net.driver().write(RigDriver.QUEUE_RESET, 2, 1);
            assertEquals(0, net.driver().read(RigDriver.QUEUE_ENABLE, 2));
            net.offerReceive(0, 1, 1500);
            net.arrive(1, plain(), forGuest(8000, 1)); // held by pair 0, most of it in port 1
            net.rig.settle();
            net.driver().resetQueue(2);
            net.offerReceive(1, 20, 1500);
            net.arrive(1, plain(), forGuest(8000, 2));
            List<byte[]> second = net.received(1);
            assertEquals(1, second.size());
            assertArrayEquals(forGuest(8000, 2), frameOf(second.getFirst()));
            net.offerReceive(0, 20, 1500);
            net.arrive(0, plain(), forGuest(100, 3));
            List<byte[]> first = net.received(0);
            assertEquals(1, first.size());
            assertArrayEquals(forGuest(100, 3), frameOf(first.getFirst()));
        }
    }

    /** A part of it lies in buffers that are the driver's again: it is gone, and counted. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void section261ResetOfAQueueThatHoldsAFrame(long features) {
        try (NetRig net = NetRig.tap("mtu", "9000", "packed", "true")) {
            net.driver().setUp(features);
            net.offerReceive(0, 2, 1500);
            net.arrive(0, plain(), forGuest(8000, 1));
            net.arrive(0, plain(), forGuest(100, 2));
            net.rig.settle();
            net.driver().resetQueue(0);
            assertEquals(1, net.counter(NetCounter.RX_DROPPED));
            net.offerReceive(0, 20, 1500);
            List<byte[]> frames = net.received(0);
            assertEquals(1, frames.size());
            assertArrayEquals(forGuest(100, 2), frameOf(frames.getFirst()));
        }
    }

    @Test
    void resetAtAnyMoment() {
        try (NetRig net = NetRig.tap("mtu", "9000", "packed", "true")) {
            for (int round = 0; round < 20; round++) {
                net.driver().setUp(round % 2 == 0 ? ALL : PACKED);
                net.offerReceive(0, round % 5, 1500);
                net.arrive(0, plain(), forGuest(8000, round)); // held, when there are too few buffers
                net.rig.settle();
            }
            net.driver().setUp(ALL);
            net.offerReceive(0, 100, 1500);
            net.received(0);
            net.arrive(0, plain(), forGuest(500, 77));
            assertArrayEquals(forGuest(500, 77), frameOf(net.received(0).getLast()));
        }
    }
}
