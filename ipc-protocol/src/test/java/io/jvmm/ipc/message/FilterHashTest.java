package io.jvmm.ipc.message;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FilterHashTest {

    /** FIPS 180-4's example, as NIST publishes it. */
    @Test
    void fips180_4_example() {
        assertEquals(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                HexFormat.of().formatHex(FilterHash.of("abc".getBytes(StandardCharsets.US_ASCII))));
    }

    @Test
    void agreesWithTheRuntimesOwnAtEveryLength() throws NoSuchAlgorithmException {
        MessageDigest expected = MessageDigest.getInstance("SHA-256");
        Random random = new Random(1);
        for (int length = 0; length < 600; length++) {
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            assertArrayEquals(expected.digest(bytes), FilterHash.of(bytes), "length " + length);
        }
    }
}
