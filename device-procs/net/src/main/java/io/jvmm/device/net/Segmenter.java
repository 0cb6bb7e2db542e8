package io.jvmm.device.net;

import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Does in software what a driver with offloads leaves to the device: fills in a checksum, and cuts TCP and UDP into segments
 * (virtio 1.2 §5.1.6.2), for a host's side that takes finished frames only. The frame lies in the device's memory, copied
 * from the guest, and is hostile; what the header says of it has passed {@link FrameHeader#check}. Device thread; allocates
 * nothing.
 */
final class Segmenter {
    private static final int IPV4_BYTES = 20;
    private static final int IPV6_BYTES = 40;
    private static final int TCP_BYTES = 20;
    private static final int UDP_BYTES = 8;
    private static final int TCP_CSUM = 16;
    private static final int UDP_CSUM = 6;
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;
    private static final int MOST_IP_BYTES = 65535;
    /** Smaller ones than the longest packet makes of the least MSS that Linux knows (48) no stack asks for; each takes its time. */
    private static final int MOST_SEGMENTS = 2048;

    private final UnsafeBuffer frame;
    private final FrameParts parts = new FrameParts();
    private int l4;
    private int headers;
    private int payload;
    private int size;
    private boolean tcp;
    private int count;

    /** @param frame where frames to be segmented lie, from its beginning */
    Segmenter(UnsafeBuffer frame) {
        this.frame = frame;
    }

    /** Fills in the one checksum the header asks for. */
    static void checksum(UnsafeBuffer frame, int offset, int frameBytes, FrameHeader header) {
        int start = header.csumStart();
        long sum = InternetChecksum.add(0, frame, offset + start, frameBytes - start);
        InternetChecksum.putNonZero(frame, offset + start + header.csumOffset(), sum);
    }

    /**
     * Looks at a frame that asks for segmentation.
     *
     * @return how many segments it makes, at least 1; 0 when the frame is not what its header says
     */
    int begin(FrameHeader header, int frameBytes) {
        int type = header.gsoType() & ~FrameHeader.GSO_ECN;
        tcp = type != FrameHeader.GSO_UDP_L4;
        l4 = header.csumStart();
        size = header.gsoSize();
        count = 0;
        // The length fields of a frame that is longer than IP allows may hold anything, so they are not looked at here.
        boolean known = findNetworkHeader(type, frameBytes) && header.csumOffset() == (tcp ? TCP_CSUM : UDP_CSUM);
        if (!known || l4 + (tcp ? TCP_BYTES : UDP_BYTES) > frameBytes) {
            return 0;
        }
        headers = l4 + (tcp ? (frame.getByte(l4 + 12) >> 4 & 0xF) * 4 : UDP_BYTES);
        if (headers > frameBytes || headers < l4 + (tcp ? TCP_BYTES : UDP_BYTES)) {
            return 0;
        }
        payload = frameBytes - headers;
        if (headers - parts.l3 + Math.min(size, payload) > MOST_IP_BYTES) {
            return 0;
        }
        int segments = Math.max(1, (payload + size - 1) / size);
        count = segments <= MOST_SEGMENTS ? segments : 0;
        return count;
    }

    private boolean findNetworkHeader(int type, int frameBytes) {
        parts.find(frame, 0, frameBytes);
        int l3 = parts.l3;
        if (!(parts.ipv4 || parts.ipv6) || l3 + IPV4_BYTES > frameBytes || l4 < l3 + IPV4_BYTES) {
            return false;
        }
        int version = frame.getByte(l3) >> 4 & 0xF;
        if (parts.ipv4) {
            return version == 4 && l3 + (frame.getByte(l3) & 0xF) * 4 == l4 && type != FrameHeader.GSO_TCPV6;
        }
        return version == 6 && l4 >= l3 + IPV6_BYTES && l3 + IPV6_BYTES <= frameBytes && type != FrameHeader.GSO_TCPV4;
    }

    /** Bytes of all segments of the frame last begun, with {@code prefixBytes} for each. */
    int totalBytes(int prefixBytes) {
        return payload + count * (headers + prefixBytes);
    }

    /** Length of a segment, {@code index} from 0. */
    int lengthBytes(int index) {
        return headers + Math.min(size, payload - index * size);
    }

    /** Writes a segment; returns its length. */
    int put(int index, UnsafeBuffer out, int at) {
        int from = index * size;
        int bytes = Math.min(size, payload - from);
        boolean last = index == count - 1;
        out.putBytes(at, frame, 0, headers);
        out.putBytes(at + headers, frame, headers + from, bytes);
        int l3 = at + parts.l3;
        int transport = at + l4;
        int transportBytes = headers - l4 + bytes;
        if (parts.ipv4) {
            out.putShort(l3 + 2, (short) (headers - parts.l3 + bytes), ByteOrder.BIG_ENDIAN);
            int id = FrameParts.u16(frame, parts.l3 + 4) + index;
            out.putShort(l3 + 4, (short) id, ByteOrder.BIG_ENDIAN);
            out.putShort(l3 + 10, (short) 0);
            InternetChecksum.put(out, l3 + 10, InternetChecksum.add(0, out, l3, l4 - parts.l3));
        } else {
            out.putShort(l3 + 4, (short) (headers + bytes - parts.l3 - IPV6_BYTES), ByteOrder.BIG_ENDIAN);
        }
        long sum = parts.addresses(frame);
        if (tcp) {
            out.putInt(transport + 4, frame.getInt(l4 + 4, ByteOrder.BIG_ENDIAN) + from, ByteOrder.BIG_ENDIAN);
            int flags = out.getByte(transport + 13);
            flags = last ? flags : flags & ~FIN_PSH;
            flags = index == 0 ? flags : flags & ~CWR; // the sender's window was reduced once (RFC 3168 §6.1.2)
            out.putByte(transport + 13, (byte) flags);
            out.putShort(transport + TCP_CSUM, (short) 0);
            sum = InternetChecksum.addPseudo(sum, InternetChecksum.TCP, transportBytes);
            InternetChecksum.put(out, transport + TCP_CSUM, InternetChecksum.add(sum, out, transport, transportBytes));
        } else {
            out.putShort(transport + 4, (short) transportBytes, ByteOrder.BIG_ENDIAN);
            out.putShort(transport + UDP_CSUM, (short) 0);
            sum = InternetChecksum.addPseudo(sum, InternetChecksum.UDP, transportBytes);
            InternetChecksum.putNonZero(
                    out, transport + UDP_CSUM, InternetChecksum.add(sum, out, transport, transportBytes));
        }
        return headers + bytes;
    }
}
