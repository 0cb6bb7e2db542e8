package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.PACKED;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.sys.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing is allocated for a frame, in either direction, whichever the port and the ring; nor for a command. */
class NetAllocationTest {
    private static final int HEADER = 12;
    private static final int BUFFER = 1600;
    private static final int BATCH = 16;

    private final MemorySegment scratch = Arena.ofAuto().allocate(1 << 18);
    private long moved;

    @ParameterizedTest
    @CsvSource({"true,false", "true,true", "false,false", "false,true"})
    void framesBothWays(boolean tap, boolean packed) {
        String[] entries = {"packed", "true", "mtu", "9000"};
        try (NetRig net = tap ? NetRig.tap(entries) : NetRig.passt(entries)) {
            Runnable window = window(net, tap, packed);
            window.run();
            window.run();
            moved = 0;
            Allocations.assertNoneIn(tap ? "tap" : "passt", window);
            assertTrue(moved > 1000, "buffers moved: " + moved);
        }
    }

    /** Five hundred frames each way. */
    Runnable window(NetRig net, boolean tap, boolean packed) {
        net.driver().setUp((packed ? PACKED : ALL) & ~(1L << 28));
        byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 1, 16, Frames.pattern(5000, 1));
        byte[] frame = Frames.ethernet(
                Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp));
        long outAt = put(net, 1 << 20, Frames.header(1, 1, 66, 1448, 34, 16), frame);
        byte[] udp = Frames.finishedUdp(Frames.HOST_IP, Frames.GUEST_IP, 1, 2, Frames.pattern(4000, 1));
        byte[] in = Frames.ethernet(
                Frames.GUEST_MAC, Frames.HOST_MAC, 0x0800, Frames.ipv4(Frames.HOST_IP, Frames.GUEST_IP, 17, 1, udp));
        byte[] wire = tap
                ? Frames.join(new byte[HEADER], in)
                : ByteBuffer.allocate(4 + in.length).putInt(in.length).put(in).array();
        MemorySegment.copy(wire, 0, scratch, ValueLayout.JAVA_BYTE, 0, wire.length);
        long[][] rxAt = new long[BATCH][1];
        for (int i = 0; i < BATCH; i++) {
            rxAt[i][0] = (2 << 20) + (long) i * BUFFER;
        }
        int[] rxLength = {BUFFER};
        long[] txAt = {outAt, outAt + HEADER};
        int[] txLength = {HEADER, frame.length};
        return () -> {
            for (int round = 0; round < 500; round++) {
                round(net, txAt, txLength, rxAt, rxLength, wire.length);
            }
        };
    }

    /** Class, command and what follows (§5.1.6.5): each of those the device knows. */
    private static final byte[][] COMMANDS = {
        {0, 0, 1}, // PROMISC
        {0, 1, 1}, // ALLMULTI
        {0, 5, 0}, // NOBCAST
        {1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 7, 1, 0, 0, 0, 51, 51, 0, 0, 0, 1}, // tables of one address each
        {1, 1, 2, 0, 0, 0, 0, 9}, // MAC address
        {2, 0, 5, 0}, // VLAN 5
        {2, 1, 5, 0},
        {4, 0, 2, 0}, // two pairs
        {4, 0, 1, 0},
        {5, 0, 1 << 1, 0, 0, 0, 0, 0, 0, 0}, // GUEST_CSUM alone
    };

    @ParameterizedTest
    @ValueSource(longs = {ALL, PACKED})
    void commands(long features) {
        try (NetRig net = NetRig.tap("packed", "true", "pairs", "2")) {
            net.driver().setUp(features & ~(1L << 28));
            RigQueue queue = net.queue(net.control());
            long[][] at = new long[COMMANDS.length][];
            int[][] lengths = new int[COMMANDS.length][];
            for (int i = 0; i < COMMANDS.length; i++) {
                long place = put(net, (1 << 20) + 64L * i, COMMANDS[i]);
                at[i] = new long[] {place, (1 << 20) + 32_000L};
                lengths[i] = new int[] {COMMANDS[i].length, 1};
            }
            int[] good = new int[1];
            Allocations.assertNoneIn("commands", () -> {
                for (int i = 0; i < 10_000; i++) {
                    int which = i % COMMANDS.length;
                    net.rig.memory().put8(at[which][1], (byte) 0xFF);
                    queue.offerRaw(at[which], lengths[which], 1, 2);
                    queue.kickAnyway();
                    good[0] += queue.reapRaw() >= 0 && net.rig.memory().get8(at[which][1], (byte) 1) == 0 ? 1 : 0;
                }
            });
            assertTrue(good[0] >= 20_000 && good[0] % 10_000 == 0, "done: " + good[0]);
        }
    }

    private static long put(NetRig net, long at, byte[]... parts) {
        long end = at;
        for (byte[] part : parts) {
            for (byte value : part) {
                net.rig.memory().put8(end++, value);
            }
        }
        return at;
    }

    private void round(NetRig net, long[] txAt, int[] txLength, long[][] rxAt, int[] rxLength, int wireBytes) {
        RigQueue rx = net.queue(0);
        RigQueue tx = net.queue(1);
        tx.offerRaw(txAt, txLength, 2, 2);
        tx.kick();
        for (int i = 0; rx.outstanding() < BATCH; i++) {
            rx.offerRaw(rxAt[i], rxLength, 0, 1);
        }
        rx.kick();
        FileIo.tryWrite(net.peers.getFirst().fd(), scratch, 0, wireBytes);
        net.rig.settle();
        while (FileIo.tryRead(net.peers.getFirst().fd(), scratch, 1 << 17, 1 << 17) > 0) {
            moved++;
        }
        while (tx.reapRaw() >= 0) {
            moved++;
        }
        while (rx.reapRaw() >= 0) {
            moved++;
        }
    }
}
