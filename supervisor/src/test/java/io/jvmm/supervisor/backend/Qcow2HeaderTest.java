package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Fields at the places that docs/interop/qcow2.txt gives them. */
class Qcow2HeaderTest {
    private static byte[] image() {
        ByteBuffer b = ByteBuffer.allocate(4096);
        b.putInt(0, 0x514649fb)
                .putInt(4, 3)
                .putLong(8, 0x200)
                .putInt(16, 4)
                .putInt(20, 16)
                .putInt(100, 112);
        b.putInt(112, 0x6803f857).putInt(116, 3).putInt(128, 0xE2792ACA).putInt(132, 3);
        b.put(136, "raw".getBytes(StandardCharsets.US_ASCII));
        b.put(0x200, "base".getBytes(StandardCharsets.US_ASCII));
        return b.array();
    }

    @Test
    void nameAndFormatBehindAnotherExtension() {
        Qcow2Header h = Qcow2Header.parse(image());
        assertEquals(new Qcow2Header(Optional.of("base"), Optional.of("raw")), h);
    }

    @Test
    void lengthsThatCannotBe() {
        for (int[] change :
                new int[][] {{8, -1}, {12, 0x7fffffff}, {12, 4093}, {16, 0}, {16, -1}, {16, 1024}, {4, 4}}) {
            byte[] image = image();
            ByteBuffer.wrap(image).putInt(change[0], change[1]);
            assertThrows(IllegalArgumentException.class, () -> Qcow2Header.parse(image), () -> change[0] + "");
        }
        byte[] image = image();
        ByteBuffer.wrap(image).putInt(116, 0x7ffffff8);
        assertEquals(Optional.empty(), Qcow2Header.parse(image).backingFormat());
        ByteBuffer.wrap(image).putInt(100, -8);
        assertEquals(Optional.empty(), Qcow2Header.parse(image).backingFormat());
    }

    /** Whatever is in the file: an answer or a refusal, and soon. */
    @Test
    void randomHeaders() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int refused = 0;
        for (int n = 0; n < 50_000; n++) {
            byte[] image = image();
            for (int change = random.nextInt(6); change >= 0; change--) {
                image[random.nextInt(random.nextBoolean() ? 144 : image.length)] = (byte) random.nextInt();
            }
            try {
                Qcow2Header.parse(java.util.Arrays.copyOf(image, random.nextInt(8) == 0 ? random.nextInt(4096) : 4096));
            } catch (IllegalArgumentException e) {
                refused++;
                assertTrue(String.valueOf(e.getMessage()).length() > 5, () -> "seed " + seed);
            }
        }
        assertTrue(refused > 1000 && refused < 49_000, "refused " + refused + ", seed " + seed);
    }
}
