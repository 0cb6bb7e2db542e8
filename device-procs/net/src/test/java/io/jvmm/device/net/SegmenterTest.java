package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Segments are packets a receiver accepts: checked header by header, and every checksum by {@link Frames}. */
class SegmenterTest {
    private static final int FIN = 1;
    private static final int PSH = 8;
    private static final int ACK = 16;
    private static final int CWR = 128;

    private final UnsafeBuffer frame = new UnsafeBuffer(new byte[FrameHeader.LONGEST_FRAME]);
    private final UnsafeBuffer out = new UnsafeBuffer(new byte[FrameHeader.LONGEST_FRAME + 16]);
    private final Segmenter segmenter = new Segmenter(frame);
    private final FrameHeader header = new FrameHeader();

    private int begin(byte[] bytes, byte[] virtioHeader) {
        frame.putBytes(0, bytes);
        MemorySegment.copy(virtioHeader, 0, header.bytes(), ValueLayout.JAVA_BYTE, 0, 12);
        return segmenter.begin(header, bytes.length);
    }

    private byte[] segment(int index) {
        int length = segmenter.put(index, out, 3);
        assertEquals(segmenter.lengthBytes(index), length);
        byte[] bytes = new byte[length];
        out.getBytes(3, bytes);
        return bytes;
    }

