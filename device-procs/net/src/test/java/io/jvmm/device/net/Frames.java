package io.jvmm.device.net;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Frames for tests, and a second opinion on their checksums: 16 bits at a time with the carry added at once, as RFC 1071 defines
 * the sum, by hand.
 */
final class Frames {
    static final byte[] GUEST_MAC = HexFormat.of().parseHex("525400123456");
    static final byte[] HOST_MAC = HexFormat.of().parseHex("020000000001");
    static final byte[] GUEST_IP = {10, 9, 8, 2};
    static final byte[] HOST_IP = {10, 9, 8, 1};
    static final byte[] GUEST_IP6 = HexFormat.of().parseHex("fd000000000000000000000000000002");
    static final byte[] HOST_IP6 = HexFormat.of().parseHex("fd000000000000000000000000000001");

    private Frames() {}

    /** RFC 1071 §4.1, without the complement. */
    static int sum(byte[]... parts) {
        ByteBuffer all =
                ByteBuffer.allocate(Arrays.stream(parts).mapToInt(p -> p.length).sum() + 1);
        int length = all.capacity() - 1;
        for (byte[] part : parts) {
            all.put(part);
        }
        int sum = 0;
        for (int i = 0; i < length; i += 2) {
            sum += ((all.get(i) & 0xFF) << 8) | (all.get(i + 1) & 0xFF);
            if (sum > 0xFFFF) {
                sum = (sum & 0xFFFF) + 1;
            }
        }
        return sum;
    }

    /** Sum of a transport packet with its pseudo-header; 0xFFFF when the checksum in it is right. */
    static int transportSum(byte[] source, byte[] target, int protocol, byte[] packet) {
        byte[] pseudo =
                ByteBuffer.allocate(8).putInt(packet.length).putInt(protocol).array();
        return sum(source, target, pseudo, packet);
    }

    static byte[] ethernet(byte[] target, byte[] source, int type, byte[] payload) {
        return ByteBuffer.allocate(14 + payload.length)
                .put(target)
                .put(source)
                .putShort((short) type)
                .put(payload)
                .array();
    }

    static byte[] ipv4(byte[] source, byte[] target, int protocol, int id, byte[] payload) {
        ByteBuffer packet = ByteBuffer.allocate(20 + payload.length);
        packet.put((byte) 0x45)
                .put((byte) 0)
                .putShort((short) (20 + payload.length))
                .putShort((short) id);
        packet.putShort((short) 0x4000).put((byte) 64).put((byte) protocol).putShort((short) 0);
        packet.put(source).put(target).put(payload);
        packet.putShort(10, (short) ~sum(Arrays.copyOf(packet.array(), 20)));
        return packet.array();
    }

    static byte[] ipv6(byte[] source, byte[] target, int protocol, byte[] payload) {
        ByteBuffer packet = ByteBuffer.allocate(40 + payload.length);
        packet.putInt(0x60000000)
                .putShort((short) payload.length)
                .put((byte) protocol)
                .put((byte) 64);
        return packet.put(source).put(target).put(payload).array();
    }

    /** With a checksum of the pseudo-header only, as a driver leaves it to the device. */
    static byte[] tcp(byte[] source, byte[] target, int sequence, int flags, byte[] payload) {
        ByteBuffer packet = ByteBuffer.allocate(32 + payload.length);
        packet.putShort((short) 40000).putShort((short) 80).putInt(sequence).putInt(77);
        packet.put((byte) 0x80).put((byte) flags).putShort((short) 500);
        packet.putShort((short) pseudo(source, target, 6, 32 + payload.length)).putShort((short) 0);
        packet.putInt(0x0101080A).putInt(1).putInt(2).put(payload);
        return packet.array();
    }

    static byte[] udp(byte[] source, byte[] target, int sourcePort, int targetPort, byte[] payload) {
        ByteBuffer packet = ByteBuffer.allocate(8 + payload.length);
        packet.putShort((short) sourcePort).putShort((short) targetPort).putShort((short) (8 + payload.length));
        return packet.putShort((short) pseudo(source, target, 17, 8 + payload.length))
                .put(payload)
                .array();
    }

    private static int pseudo(byte[] source, byte[] target, int protocol, int length) {
        byte[] rest = ByteBuffer.allocate(8).putInt(length).putInt(protocol).array();
        return sum(source, target, rest);
    }

    /** Puts the checksum in that {@link #udp} left out. */
    static byte[] finishedUdp(byte[] source, byte[] target, int sourcePort, int targetPort, byte[] payload) {
        byte[] packet = udp(source, target, sourcePort, targetPort, payload);
        int value = ~sum(packet) & 0xFFFF;
        return ByteBuffer.wrap(packet)
                .putShort(6, (short) (value == 0 ? 0xFFFF : value))
                .array();
    }

    /** A virtio_net_hdr. */
    static byte[] header(int flags, int gsoType, int hdrLen, int gsoSize, int csumStart, int csumOffset) {
        ByteBuffer header = ByteBuffer.allocate(12).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        header.put((byte) flags).put((byte) gsoType).putShort((short) hdrLen).putShort((short) gsoSize);
        return header.putShort((short) csumStart).putShort((short) csumOffset).array();
    }

    static byte[] join(byte[]... parts) {
        ByteBuffer all =
                ByteBuffer.allocate(Arrays.stream(parts).mapToInt(p -> p.length).sum());
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }

    static byte[] pattern(int length, int seed) {
        byte[] bytes = new byte[length];
        new java.util.Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** What a stream of frames behind their lengths holds. */
    static List<byte[]> split(byte[] stream) {
        List<byte[]> frames = new ArrayList<>();
        ByteBuffer buffer = ByteBuffer.wrap(stream);
        while (buffer.hasRemaining()) {
            byte[] frame = new byte[buffer.getInt()];
            buffer.get(frame);
            frames.add(frame);
        }
        return frames;
    }
}
