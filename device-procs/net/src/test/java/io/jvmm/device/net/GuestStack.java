package io.jvmm.device.net;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a guest's network stack says, as little of it as the tests need: answers ARP and echo requests, keeps datagrams, and
 * receives one TCP connection. It believes a checksum only when it holds, or when the device says it need not be looked at.
 */
final class GuestStack {
    private static final int TYPE_ARP = 0x0806;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int ICMP = 1;
    private static final int SYN = 2;
    private static final int FIN = 1;
    private static final int ACK = 16;
    private static final int HEADER = 12;

    private final NetRig net;
    private final byte[] ip;
    /** Payload of datagrams, in order. */
    final List<byte[]> datagrams = new ArrayList<>();
    /** All of TCP's data, in order. */
    final java.io.ByteArrayOutputStream stream = new java.io.ByteArrayOutputStream();

    int echoes;
    int largeFrames;
    int finishedChecksums;
    int leftChecksums;
    boolean closed;
    private int nextSequence;

    GuestStack(NetRig net, byte[] ip) {
        this.net = net;
        this.ip = ip;
    }

    /** Lets the device work, and handles what came in on all pairs. */
    void turn(int pairs) {
        for (int pair = 0; pair < pairs; pair++) {
            boolean offered = false;
            while (net.queue(2 * pair).outstanding() < 128) {
                net.queue(2 * pair).offer(new byte[0], 1600);
                offered = true;
            }
            if (offered) {
                net.queue(2 * pair).kick();
            }
            for (byte[] frame : net.received(pair)) {
                frame(pair, frame);
            }
        }
    }

    void transmit(int pair, byte[] header, byte[] frame) {
        if (!net.send(pair, header, frame)) {
            throw new AssertionError("the buffer did not come back");
        }
    }

    private void frame(int pair, byte[] all) {
        ByteBuffer frame = ByteBuffer.wrap(all, HEADER, all.length - HEADER).slice();
        largeFrames += frame.capacity() > 9100 ? 1 : 0;
        int type = frame.getShort(12) & 0xFFFF;
        if (type == TYPE_ARP && frame.getShort(20) == 1 && Arrays.equals(bytes(frame, 38, 4), ip)) {
            byte[] reply = ByteBuffer.allocate(28)
                    .putInt(0x00010800)
                    .putInt(0x06040002)
                    .put(Frames.GUEST_MAC)
                    .put(ip)
                    .put(bytes(frame, 22, 10))
                    .array();
            transmit(pair, NetRig.plain(), Frames.ethernet(bytes(frame, 6, 6), Frames.GUEST_MAC, TYPE_ARP, reply));
        } else if (type == TYPE_IPV4 && Arrays.equals(bytes(frame, 30, 4), ip)) {
            packet(pair, all[0], frame);
        }
    }

    private void packet(int pair, int flags, ByteBuffer frame) {
        int total = frame.getShort(16) & 0xFFFF;
        int protocol = frame.get(23);
        byte[] packet = bytes(frame, 34, total - 20);
        byte[] source = bytes(frame, 26, 4);
        if (protocol != ICMP) {
            boolean holds = Frames.transportSum(source, ip, protocol, packet) == 0xFFFF;
            finishedChecksums += holds ? 1 : 0;
            leftChecksums += holds ? 0 : 1;
            boolean none = protocol == 17 && packet[6] == 0 && packet[7] == 0; // RFC 768: the sender made none
            if (!holds && !none && (flags & FrameHeader.NEEDS_CSUM) == 0) {
                throw new AssertionError("a packet with a bad checksum, and the device says nothing");
            }
        }
        switch (protocol) {
            case ICMP -> {
                packet[0] = 0;
                packet[2] = 0;
                packet[3] = 0;
                ByteBuffer.wrap(packet).putShort(2, (short) ~Frames.sum(packet));
                echoes++;
                transmit(pair, NetRig.plain(), reply(frame, ICMP, packet));
            }
            case 17 -> datagrams.add(Arrays.copyOfRange(packet, 8, packet.length));
            case 6 -> tcp(pair, frame, ByteBuffer.wrap(packet), source);
            default -> {}
        }
    }

    private byte[] reply(ByteBuffer frame, int protocol, byte[] packet) {
        byte[] back = Frames.ipv4(ip, bytes(frame, 26, 4), protocol, 0, packet);
        return Frames.ethernet(bytes(frame, 6, 6), Frames.GUEST_MAC, TYPE_IPV4, back);
    }

    private void tcp(int pair, ByteBuffer frame, ByteBuffer packet, byte[] source) {
        int flags = packet.get(13);
        int sequence = packet.getInt(4);
        int offset = (packet.get(12) >> 4 & 0xF) * 4;
        int answer = ACK;
        if ((flags & SYN) != 0) {
            nextSequence = sequence + 1;
            answer |= SYN;
        } else if (sequence == nextSequence) {
            stream.writeBytes(bytes(packet, offset, packet.capacity() - offset));
            nextSequence += packet.capacity() - offset;
            if ((flags & FIN) != 0) {
                nextSequence++;
                closed = true;
                answer |= FIN;
            }
        }
        if (packet.capacity() == offset && (flags & (SYN | FIN)) == 0) {
            return; // an acknowledgement
        }
        ByteBuffer segment = ByteBuffer.allocate((answer & SYN) != 0 ? 28 : 20);
        segment.putShort(packet.getShort(2)).putShort(packet.getShort(0));
        segment.putInt((answer & SYN) != 0 ? 1000 : 1001).putInt(nextSequence);
        segment.put((byte) ((segment.capacity() / 4) << 4)).put((byte) answer).putShort((short) 0x7FFF);
        if ((answer & SYN) != 0) {
            segment.position(20).putInt(0x02040000 | (net.mtu - 40)).putInt(0x01030307);
        }
        int pseudo = Frames.transportSum(ip, source, 6, new byte[0]);
        pseudo += segment.capacity();
        segment.putShort(16, (short) ((pseudo & 0xFFFF) + (pseudo >>> 16)));
        transmit(pair, Frames.header(1, 0, 0, 0, 34, 16), reply(frame, 6, segment.array()));
    }

    private static byte[] bytes(ByteBuffer frame, int at, int length) {
        byte[] bytes = new byte[length];
        frame.get(at, bytes);
        return bytes;
    }
}
