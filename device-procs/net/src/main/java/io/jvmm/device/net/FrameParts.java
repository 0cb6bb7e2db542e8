package io.jvmm.device.net;

import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Where the headers of a frame are. Reusable; the frame lies in the device's own memory and is hostile: every offset is inside
 * its bounds or the frame is none of those this class knows.
 */
final class FrameParts {
    private static final int TYPE_OFFSET = 12;
    private static final int TAG_BYTES = 4;
    private static final int MOST_TAGS = 2;
    private static final int TYPE_IPV4 = 0x0800;
    private static final int TYPE_IPV6 = 0x86DD;
    private static final int TYPE_8021Q = 0x8100;
    private static final int TYPE_8021AD = 0x88A8;
    private static final int IPV4_BYTES = 20;
    private static final int IPV6_BYTES = 40;
    private static final int IPV4_TARGET = 16;
    private static final int IPV6_TARGET = 24;
    private static final int LOOPBACK_NET = 127;
    private static final int IPV4_MAPPED = 0xFFFF;
    private static final int FRAGMENT_BITS = 0x3FFF;

    /** Network header. */
    int l3;
    /** Transport header; for IPv6 just behind the fixed header, extensions not looked at. */
    int l4;
    /** End of the IP packet, within the frame. */
    int end;
    /** Protocol, or IPv6's next header. */
    int protocol;

    boolean ipv4;
    boolean ipv6;
    boolean fragment;

    /**
     * Finds the headers of an IP packet; false when it is none, or cut short. {@link #l3} holds whenever {@link #ipv4} or
     * {@link #ipv6} does.
     */
    boolean find(UnsafeBuffer frame, int offset, int frameBytes) {
        int at = TYPE_OFFSET;
        int type = 0;
        ipv4 = false;
        ipv6 = false;
        for (int tags = 0; tags <= MOST_TAGS; tags++) {
            if (at + 2 > frameBytes) {
                return false;
            }
            type = u16(frame, offset + at);
            if (type != TYPE_8021Q && type != TYPE_8021AD) {
                break;
            }
            at += TAG_BYTES;
        }
        l3 = offset + at + 2;
        int bytes = frameBytes - at - 2;
        ipv4 = type == TYPE_IPV4;
        ipv6 = type == TYPE_IPV6;
        return ipv4 ? findIpv4(frame, bytes) : ipv6 && findIpv6(frame, bytes);
    }

    private boolean findIpv4(UnsafeBuffer frame, int bytes) {
        if (bytes < IPV4_BYTES || (frame.getByte(l3) & 0xF0) != 0x40) {
            return false;
        }
        int header = (frame.getByte(l3) & 0xF) * 4;
        int total = u16(frame, l3 + 2);
        protocol = frame.getByte(l3 + 9) & 0xFF;
        fragment = (u16(frame, l3 + 6) & FRAGMENT_BITS) != 0;
        l4 = l3 + header;
        end = l3 + total;
        return header >= IPV4_BYTES && header <= total && total <= bytes;
    }

    private boolean findIpv6(UnsafeBuffer frame, int bytes) {
        if (bytes < IPV6_BYTES || (frame.getByte(l3) & 0xF0) != 0x60) {
            return false;
        }
        int payload = u16(frame, l3 + 4);
        protocol = frame.getByte(l3 + 6) & 0xFF;
        fragment = false;
        l4 = l3 + IPV6_BYTES;
        end = l4 + payload;
        return IPV6_BYTES + payload <= bytes;
    }

    /** The sum of both addresses. */
    long addresses(UnsafeBuffer frame) {
        return ipv4 ? InternetChecksum.add(0, frame, l3 + 12, 8) : InternetChecksum.add(0, frame, l3 + 8, 32);
    }

    /** Whether this is whole TCP or UDP whose checksum is right. */
    boolean checksumHolds(UnsafeBuffer frame) {
        int length = end - l4;
        boolean tcp = protocol == InternetChecksum.TCP && length >= 20;
        boolean udp = protocol == InternetChecksum.UDP && length >= 8 && u16(frame, l4 + 6) != 0;
        if (fragment || !(tcp || udp)) {
            return false;
        }
        long sum = InternetChecksum.addPseudo(addresses(frame), protocol, length);
        return InternetChecksum.fold(InternetChecksum.add(sum, frame, l4, length)) == 0xFFFF;
    }

    static int u16(UnsafeBuffer bytes, int at) {
        return bytes.getShort(at, ByteOrder.BIG_ENDIAN) & 0xFFFF;
    }

    /**
     * Whether a frame's packet is for an address that none has outside a host: 0.0.0.0/8 and 127.0.0.0/8 (RFC 1122 §3.2.1.3), ::
     * and ::1 (RFC 4291 §2.5.2, §2.5.3), and IPv4's in IPv6 (§2.5.5). To a program that speaks for the guest through sockets of
     * its own they are the host's loopback.
     *
     * @param at where the frame begins
     */
    static boolean isForAHostItself(UnsafeBuffer frame, int at, int bytes) {
        int ip = at + FrameHeader.ETHERNET_BYTES;
        int left = bytes - FrameHeader.ETHERNET_BYTES;
        if (left < IPV4_TARGET + 4) {
            return false;
        }
        int type = frame.getShort(ip - 2, ByteOrder.BIG_ENDIAN) & 0xFFFF;
        if (type == TYPE_IPV4) {
            int net = frame.getByte(ip + IPV4_TARGET) & 0xFF;
            return net == 0 || net == LOOPBACK_NET;
        }
        if (type != TYPE_IPV6 || left < IPV6_BYTES || frame.getLong(ip + IPV6_TARGET) != 0) {
            return false;
        }
        int third = frame.getInt(ip + IPV6_TARGET + 8, ByteOrder.BIG_ENDIAN);
        return third == 0 || third == IPV4_MAPPED;
    }
}
