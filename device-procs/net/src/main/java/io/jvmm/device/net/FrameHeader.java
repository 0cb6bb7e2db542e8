package io.jvmm.device.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The device's own copy of a {@code struct virtio_net_hdr} (virtio 1.2 §5.1.6) and, on the way in, of the first bytes of the
 * frame behind it. Little-endian, as a tap writes it on this host.
 *
 * <pre>
 *   0       1          2         4          6            8             10           12
 *   | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset | num_buffers | frame ...
 * </pre>
 *
 * <p>A header of the guest is hostile: {@link #check} either finds it to be what the specification and the negotiated
 * features allow, and then the copy holds nothing else, or says what is wrong.
 */
final class FrameHeader {

    /** Length of the header: always with num_buffers, because of VIRTIO_F_VERSION_1. */
    static final int LENGTH_BYTES = 12;

    static final int NEEDS_CSUM = 1;
    static final int DATA_VALID = 2;

    static final int GSO_NONE = 0;
    static final int GSO_TCPV4 = 1;
    static final int GSO_UDP = 3;
    static final int GSO_TCPV6 = 4;
    static final int GSO_UDP_L4 = 5;
    static final int GSO_ECN = 0x80;

    /** Destination, source and type. */
    static final int ETHERNET_BYTES = 14;
    /** Two tags, the outer one a provider's. */
    static final int VLAN_TAGS_BYTES = 8;
    /** The longest packet there is behind the longest Ethernet header. */
    static final int LONGEST_FRAME = 65535 + ETHERNET_BYTES + VLAN_TAGS_BYTES;

    /** {@link #check}: nothing is wrong. */
    static final int FINE = 0;
    /** Guest errors. */
    static final int BAD_LENGTH = 1;

    static final int BAD_CHECKSUM_REQUEST = 2;
    static final int BAD_SEGMENTATION = 3;

    /** Header, Ethernet header, one VLAN tag and the type behind it. */
    static final int CAPACITY_BYTES = 32;

    private static final int MAC_BYTES = 6;
    private static final int TYPE_8021Q = 0x8100;

    private final MemorySegment bytes = Arena.ofAuto().allocate(CAPACITY_BYTES, Long.BYTES);
    private final UnsafeBuffer view = new UnsafeBuffer(bytes.address(), CAPACITY_BYTES);

    /** The bytes, for copying in and out. */
    MemorySegment bytes() {
        return bytes;
    }

    /** The same bytes. */
    UnsafeBuffer view() {
        return view;
    }

    /** No offload is asked for. */
    void clear() {
        view.setMemory(0, LENGTH_BYTES, (byte) 0);
    }

    int flags() {
        return view.getByte(0) & 0xFF;
    }

    void flags(int flags) {
        view.putByte(0, (byte) flags);
    }

    int gsoType() {
        return view.getByte(1) & 0xFF;
    }

    int gsoSize() {
        return view.getShort(4, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    int csumStart() {
        return view.getShort(6, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    int csumOffset() {
        return view.getShort(8, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    void numBuffers(int count) {
        view.putShort(10, (short) count, ByteOrder.LITTLE_ENDIAN);
    }

    private int hdrLen() {
        return view.getShort(2, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    /** Destination of the frame behind the header, first byte in bits 40..47. */
    long destination() {
        return view.getLong(LENGTH_BYTES, ByteOrder.BIG_ENDIAN) >>> 16;
    }

    /** Whether the frame has an 802.1Q tag. */
    boolean tagged() {
        return (view.getShort(LENGTH_BYTES + 2 * MAC_BYTES, ByteOrder.BIG_ENDIAN) & 0xFFFF) == TYPE_8021Q;
    }

    /** The VLAN of a tagged frame, 0..4095. */
    int vid() {
        return view.getShort(LENGTH_BYTES + ETHERNET_BYTES, ByteOrder.BIG_ENDIAN) & 0xFFF;
    }

    /**
     * Checks what the driver wrote for a frame of {@code frameBytes} and takes out what the device must not look at
     * (§5.1.6.2.2): flags it does not know, fields no flag speaks of, num_buffers.
     *
     * @return {@link #FINE} or what the driver must not do
     */
    int check(long features, int frameBytes) {
        numBuffers(0);
        if ((flags() & NEEDS_CSUM) == 0) {
            flags(0);
            view.putInt(6, 0); // csum_start and csum_offset
        } else {
            flags(NEEDS_CSUM);
            boolean inside = csumStart() >= ETHERNET_BYTES && csumStart() + csumOffset() + 2 <= frameBytes;
            if ((features & NetFeatures.CSUM) == 0 || !inside) {
                return BAD_CHECKSUM_REQUEST;
            }
        }
        int type = gsoType();
        if (type == GSO_NONE) {
            view.putInt(2, 0); // hdr_len and gso_size
            return FINE;
        }
        boolean plain = (type & GSO_ECN) == 0;
        boolean ecn = plain || (isTcp(type & ~GSO_ECN) && (features & NetFeatures.HOST_ECN) != 0);
        boolean allowed = (features & hostFeature(type & ~GSO_ECN)) != 0;
        if (!ecn || !allowed || gsoSize() == 0 || flags() != NEEDS_CSUM) {
            return BAD_SEGMENTATION;
        }
        if (hdrLen() > frameBytes) {
            view.putShort(2, (short) 0, ByteOrder.LITTLE_ENDIAN); // a hint, and a wrong one
        }
        return FINE;
    }

    /**
     * Checks what the host's side wrote against what the driver agreed to take, and takes out the rest (§5.1.6.4.1).
     *
     * @param offloads GUEST_ feature bits in force
     */
    boolean fits(long offloads) {
        int known = flags() & (NEEDS_CSUM | DATA_VALID);
        if ((offloads & NetFeatures.GUEST_CSUM) == 0) {
            if ((known & NEEDS_CSUM) != 0) {
                return false; // left over from a driver that took such frames
            }
            known = 0;
        }
        flags(known);
        if ((known & NEEDS_CSUM) == 0) {
            view.putInt(6, 0);
        }
        int type = gsoType();
        if (type == GSO_NONE) {
            view.putInt(2, 0);
            return true;
        }
        boolean ecn = (type & GSO_ECN) == 0 || (offloads & NetFeatures.GUEST_ECN) != 0;
        return ecn && (offloads & guestFeature(type & ~GSO_ECN)) != 0;
    }

    private static boolean isTcp(int type) {
        return type == GSO_TCPV4 || type == GSO_TCPV6;
    }

    private static long hostFeature(int type) {
        return switch (type) {
            case GSO_TCPV4 -> NetFeatures.HOST_TSO4;
            case GSO_TCPV6 -> NetFeatures.HOST_TSO6;
            case GSO_UDP -> NetFeatures.HOST_UFO;
            case GSO_UDP_L4 -> NetFeatures.HOST_USO;
            default -> 0;
        };
    }

    private static long guestFeature(int type) {
        return switch (type) {
            case GSO_TCPV4 -> NetFeatures.GUEST_TSO4;
            case GSO_TCPV6 -> NetFeatures.GUEST_TSO6;
            case GSO_UDP -> NetFeatures.GUEST_UFO;
            case GSO_UDP_L4 -> NetFeatures.GUEST_USO4 | NetFeatures.GUEST_USO6;
            default -> 0;
        };
    }
}
