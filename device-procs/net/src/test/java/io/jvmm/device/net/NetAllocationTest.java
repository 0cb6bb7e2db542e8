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

/** Nothing is allocated for a frame, in either direction, whichever the port and the ring. */
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
            net.driver().setUp((packed ? PACKED : ALL) & ~(1L << 28));
            byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 1, 16, Frames.pattern(5000, 1));
            byte[] frame = Frames.ethernet(
                    Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp));
            long outAt = put(net, 1 << 20, Frames.header(1, 1, 66, 1448, 34, 16), frame);
            byte[] udp = Frames.finishedUdp(Frames.HOST_IP, Frames.GUEST_IP, 1, 2, Frames.pattern(4000, 1));
            byte[] in = Frames.ethernet(
                    Frames.GUEST_MAC,
                    Frames.HOST_MAC,
                    0x0800,
                    Frames.ipv4(Frames.HOST_IP, Frames.GUEST_IP, 17, 1, udp));
            byte[] wire = tap
                    ? Frames.join(new byte[HEADER], in)
                    : ByteBuffer.allocate(4 + in.length)
                            .putInt(in.length)
                            .put(in)
                            .array();
            MemorySegment.copy(wire, 0, scratch, ValueLayout.JAVA_BYTE, 0, wire.length);
            long[][] rxAt = new long[BATCH][1];
            for (int i = 0; i < BATCH; i++) {
                rxAt[i][0] = (2 << 20) + (long) i * BUFFER;
            }
            int[] rxLength = {BUFFER};
            long[] txAt = {outAt, outAt + HEADER};
            int[] txLength = {HEADER, frame.length};
            Runnable window = () -> {
                for (int round = 0; round < 500; round++) {
                    round(net, txAt, txLength, rxAt, rxLength, wire.length);
                }
            };
            window.run();
            window.run();
            moved = 0;
            Allocations.assertNoneIn(tap ? "tap" : "passt", window);
            assertTrue(moved > 1000, "buffers moved: " + moved);
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
