package io.jvmm.device.net;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.Arrays;
import java.util.Locale;

/**
 * {@code integration-tests/bench net}: what a frame costs on its way through the device, an in-process driver at one end and a tap of
 * a namespace of its own at the other, beside the system call alone that moves the same frame. Medians of many short rounds in
 * turns; run with C1 only, as the process is.
 */
public final class NetBench {
    private static final int ROUNDS = 61;
    private static final int WARM_UP = 30;
    private static final int BATCH = 64;
    private static final int BATCHES = 8;
    private static final int FRAMES = BATCH * BATCHES;
    private static final int HEADER = FrameHeader.LENGTH_BYTES;
    private static final long FRAME_AT = 4 << 20;
    private static final long BUFFERS_AT = 6 << 20;
    private static final int ROOM = 1600;
    /** Nobody's: the kernel takes the frame and drops its packet. */
    private static final byte[] NOBODY = {10, 9, 8, 77};

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final InetSocketAddress GUEST = new InetSocketAddress(InetAddress.ofLiteral("10.9.8.2"), 9);

    /** A round of {@link #FRAMES} frames. */
    private interface Round {
        void run() throws Exception;
    }

    private NetBench() {}

    public static void main(String[] args) throws Exception {
        Namespace.run(() -> {
            Fd tap = Namespace.tap(1, 1500)[0];
            Namespace.program(
                    "ip", "neigh", "add", "10.9.8.2", "lladdr", "52:54:00:12:34:56", "dev", "tap0", "nud", "permanent");
            try (NetRig net = NetRig.over(new Fd[] {tap}, 1500)) {
                RigDriver driver = net.driver().setUp(NetRig.ALL & ~RigDriver.F_INDIRECT_DESC);
                System.out.printf("%-44s %10s %10s %10s %8s%n", "", "frames/s", "MB/s", "CPU/frame", "ratio");
                byte[] udp = frame(17, Frames.udp(Frames.GUEST_IP, NOBODY, 1, 9, new byte[1472]));
                out(net, tap, "to the tap, 1500 bytes", Frames.header(1, 0, 0, 0, 34, 6), udp);
                byte[] tcp = frame(6, Frames.tcp(Frames.GUEST_IP, NOBODY, 1, 16, new byte[64_000]));
                out(net, tap, "to the tap, 64,000 bytes to be segmented", Frames.header(1, 1, 66, 1448, 34, 16), tcp);
                in(net, driver.queue(0), tap);
            }
        });
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(NetRig.ALL & ~RigDriver.F_INDIRECT_DESC);
            byte[] udp = frame(17, Frames.udp(Frames.GUEST_IP, NOBODY, 1, 9, new byte[1472]));
            stream(net, "to a stream, 1500 bytes, checksum made here", Frames.header(1, 0, 0, 0, 34, 6), udp);
            byte[] tcp = frame(6, Frames.tcp(Frames.GUEST_IP, NOBODY, 1, 16, new byte[64_000]));
            stream(net, "to a stream, 64,000 bytes segmented here", Frames.header(1, 1, 66, 1448, 34, 16), tcp);
        }
    }

    private static byte[] frame(int protocol, byte[] packet) {
        return Frames.ethernet(
                Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(Frames.GUEST_IP, NOBODY, protocol, 1, packet));
    }

    private static void out(NetRig net, Fd tap, String what, byte[] header, byte[] frame) throws Exception {
        Runnable batch = batch(net, header, frame);
        IoVector vector = new IoVector(2);
        Round bare = () -> {
            for (int i = 0; i < FRAMES; i++) {
                vector.clear();
                vector.add(net.rig.memory().backing(), FRAME_AT, HEADER + (long) frame.length);
                FileIo.tryWrite(tap, vector);
            }
        };
        Round device = () -> {
            for (int i = 0; i < BATCHES; i++) {
                batch.run();
            }
        };
        compare(what, frame.length, device, bare, () -> {});
    }

    /** Fills the transmit queue with a batch of one frame, kicks and takes the buffers back. */
    private static Runnable batch(NetRig net, byte[] header, byte[] frame) {
        MemorySegment memory = net.rig.memory().backing();
        MemorySegment.copy(header, 0, memory, ValueLayout.JAVA_BYTE, FRAME_AT, HEADER);
        MemorySegment.copy(frame, 0, memory, ValueLayout.JAVA_BYTE, FRAME_AT + HEADER, frame.length);
        long[] at = {FRAME_AT};
        int[] length = {HEADER + frame.length};
        RigQueue tx = net.queue(1);
        return () -> {
            for (int i = 0; i < BATCH; i++) {
                tx.offerRaw(at, length, 1, 1);
            }
            tx.kick();
            net.rig.settle();
            int back = 0;
            while (tx.reapRaw() >= 0) {
                back++;
            }
            if (back == 0) {
                throw new AssertionError("nothing was sent");
            }
        };
    }

    /** The host's kernel has filled the tap's queue before the clock starts. */
    private static void in(NetRig net, RigQueue rx, Fd tap) throws Exception {
        long[][] at = new long[256][1];
        for (int i = 0; i < at.length; i++) {
            at[i][0] = BUFFERS_AT + (long) i * ROOM;
        }
        int[] length = {ROOM};
        MemorySegment memory = net.rig.memory().backing();
        IoVector vector = new IoVector(2);
        try (DatagramChannel socket = DatagramChannel.open()) {
            ByteBuffer payload = ByteBuffer.allocateDirect(1472);
            Round fill = () -> {
                for (int i = 0; i < FRAMES; i++) {
                    socket.send(payload.clear(), GUEST);
                }
            };
            int[] next = new int[1];
            Round device = () -> {
                int back = 0;
                for (int idle = 0; back < FRAMES && idle < 1000; idle++) {
                    while (rx.outstanding() < BATCH) {
                        rx.offerRaw(at[next[0]++ % at.length], length, 0, 1);
                    }
                    rx.kick();
                    net.rig.settle();
                    while (rx.reapRaw() >= 0) {
                        back++;
                        idle = 0;
                    }
                }
                if (back < FRAMES) {
                    throw new AssertionError("frames: " + back);
                }
            };
            Round bare = () -> {
                for (int i = 0; i < FRAMES; i++) {
                    vector.clear();
                    vector.add(memory, BUFFERS_AT, ROOM);
                    FileIo.tryRead(tap, vector);
                }
            };
            compare("from the tap, 1500 bytes", 1514, device, bare, fill);
        }
    }

    /** The other end is emptied outside the clock; so only half a socket's buffer is sent at a time. */
    private static void stream(NetRig net, String what, byte[] header, byte[] frame) throws Exception {
        MemorySegment sink = Arena.ofAuto().allocate(1 << 18);
        Runnable one = batchOf(net, header, frame);
        int batches = Math.max(1, 100_000 / frame.length);
        double[] wall = new double[ROUNDS];
        double[] cpu = new double[ROUNDS];
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            long wallNs = 0;
            long cpuNs = 0;
            int frames = 0;
            while (frames < FRAMES / 4) {
                long wallStart = System.nanoTime();
                long cpuStart = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < batches; i++) {
                    one.run();
                }
                cpuNs += THREADS.getCurrentThreadCpuTime() - cpuStart;
                wallNs += System.nanoTime() - wallStart;
                frames += batches;
                while (FileIo.tryRead(net.peers.getFirst().fd(), sink, 0, 1 << 18) > 0) {
                    // emptied
                }
            }
            if (round >= 0) {
                wall[round] = (double) wallNs / frames;
                cpu[round] = (double) cpuNs / frames;
            }
        }
        print(what, frame.length, median(wall), median(cpu), "");
    }

    private static Runnable batchOf(NetRig net, byte[] header, byte[] frame) {
        MemorySegment memory = net.rig.memory().backing();
        MemorySegment.copy(header, 0, memory, ValueLayout.JAVA_BYTE, FRAME_AT, HEADER);
        MemorySegment.copy(frame, 0, memory, ValueLayout.JAVA_BYTE, FRAME_AT + HEADER, frame.length);
        long[] at = {FRAME_AT};
        int[] length = {HEADER + frame.length};
        RigQueue tx = net.queue(1);
        return () -> {
            tx.offerRaw(at, length, 1, 1);
            tx.kick();
            net.rig.settle();
            while (tx.reapRaw() >= 0) {
                // sent
            }
        };
    }

    private static void compare(String what, int bytes, Round device, Round bare, Round before) throws Exception {
        double[] wall = new double[ROUNDS];
        double[] cpu = new double[ROUNDS];
        double[] floor = new double[ROUNDS];
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            before.run();
            long cpuStart = THREADS.getCurrentThreadCpuTime();
            long start = System.nanoTime();
            device.run();
            long wallNs = System.nanoTime() - start;
            long cpuNs = THREADS.getCurrentThreadCpuTime() - cpuStart;
            before.run();
            long floorStart = THREADS.getCurrentThreadCpuTime();
            bare.run();
            if (round >= 0) {
                floor[round] = (double) (THREADS.getCurrentThreadCpuTime() - floorStart) / FRAMES;
                wall[round] = (double) wallNs / FRAMES;
                cpu[round] = (double) cpuNs / FRAMES;
            }
        }
        double ratio = median(cpu) / median(floor);
        print(what, bytes, median(wall), median(cpu), String.format(Locale.ROOT, "%.2f", ratio));
        print("  the system call alone", bytes, median(floor), median(floor), "1");
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static void print(String what, int bytes, double wallNs, double cpuNs, String ratio) {
        System.out.printf(
                Locale.ROOT,
                "%-44s %,10.0f %,10.0f %,7.0f ns %8s%n",
                what,
                1e9 / wallNs,
                bytes * 1e3 / wallNs,
                cpuNs,
                ratio);
    }
}
