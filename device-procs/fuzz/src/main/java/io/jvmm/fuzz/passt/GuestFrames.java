package io.jvmm.fuzz.passt;

import static io.jvmm.fuzz.passt.Packets.put16;
import static io.jvmm.fuzz.passt.Packets.put32;
import static io.jvmm.fuzz.passt.Packets.u16;
import static io.jvmm.fuzz.passt.Packets.u32;
import static io.jvmm.fuzz.passt.Packets.u8;

import io.jvmm.device.net.PasstBed;
import io.jvmm.fuzz.machine.FindingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What has to be on the stream to the host after the frames that the port took: each as it was or with its checksum, or its segments, which have the right checksums and add
 * up to it, in their order. A death may lose frames, and have one end with zeros. One thread.
 */
final class GuestFrames {
    private static final int LENGTH = 4;

    /** A frame the port took, and what its header asked for. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Taken(byte[] frame, boolean checksum, int gso, int size, int start, int offset) {
        boolean tcp() {
            return gso != 5;
        }

        int headers() {
            return start + (tcp() ? (u8(frame, start + 12) >>> 4) * 4 : 8);
        }

        int count() {
            return gso == 0 ? 1 : Math.max(1, (frame.length - headers() + size - 1) / size);
        }
    }

    private final List<Taken> taken = new ArrayList<>();

    void clear() {
        taken.clear();
    }

    /**
     * @param header as the guest wrote it: little-endian
     */
    void sent(byte[] header, byte[] frame) {
        taken.add(new Taken(
                frame,
                (header[0] & 1) != 0,
                header[1] & 0x7F,
                u8(header, 4) | u8(header, 5) << 8,
                u8(header, 6) | u8(header, 7) << 8,
                u8(header, 8) | u8(header, 9) << 8));
    }

    /** What the host must get for one of the pieces a frame makes. */
    private static byte[] expected(Taken from, int index) {
        byte[] frame = from.frame;
        if (from.gso == 0) {
            byte[] one = frame.clone();
            if (from.checksum) {
                put16(one, from.start + from.offset, nonZero(Packets.sum(0, frame, from.start, frame.length)));
            }
            return one;
        }
        int headers = from.headers();
        int first = headers + index * from.size;
        int bytes = Math.min(from.size, frame.length - first);
        byte[] one = Arrays.copyOf(frame, headers + bytes);
        System.arraycopy(frame, first, one, headers, bytes);
        int l3 = Packets.l3(frame);
        boolean ipv4 = Packets.isIpv4(frame);
        if (ipv4) {
            put16(one, l3 + 2, one.length - l3);
            put16(one, l3 + 4, u16(frame, l3 + 4) + index);
            put16(one, l3 + 10, 0);
            put16(one, l3 + 10, ~Packets.sum(0, one, l3, from.start));
        } else {
            put16(one, l3 + 4, one.length - l3 - 40);
        }
        int field = from.start + (from.tcp() ? 16 : 6);
        if (from.tcp()) {
            put32(one, from.start + 4, u32(frame, from.start + 4) + index * from.size);
            int without = (index < from.count() - 1 ? 0x09 : 0) | (index > 0 ? 0x80 : 0);
            one[from.start + 13] = (byte) (one[from.start + 13] & ~without);
        } else {
            put16(one, from.start + 4, one.length - from.start);
        }
        put16(one, field, 0);
        int protocol = from.tcp() ? Packets.TCP : Packets.UDP;
        int sum = Packets.pseudo(one, l3, ipv4, protocol, one.length - from.start);
        int value = Packets.sum(sum, one, from.start, one.length);
        put16(one, field, from.tcp() ? ~value : nonZero(value));
        return one;
    }

    private static int nonZero(int sum) {
        int value = ~sum & 0xFFFF;
        return value == 0 ? 0xFFFF : value;
    }

    /**
     * Holds the stream against it.
     *
     * @param cut whether the stream may end anywhere, and with it what was taken
     */
    void check(byte[] stream, int end, int deaths, boolean cut) {
        int at = 0;
        int frames = 0;
        int spoiled = 0;
        Pieces pieces = new Pieces();
        while (end - at >= LENGTH) {
            int length = u32(stream, at);
            if (length < PasstBed.SHORTEST_FRAME || length > PasstBed.LONGEST_FRAME) {
                throw new FindingException("frame " + frames + " to the host has a length of " + length);
            }
            if (end - at - LENGTH < length) {
                break;
            }
            at += LENGTH;
            while (true) {
                if (!pieces.hasNext()) {
                    throw new FindingException("the host gets a frame that no guest sent, or changed: " + frames);
                }
                byte[] one = pieces.next();
                int same = Arrays.mismatch(one, 0, one.length, stream, at, at + length);
                if (same < 0) {
                    break;
                }
                if (deaths == 0) {
                    throw new FindingException("frame " + frames + " to the host, " + length + " bytes where "
                            + one.length + " are right, is wrong from byte " + same + " on");
                }
                if (spoiled < deaths && one.length == length && zeros(stream, at + same, at + length)) {
                    spoiled++;
                    break;
                }
            }
            at += length;
            frames++;
        }
        if (!cut && at < end) {
            throw new FindingException(
                    "the stream to the host ends within a frame, " + (end - at) + " bytes behind its beginning");
        }
        if (!cut && deaths == 0 && pieces.hasNext()) {
            throw new FindingException("a frame that was taken never comes to the host; " + frames + " did");
        }
    }

    private static boolean zeros(byte[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return true;
    }

    /** All of them in their order. */
    private final class Pieces {
        private int frame;
        private int index;

        boolean hasNext() {
            return frame < taken.size();
        }

        byte[] next() {
            Taken from = taken.get(frame);
            byte[] piece = expected(from, index++);
            if (index == from.count()) {
                frame++;
                index = 0;
            }
            return piece;
        }
    }
}
