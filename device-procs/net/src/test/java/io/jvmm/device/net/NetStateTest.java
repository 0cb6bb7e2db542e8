package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.PACKED;
import static io.jvmm.device.net.NetRig.forGuest;
import static io.jvmm.device.net.NetRig.fromGuest;
import static io.jvmm.device.net.NetRig.plain;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.TestSeed;
import java.util.Random;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The commit rule: a process dies anywhere, its successor carries on. A frame may be lost or come twice; every buffer comes back
 * exactly once (the rig's driver sees to that), and what the driver has set stays set.
 */
class NetStateTest {

    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void deathAtEveryStep(long features) {
        diesOften(features, false);
    }

    /** Before and after every effect and every commit, and while a successor takes over. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void deathAnywhere(long features) {
        diesOften(features, true);
    }

    private static void diesOften(long features, boolean anywhere) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (NetRig net = NetRig.tap("packed", "true", "mtu", "9000", "pairs", "2")) {
            net.driver().setUp(features);
            net.command(4, 0, (byte) 2, (byte) 0);
            net.command(0, 0, (byte) 0);
            net.command(1, 1, Frames.GUEST_MAC);
            KillPoint[] points = KillPoint.values();
            int arrived = 0;
            int out = 0;
            for (int round = 0; round < 1500; round++) {
                int pair = random.nextInt(2);
                if (anywhere) {
                    net.rig.mortality().begin(random, 20);
                } else {
                    net.rig.kill(points[random.nextInt(points.length)]);
                }
                switch (random.nextInt(3)) {
                    case 0 -> {
                        if (net.queue(2 * pair).hasRoom(1)) {
                            net.offerReceive(pair, 1, 100 + random.nextInt(2000));
                        }
                    }
                    case 1 -> net.arrive(pair, plain(), forGuest(random.nextInt(3000), round));
                    default -> {
                        net.queue(2 * pair + 1).offer(new byte[][] {plain(), fromGuest(random.nextInt(3000), round)});
                        net.queue(2 * pair + 1).kick();
                    }
                }
                net.rig.settle();
                arrived += net.received(0).size() + net.received(1).size();
                for (int i = 0; i < 2; i++) {
                    while (net.queue(2 * i + 1).reap() != null) {
                        // back
                    }
                    while (net.sent(i).length > 0) {
                        out++;
                    }
                }
            }
            net.rig.mortality().end();
            for (int pair = 0; pair < 2; pair++) {
                assertEquals(0, net.queue(2 * pair + 1).outstanding(), "seed " + seed);
            }
            assertTrue(arrived > 50 && out > 300, "seed " + seed + ": " + arrived + " in, " + out + " out");
            assertEquals(0, net.rig.needsResets());
            // What the driver set is still so: only its own address is received, on both pairs.
            net.offerReceive(0, 30, 2000);
            net.offerReceive(1, 30, 2000);
            net.received(0);
            net.received(1);
            byte[] stranger = forGuest(60, 1);
            stranger[5] ^= 1;
            net.arrive(1, plain(), stranger);
            net.arrive(1, plain(), forGuest(60, 1));
            assertEquals(1, net.received(1).size());
        }
    }

    @Test
    void whatTheDriverSetIsInTheState() {
        try (NetRig net = NetRig.tap("pairs", "2")) {
            net.driver().setUp(ALL);
            net.command(1, 1, Frames.HOST_MAC);
            net.command(2, 0, (byte) 5, (byte) 0);
            net.command(4, 0, (byte) 2, (byte) 0);
            net.command(5, 0, (byte) 2, (byte) 0, (byte) 0, (byte) 0, (byte) 0, (byte) 0, (byte) 0, (byte) 0);
            net.command(0, 1, (byte) 1);
            byte[] before = own(net.rig.state());
            net.rig.killAndAdopt();
            byte[] after = own(net.rig.state());
            before[NetStateLayout.offset("status")] |= NetState.ANNOUNCE; // the one thing a successor asks for
            org.junit.jupiter.api.Assertions.assertArrayEquals(before, after);
            assertEquals(1, net.driver().config(5, 1));
        }
    }

    private static byte[] own(byte[] state) {
        return java.util.Arrays.copyOfRange(state, state.length - NetStateLayout.LENGTH_BYTES, state.length);
    }

    @Test
    void aStateNoProcessCanHaveLeftIsRefused() {
        refused(state -> state.putByte(NetStateLayout.offset("mac") + 5, (byte) 1));
        refused(state -> state.putLong(NetStateLayout.offset("mac"), 0));
        refused(state -> state.putByte(NetStateLayout.offset("mac") + 7, (byte) 1));
        refused(state -> state.putLong(NetStateLayout.offset("guestOffloads"), 1));
        refused(state -> state.putShort(NetStateLayout.offset("status"), (short) 4));
        refused(state -> state.putShort(NetStateLayout.offset("pairs"), (short) 0));
        refused(state -> state.putShort(NetStateLayout.offset("pairs"), (short) 2));
        refused(state -> state.putByte(NetStateLayout.offset("rxMode"), (byte) 64));
        refused(state -> state.putByte(NetStateLayout.offset("overflow"), (byte) 4));
        refused(state -> state.putByte(NetStateLayout.offset("unicasts"), (byte) 65));
        refused(state -> state.putByte(NetStateLayout.offset("multicasts"), (byte) 65));
        refused(state -> state.putByte(NetStateLayout.offset("unicast") + 6, (byte) 1));
    }

    private static void refused(Consumer<UnsafeBuffer> damage) {
        UnsafeBuffer state = new UnsafeBuffer(new byte[NetStateLayout.LENGTH_BYTES]);
        NetConfig config = NetConfig.from(NetConfigTest.entries("backend", "tap"));
        NetState view = new NetState(state);
        view.reset(config.mac());
        view.validate(config, NetFeatures.offered(config));
        damage.accept(state);
        assertThrows(StateRejectedException.class, () -> view.validate(config, NetFeatures.offered(config)));
    }

    /** Whatever a state holds, it is refused, or the device works with it and stays inside its bounds. */
    @Test
    void noStateHurts() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int adopted = 0;
        for (int i = 0; i < 100; i++) {
            try (NetRig net = i % 2 == 0 ? NetRig.tap("pairs", "2") : NetRig.passt()) {
                net.driver().setUp(ALL);
                net.offerReceive(0, 4, 1600);
                byte[] state = net.rig.state();
                int own = state.length - NetStateLayout.LENGTH_BYTES;
                for (int j = 0; j < 1 + random.nextInt(3); j++) {
                    int at = random.nextInt(4) == 0
                            ? NetStateLayout.offset("counters") - random.nextInt(16)
                            : random.nextInt(NetStateLayout.LENGTH_BYTES);
                    state[own + at] = (byte) random.nextInt();
                }
                try {
                    net.rig.adopt(state);
                } catch (StateRejectedException e) {
                    continue;
                }
                adopted++;
                net.write(0, NetRig.prefixed(forGuest(60, 1)));
                net.received(0);
                net.queue(1).offer(new byte[][] {plain(), fromGuest(60, 1)});
                net.queue(1).kick();
                net.rig.settle();
            }
        }
        assertTrue(adopted > 15, "adopted: " + adopted);
    }
}
