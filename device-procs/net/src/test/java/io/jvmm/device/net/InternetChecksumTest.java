package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.HexFormat;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** RFC 1071, against its own example and a second implementation of its definition. */
class InternetChecksumTest {

    @Test
    void theExampleOfRfc1071Section3() {
        UnsafeBuffer bytes = new UnsafeBuffer(HexFormat.of().parseHex("0001f203f4f5f6f7"));
        assertEquals(0xDDF2, bigEndian(InternetChecksum.fold(InternetChecksum.add(0, bytes, 0, 8))));
    }

    private static int bigEndian(int folded) {
        return Short.toUnsignedInt(Short.reverseBytes((short) folded));
    }

    @Test
    void anyLengthAtAnyPlace() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = new byte[random.nextInt(round % 100 == 0 ? 70_000 : 200)];
            random.nextBytes(bytes);
            if (random.nextInt(4) == 0) {
                java.util.Arrays.fill(bytes, (byte) 0xFF); // carries everywhere
            }
            int offset = random.nextInt(9);
            UnsafeBuffer buffer = new UnsafeBuffer(new byte[bytes.length + offset]);
            buffer.putBytes(offset, bytes);
            int ours = bigEndian(InternetChecksum.fold(InternetChecksum.add(0, buffer, offset, bytes.length)));
            assertEquals(Frames.sum(bytes) % 0xFFFF, ours % 0xFFFF, "seed " + seed + " round " + round);
        }
    }

    @Test
    void piecesAddUp() {
        byte[] bytes = Frames.pattern(1001, 1);
        UnsafeBuffer buffer = new UnsafeBuffer(bytes);
        long sum = InternetChecksum.add(InternetChecksum.add(0, buffer, 0, 400), buffer, 400, 601);
        assertEquals(InternetChecksum.fold(InternetChecksum.add(0, buffer, 0, 1001)), InternetChecksum.fold(sum));
    }

    @Test
    void aUdpChecksumIsNeverZero() {
        UnsafeBuffer buffer = new UnsafeBuffer(new byte[4]);
        InternetChecksum.putNonZero(buffer, 0, 0xFFFF);
        assertEquals((short) 0xFFFF, buffer.getShort(0));
        InternetChecksum.put(buffer, 2, 0xFFFF);
        assertEquals(0, buffer.getShort(2));
    }

    @Test
    void thePseudoHeader() {
        byte[] packet = Frames.finishedUdp(Frames.GUEST_IP, Frames.HOST_IP, 1000, 53, Frames.pattern(77, 3));
        UnsafeBuffer buffer = new UnsafeBuffer(Frames.join(Frames.GUEST_IP, Frames.HOST_IP, packet));
        long sum = InternetChecksum.addPseudo(InternetChecksum.add(0, buffer, 0, 8), 17, packet.length);
        assertEquals(0xFFFF, InternetChecksum.fold(InternetChecksum.add(sum, buffer, 8, packet.length)));
    }
}
