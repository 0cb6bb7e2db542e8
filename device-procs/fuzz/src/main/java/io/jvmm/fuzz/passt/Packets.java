package io.jvmm.fuzz.passt;

import java.util.Arrays;

/** Frames, and the Internet checksum (RFC 1071) two bytes a step: written a second time, so that the device's can be held against it. */
final class Packets {
    static final int KINDS = 6;
    static final int ETHERNET = 14;
    static final int TCP = 6;
    static final int UDP = 17;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int TYPE_IPV6 = 0x86DD;
    private static final int TYPE_8021Q = 0x8100;
    private static final int TYPE_8021AD = 0x88A8;

    private Packets() {}

    static int u8(byte[] bytes, int at) {
        return bytes[at] & 0xFF;
    }

    static int u16(byte[] bytes, int at) {
        return u8(bytes, at) << 8 | u8(bytes, at + 1);
    }

    static int u32(byte[] bytes, int at) {
        return u16(bytes, at) << 16 | u16(bytes, at + 2);
    }

    static void put16(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 8);
        bytes[at + 1] = (byte) value;
    }

    static void put32(byte[] bytes, int at, int value) {
        put16(bytes, at, value >>> 16);
        put16(bytes, at + 2, value);
    }

    /** Sixteen bits, highest byte first, an odd one padded behind. */
    static int sum(int sum, byte[] bytes, int from, int to) {
        int total = sum;
        for (int at = from; at < to; at += 2) {
            total += u8(bytes, at) << 8 | (at + 1 < to ? u8(bytes, at + 1) : 0);
            total = (total & 0xFFFF) + (total >>> 16);
        }
        return total;
    }

    /** The sum of a pseudo-header. */
    static int pseudo(byte[] bytes, int l3, boolean ipv4, int protocol, int lengthBytes) {
        int addresses = ipv4 ? sum(0, bytes, l3 + 12, l3 + 20) : sum(0, bytes, l3 + 8, l3 + 40);
        int total = addresses + protocol + (lengthBytes & 0xFFFF);
        return (total & 0xFFFF) + (total >>> 16);
    }

    /** Where the network header is, behind up to two tags. */
    static int l3(byte[] frame) {
        int at = 12;
        for (int tags = 0; tags < 2 && at + 2 <= frame.length; tags++) {
            int type = u16(frame, at);
            if (type != TYPE_8021Q && type != TYPE_8021AD) {
                break;
            }
            at += 4;
        }
        return at + 2;
    }

    /** Whether what is at {@link #l3} calls itself IPv4. */
    static boolean isIpv4(byte[] frame) {
        int l3 = l3(frame);
        return l3 <= frame.length && u16(frame, l3 - 2) == TYPE_IPV4;
    }

    /** Whether a frame is whole TCP or UDP over IP with a checksum, and that is right. */
    static boolean isWhole(byte[] frame) {
        int l3 = l3(frame);
        boolean ipv4 = isIpv4(frame);
        if (l3 + (ipv4 ? 20 : 40) > frame.length || (!ipv4 && u16(frame, l3 - 2) != TYPE_IPV6)) {
            return false;
        }
        int header = ipv4 ? u8(frame, l3) % 16 * 4 : 40;
        int end = l3 + (ipv4 ? u16(frame, l3 + 2) : 40 + u16(frame, l3 + 4));
        int protocol = u8(frame, l3 + (ipv4 ? 9 : 6));
        boolean fragment = ipv4 && (u16(frame, l3 + 6) & 0x3FFF) != 0;
        int l4 = l3 + header;
        int least = protocol == TCP ? 20 : 8;
        if (fragment || end > frame.length || end - l4 < least || (protocol != TCP && protocol != UDP)) {
            return false;
        }
        boolean none = protocol == UDP && u16(frame, l4 + 6) == 0;
        return !none && sum(pseudo(frame, l3, ipv4, protocol, end - l4), frame, l4, end) == 0xFFFF;
    }

    /**
     * A frame with right lengths and, of those that are IP, right checksums.
     *
     * @param kind 0 no IP, 1 UDP over IPv4, 2 TCP over IPv4, 3 TCP over IPv6, 4 UDP over IPv6, 5 TCP over IPv4 behind a tag
     * @param lengthBytes of all; made longer when the headers need it
     * @param mark what the rest is filled with begins so
     */
    static byte[] frame(int kind, int lengthBytes, int mark) {
        boolean tcp = kind == 2 || kind == 3 || kind == 5;
        boolean ipv4 = kind != 3 && kind != 4;
        int l3 = ETHERNET + (kind == 5 ? 4 : 0);
        int l4 = l3 + (kind == 0 ? 0 : ipv4 ? 20 : 40);
        int headers = kind == 0 ? ETHERNET : l4 + (tcp ? 32 : 8);
        byte[] frame = new byte[Math.max(headers, lengthBytes)];
        for (int i = headers; i < frame.length; i++) {
            frame[i] = (byte) (mark * 7 + i * 31 + (i >>> 8));
        }
        Arrays.fill(frame, 0, 6, (byte) 0x52);
        Arrays.fill(frame, 6, 12, (byte) 0x54);
        put16(frame, 12, kind == 0 ? 0x1234 : kind == 5 ? TYPE_8021Q : ipv4 ? TYPE_IPV4 : TYPE_IPV6);
        if (kind == 5) {
            put32(frame, 14, 0x0007_0000 | TYPE_IPV4);
        }
        if (kind != 0) {
            network(frame, l3, ipv4, tcp ? TCP : UDP, mark);
            transport(frame, l3, l4, ipv4, tcp);
        }
        return frame;
    }

    private static void network(byte[] frame, int l3, boolean ipv4, int protocol, int mark) {
        if (ipv4) {
            put16(frame, l3, 0x4500);
            put16(frame, l3 + 2, frame.length - l3);
            put16(frame, l3 + 4, mark);
            put16(frame, l3 + 8, 64 << 8 | protocol);
            put32(frame, l3 + 12, 0x0A00_020F);
            put32(frame, l3 + 16, 0x0A00_0202);
            put16(frame, l3 + 10, ~sum(0, frame, l3, l3 + 20));
        } else {
            put32(frame, l3, 0x6000_0000);
            put16(frame, l3 + 4, frame.length - l3 - 40);
            put16(frame, l3 + 6, protocol << 8 | 64);
            put16(frame, l3 + 8, 0xFD00);
            put16(frame, l3 + 22, 0x0F);
            put16(frame, l3 + 24, 0xFD00);
            put16(frame, l3 + 38, 0x02);
        }
    }

    private static void transport(byte[] frame, int l3, int l4, boolean ipv4, boolean tcp) {
        put32(frame, l4, 0x1000_2000);
        if (tcp) {
            put32(frame, l4 + 4, 0xFFFF_F000);
            put16(frame, l4 + 12, 0x8099);
            Arrays.fill(frame, l4 + 20, l4 + 32, (byte) 1);
        } else {
            put16(frame, l4 + 4, frame.length - l4);
        }
        int total = pseudo(frame, l3, ipv4, tcp ? TCP : UDP, frame.length - l4);
        int check = ~sum(total, frame, l4, frame.length) & 0xFFFF;
        put16(frame, l4 + (tcp ? 16 : 6), check == 0 ? 0xFFFF : check);
    }
}
