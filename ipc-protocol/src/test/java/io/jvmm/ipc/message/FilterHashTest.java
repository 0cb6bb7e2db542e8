package io.jvmm.ipc.message;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class FilterHashTest {

    /** FIPS 180-4's example, as NIST publishes it. */
    @Test
    void fips180_4_example() {
        assertEquals(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                HexFormat.of().formatHex(FilterHash.of("abc".getBytes(StandardCharsets.US_ASCII))));
    }
}
