package io.jvmm.device.net;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A network function under the driver of the rig. The host's side is in the test's hands: sockets that keep the borders of
 * messages stand for the queues of a tap, a stream for passt.
 */
final class NetRig implements AutoCloseable {
    static final int RX = 0;
    static final int TX = 1;
    static final long ALL = -1L & ~RigDriver.F_RING_PACKED;
    static final long PACKED = -1L;
    private static final int HEADER = FrameHeader.LENGTH_BYTES;
    private static final int MOST_BYTES = 256 * 1024;

    final VirtioRig rig;
    int mtu = 1500;
    final List<UnixSocket> peers = new ArrayList<>();
    /** The device's ends, kept for a successor as the supervisor does. */
    private final List<Fd> given = new ArrayList<>();

    private final MemorySegment buffer = Arena.ofAuto().allocate(MOST_BYTES);

    private NetRig(VirtioRig rig) {
        this.rig = rig;
    }

    /** A function with a port for each pair that keeps frames apart. */
    static NetRig tap(String... entries) {
        return make(true, entries);
    }

    /** A function on descriptors of a real tap, one for each pair. */
    static NetRig over(Fd[] taps, int mtu) {
        Map<String, String> config = new HashMap<>();
        config.put("0.backend", "tap");
        config.put("0.pairs", Integer.toString(taps.length));
        config.put("0.mtu", Integer.toString(mtu));
        config.put("0.queue-size", "256");
        Map<String, Fd> descriptors = new HashMap<>();
        for (int i = 0; i < taps.length; i++) {
            descriptors.put("0.tap." + i, taps[i]);
        }
        return over(config, descriptors, mtu);
    }

    /** A function on any descriptors, which are closed with it. */
    static NetRig over(Map<String, String> config, Map<String, Fd> descriptors, int mtu) {
        NetRig made = new NetRig(new VirtioRig(new NetDevice(), config, descriptors, 16 << 20));
        made.given.addAll(descriptors.values());
        made.mtu = mtu;
        return made;
    }

    /** A function on a stream. */
    static NetRig passt(String... entries) {
        return make(false, entries);
    }

    private static NetRig make(boolean tap, String... entries) {
        Map<String, String> config = new HashMap<>();
        config.put("0.backend", tap ? "tap" : "passt");
        config.put("0.pairs", "1");
        config.put("0.mtu", "1500");
        config.put("0.queue-size", "256");
        for (int i = 0; i < entries.length; i += 2) {
            config.put("0." + entries[i], entries[i + 1]);
        }
        int pairs = Integer.parseInt(config.getOrDefault("0.pairs", "1"));
        List<UnixSocket> peers = new ArrayList<>();
        Map<String, Fd> descriptors = new HashMap<>();
        for (int pair = 0; pair < pairs; pair++) {
            UnixSocket.Pair sockets = tap ? UnixSocket.seqPacketPair() : UnixSocket.streamPair();
            sockets.right().fd().setNonBlocking(true);
            peers.add(sockets.right());
            descriptors.put(tap ? "0.tap." + pair : "0.passt", sockets.left().fd());
        }
        if (!tap) {
            descriptors.put(
                    "0.streams",
                    MemFd.createSealed("streams", PasstStreamsLayout.TOTAL_BYTES)
                            .fd());
        }
        NetRig made = new NetRig(new VirtioRig(new NetDevice(), config, descriptors, 16 << 20));
        made.peers.addAll(peers);
        made.given.addAll(descriptors.values());
        return made;
    }

    RigDriver driver() {
        return rig.driver();
    }

    RigQueue queue(int index) {
        return driver().queue(index);
    }

    /** The control queue of what was negotiated. */
    int control() {
        return driver().negotiated(NetFeatures.MQ) ? driver().queueCount() - 1 : 2;
    }

    int command(int type, int command, byte... data) {
        return driver().request(control(), Frames.join(new byte[] {(byte) type, (byte) command}, data), 1)[0];
    }

    /** A counter, as committed. */
    long counter(NetCounter counter) {
        byte[] state = rig.state();
        int own = state.length - NetStateLayout.LENGTH_BYTES;
        return new NetState(new UnsafeBuffer(state, own, NetStateLayout.LENGTH_BYTES)).counter(counter);
    }

    // ---- the guest

    /** Receive buffers, one segment each. */
    void offerReceive(int pair, int count, int bytes) {
        for (int i = 0; i < count; i++) {
            queue(2 * pair).offer(new byte[0], bytes);
        }
        queue(2 * pair).kick();
        rig.settle();
    }

    /** What came into a receive queue: with mergeable buffers put together again. Header and frame. */
    List<byte[]> received(int pair) {
        rig.settle();
        List<byte[]> frames = new ArrayList<>();
        Completion completion;
        while ((completion = queue(2 * pair).reap()) != null) {
            byte[] first = completion.written();
            int buffers = driver().negotiated(NetFeatures.MRG_RXBUF) ? (first[10] & 0xFF) | (first[11] & 0xFF) << 8 : 1;
            byte[][] parts = new byte[buffers][];
            parts[0] = first;
            for (int i = 1; i < buffers; i++) {
                parts[i] =
                        java.util.Objects.requireNonNull(queue(2 * pair).reap()).written();
            }
            frames.add(Frames.join(parts));
        }
        return frames;
    }

    /** Sends a frame behind a header; true when the buffer came back. */
    boolean send(int pair, byte[] header, byte[]... pieces) {
        byte[][] all = new byte[pieces.length + 1][];
        all[0] = header;
        System.arraycopy(pieces, 0, all, 1, pieces.length);
        queue(2 * pair + 1).offer(all);
        queue(2 * pair + 1).kick();
        rig.settle();
        return queue(2 * pair + 1).reap() != null;
    }

    // ---- the host

    /** A frame comes, behind a header as a tap writes it. */
    void arrive(int port, byte[] header, byte[] frame) {
        write(port, Frames.join(header, frame));
    }

    void write(int port, byte[] bytes) {
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        long written = FileIo.tryWrite(peers.get(port).fd(), buffer, 0, bytes.length);
        if (written != bytes.length) {
            throw new AssertionError("wrote " + written + " of " + bytes.length);
        }
    }

    /** What the device sent since last asked: one message, or what a stream has; empty when there is nothing. */
    byte[] sent(int port) {
        long count = FileIo.tryRead(peers.get(port).fd(), buffer, 0, MOST_BYTES);
        if (Errno.EAGAIN.is(count)) {
            return new byte[0];
        }
        if (count < 0) {
            throw new AssertionError("read: " + count);
        }
        return buffer.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
    }

    /** The bytes on a stream that frames make. */
    static byte[] prefixed(byte[] frame) {
        return ByteBuffer.allocate(4 + frame.length)
                .putInt(frame.length)
                .put(frame)
                .array();
    }

    static byte[] frameOf(byte[] received) {
        return Arrays.copyOfRange(received, HEADER, received.length);
    }

    static byte[] plain() {
        return new byte[HEADER];
    }

    /** Any frame for the guest. */
    static byte[] forGuest(int payload, int seed) {
        return Frames.ethernet(Frames.GUEST_MAC, Frames.HOST_MAC, 0x88B5, Frames.pattern(payload, seed));
    }

    static byte[] fromGuest(int payload, int seed) {
        return Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x88B5, Frames.pattern(payload, seed));
    }

    @Override
    public void close() {
        rig.close();
        peers.forEach(UnixSocket::close);
        given.forEach(Fd::close);
    }
}