    @Test
    void tcpOverIpv4() {
        byte[] payload = Frames.pattern(5000, 4);
        byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 0xFFFFFF00, CWR | ACK | PSH | FIN, payload);
        byte[] ip = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 0xFFFE, tcp);
        byte[] bytes = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip);
        assertEquals(4, begin(bytes, Frames.header(1, 0x81, 66, 1448, 34, 16)));
        assertEquals(5000 + 4 * (66 + 4), segmenter.totalBytes(4));
        for (int i = 0; i < 4; i++) {
            byte[] segment = segment(i);
            ByteBuffer view = ByteBuffer.wrap(segment);
            int length = i < 3 ? 1448 : 5000 - 3 * 1448;
            assertEquals(66 + length, segment.length);
            assertEquals(52 + length, view.getShort(16));
            assertEquals((short) (0xFFFE + i), view.getShort(18));
            assertEquals(0xFFFF, Frames.sum(Arrays.copyOfRange(segment, 14, 34)));
            assertEquals(0xFFFFFF00 + i * 1448, view.getInt(38));
            assertEquals(ACK | (i == 0 ? CWR : 0) | (i == 3 ? PSH | FIN : 0), view.get(47) & 0xFF);
            byte[] packet = Arrays.copyOfRange(segment, 34, segment.length);
            assertEquals(0xFFFF, Frames.transportSum(Frames.GUEST_IP, Frames.HOST_IP, 6, packet));
            assertArrayEquals(
                    Arrays.copyOfRange(payload, i * 1448, i * 1448 + length),
                    Arrays.copyOfRange(segment, 66, segment.length));
        }
    }

    @Test
    void tcpOverIpv6BehindAVlanTag() {
        byte[] payload = Frames.pattern(3000, 5);
        byte[] tcp = Frames.tcp(Frames.GUEST_IP6, Frames.HOST_IP6, 9, ACK, payload);
        byte[] tagged = Frames.join(
                new byte[] {0, 7, (byte) 0x86, (byte) 0xDD}, Frames.ipv6(Frames.GUEST_IP6, Frames.HOST_IP6, 6, tcp));
        byte[] bytes = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x8100, tagged);
        assertEquals(3, begin(bytes, Frames.header(1, 4, 90, 1400, 58, 16)));
        for (int i = 0; i < 3; i++) {
            byte[] segment = segment(i);
            int length = Math.min(1400, 3000 - i * 1400);
            assertEquals(32 + length, ByteBuffer.wrap(segment).getShort(22));
            byte[] packet = Arrays.copyOfRange(segment, 58, segment.length);
            assertEquals(0xFFFF, Frames.transportSum(Frames.GUEST_IP6, Frames.HOST_IP6, 6, packet));
        }
    }

    @Test
    void udpIntoDatagrams() {
        byte[] payload = Frames.pattern(2500, 6);
        for (boolean four : new boolean[] {true, false}) {
            byte[] source = four ? Frames.GUEST_IP : Frames.GUEST_IP6;
            byte[] target = four ? Frames.HOST_IP : Frames.HOST_IP6;
            byte[] udp = Frames.udp(source, target, 4000, 4001, payload);
            byte[] ip = four ? Frames.ipv4(source, target, 17, 1, udp) : Frames.ipv6(source, target, 17, udp);
            byte[] bytes = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, four ? 0x0800 : 0x86DD, ip);
            int l4 = four ? 34 : 54;
            assertEquals(3, begin(bytes, Frames.header(1, 5, l4 + 8, 1000, l4, 6)));
            for (int i = 0; i < 3; i++) {
                byte[] packet = Arrays.copyOfRange(segment(i), l4, segmenter.lengthBytes(i));
                assertEquals(packet.length, ByteBuffer.wrap(packet).getShort(4));
                assertEquals(0xFFFF, Frames.transportSum(source, target, 17, packet));
            }
        }
    }

    @Test
    void aChecksumLeftToTheDevice() {
        byte[] udp = Frames.udp(Frames.GUEST_IP, Frames.HOST_IP, 5, 6, Frames.pattern(333, 7));
        byte[] ip = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 17, 1, udp);
        byte[] bytes = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip);
        MemorySegment.copy(Frames.header(1, 0, 0, 0, 34, 6), 0, header.bytes(), ValueLayout.JAVA_BYTE, 0, 12);
        out.putBytes(5, bytes);
        Segmenter.checksum(out, 5, bytes.length, header);
        byte[] packet = new byte[udp.length];
        out.getBytes(5 + 34, packet);
        assertEquals(0xFFFF, Frames.transportSum(Frames.GUEST_IP, Frames.HOST_IP, 17, packet));
    }

    @Test
    void framesThatAreNotWhatTheirHeaderSays() {
        byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 0, ACK, Frames.pattern(3000, 8));
        byte[] ip = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp);
        byte[] good = Frames.ethernet(Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, ip);
        assertEquals(3, begin(good, Frames.header(1, 1, 0, 1000, 34, 16)));
        assertEquals(0, begin(good, Frames.header(1, 4, 0, 1000, 34, 16)), "TCPV6 over IPv4");
        assertEquals(0, begin(good, Frames.header(1, 1, 0, 1000, 36, 16)), "csum_start is no transport header");
        assertEquals(0, begin(good, Frames.header(1, 1, 0, 1000, 34, 6)), "csum_offset is UDP's");
        assertEquals(0, begin(Arrays.copyOf(good, 50), Frames.header(1, 1, 0, 1000, 34, 16)), "cut short");
        assertEquals(0, begin(good, Frames.header(1, 1, 0, 1, 34, 16)), "segments of one byte");
        byte[] options = good.clone();
        options[46] = (byte) 0xF0;
        assertEquals(0, begin(Arrays.copyOf(options, 70), Frames.header(1, 1, 0, 1000, 34, 16)), "data offset");
        options[46] = 0x40;
        assertEquals(0, begin(options, Frames.header(1, 1, 0, 1000, 34, 16)), "data offset");
        byte[] other = good.clone();
        other[12] = 9;
        assertEquals(0, begin(other, Frames.header(1, 1, 0, 1000, 34, 16)), "not IP");
    }

    @Test
    void noFrameMakesItLeaveItsBounds() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        byte[] tcp = Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 0, ACK, Frames.pattern(300, 8));
        byte[] good = Frames.ethernet(
                Frames.HOST_MAC, Frames.GUEST_MAC, 0x0800, Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, 6, 1, tcp));
        int made = 0;
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = Arrays.copyOf(good, 14 + random.nextInt(good.length - 14));
            for (int j = random.nextInt(3); j > 0; j--) {
                bytes[random.nextInt(Math.min(bytes.length, 60))] = (byte) random.nextInt();
            }
            int type = new int[] {1, 4, 5}[random.nextInt(3)];
            int start = random.nextInt(4) == 0 ? 14 + random.nextInt(bytes.length) : 34;
            int offset = type == 5 ? 6 : 16;
            byte[] virtio = Frames.header(1, type, 0, 1 + random.nextInt(400), start, offset);
            MemorySegment.copy(virtio, 0, header.bytes(), ValueLayout.JAVA_BYTE, 0, 12);
            if (header.check(-1, bytes.length) != FrameHeader.FINE) {
                continue;
            }
            int count = begin(bytes, virtio);
            int total = 0;
            for (int s = 0; s < count; s++) {
                total += segment(s).length;
                made++;
            }
            assertTrue(count == 0 || total == segmenter.totalBytes(0), "seed " + seed + " case " + i);
        }
        assertTrue(made > 1000, "too few: " + made);
    }
}
