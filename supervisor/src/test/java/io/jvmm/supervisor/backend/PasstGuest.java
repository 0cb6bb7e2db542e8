package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The little of a guest's network that asks passt for an address, a name and a connection: frames behind their length, without
 * checksums, which passt does not look at.
 */
final class PasstGuest {
    private static final long PATIENCE_NS = 20_000_000_000L;
    private static final byte[] MAC = {2, 0, 0, 0, 0, 2};
    private static final byte[] ADDRESS = {10, 9, 8, 1};
    private static final byte[] ANY = new byte[4];
    private static final byte[] ALL = {-1, -1, -1, -1};
    private static final int ETHERNET = 14;
    private static final int IPV4 = 20;
    private static final int UDP = 8;
    private static final int TCP_PROTOCOL = 6;
    private static final int UDP_PROTOCOL = 17;
    private static final int QUERY_PORT = 4000;
    private static final int DOMAIN = 53;

    private final Fd socket;
    private final MemorySegment memory = Arena.ofAuto().allocate(128 * 1024);
    private int filled;

    PasstGuest(Fd socket) {
        this.socket = socket;
    }

    private void send(byte[] to, int protocol, byte[] packet) {
        byte[] from = Arrays.equals(to, ALL) ? ANY : ADDRESS;
        ByteBuffer frame = ByteBuffer.allocate(4 + ETHERNET + IPV4 + packet.length);
        frame.putInt(ETHERNET + IPV4 + packet.length);
        frame.put(new byte[] {-1, -1, -1, -1, -1, -1}).put(MAC).putShort((short) 0x0800);
        frame.putShort((short) 0x4500).putShort((short) (IPV4 + packet.length)).putInt(0);
        frame.put((byte) 64)
                .put((byte) protocol)
                .putShort((short) 0)
                .put(from)
                .put(to)
                .put(packet);
        MemorySegment bytes = Arena.ofAuto().allocate(frame.capacity());
        bytes.copyFrom(MemorySegment.ofArray(frame.array()));
        assertTrue(FileIo.tryWrite(socket, bytes, 0, frame.capacity()) == frame.capacity(), "a frame is taken whole");
    }

    private void datagram(byte[] to, int from, int port, byte[] payload) {
        ByteBuffer udp = ByteBuffer.allocate(UDP + payload.length);
        udp.putShort((short) from)
                .putShort((short) port)
                .putShort((short) udp.capacity())
                .putShort((short) 0);
        send(to, UDP_PROTOCOL, udp.put(payload).array());
    }

    /** Begins a connection (RFC 9293 §3.5). */
    void connect(byte[] to, int port) {
        ByteBuffer syn = ByteBuffer.allocate(20).putShort((short) 5000).putShort((short) port);
        syn.putInt(1)
                .putInt(0)
                .putShort((short) 0x5002)
                .putShort((short) 0x7fff)
                .putInt(0);
        send(to, TCP_PROTOCOL, syn.array());
    }

    /** What comes back to a datagram to port 53. */
    String ask(byte[] resolver, String question) {
        datagram(resolver, QUERY_PORT, DOMAIN, question.getBytes(StandardCharsets.UTF_8));
        return new String(await(DOMAIN), StandardCharsets.UTF_8);
    }

    /** The resolvers of an offer (RFC 2132 §3.8). */
    List<String> resolversByDhcp() {
        ByteBuffer discover = ByteBuffer.allocate(300);
        discover.putInt(0x01010600).putInt(0x12345678).position(28);
        discover.put(MAC).position(236);
        discover.putInt(0x63825363).put(new byte[] {53, 1, 1, (byte) 255});
        datagram(ALL, 68, 67, discover.array());
        ByteBuffer offer = ByteBuffer.wrap(await(67)).position(240);
        List<String> resolvers = new ArrayList<>();
        for (int option = offer.get() & 0xff; option != 255; option = offer.get() & 0xff) {
            byte[] value = new byte[option == 0 ? 0 : offer.get() & 0xff];
            offer.get(value);
            for (int at = 0; option == 6 && at < value.length; at += 4) {
                resolvers.add((value[at] & 0xff) + "." + (value[at + 1] & 0xff) + "." + (value[at + 2] & 0xff) + "."
                        + (value[at + 3] & 0xff));
            }
        }
        return resolvers;
    }

    /** The payload of the next datagram from a port. */
    private byte[] await(int fromPort) {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (System.nanoTime() < endNs) {
            byte[] frame = next();
            boolean udp = frame.length >= ETHERNET + IPV4 + UDP && frame[ETHERNET + 9] == UDP_PROTOCOL;
            if (udp && ByteBuffer.wrap(frame).getShort(ETHERNET + IPV4) == fromPort) {
                return Arrays.copyOfRange(frame, ETHERNET + IPV4 + UDP, frame.length);
            }
        }
        throw new AssertionError("no datagram from port " + fromPort);
    }

    /** The next frame; empty when there is none now. */
    private byte[] next() {
        long count = FileIo.tryRead(socket, memory, filled, memory.byteSize() - filled);
        assertTrue(count > 0 || Errno.EAGAIN.is(count), "passt has gone");
        filled += (int) Math.max(0, count);
        int length =
                filled < 4 ? Integer.MAX_VALUE : Integer.reverseBytes(memory.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
        if (length > filled - 4) {
            Thread.onSpinWait();
            return new byte[0];
        }
        byte[] frame = memory.asSlice(4, length).toArray(ValueLayout.JAVA_BYTE);
        MemorySegment.copy(memory, 4L + length, memory, 0, filled - 4L - length);
        filled -= 4 + length;
        return frame;
    }
}
