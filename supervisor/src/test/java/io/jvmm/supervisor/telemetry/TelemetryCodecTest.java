package io.jvmm.supervisor.telemetry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.LogLevel;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** PROTOCOL.md, "Telemetry bus". */
class TelemetryCodecTest {
    private final TelemetryCodec codec = new TelemetryCodec();

    static final List<Telemetry> ALL = List.of(
            new Telemetry.Event(Telemetry.Kind.REPLACED, LogLevel.WARN, "block", 42, 14_000_000, "was killed"),
            new Telemetry.Event(Telemetry.Kind.RUNNING, LogLevel.INFO, "", 0, Telemetry.UNKNOWN, "ä"),
            new Telemetry.Log(LogLevel.DEBUG, "vcpu", "x".repeat(1000)),
            new Telemetry.Trace("net", 3, 2, 7, 0x1204, 900),
            new Telemetry.Machine("web-1", "running", "x86", 2, 1L << 29, 5_000, 2),
            new Telemetry.Row(
                    "rng",
                    "rng",
                    "serving",
                    77,
                    1,
                    new Telemetry.Usage(1_000_000, 2_000_000, 9),
                    123,
                    new Telemetry.Latency(4, 500, 900),
                    Telemetry.Latency.NONE,
                    2,
                    Telemetry.Counters.DEVICE,
                    List.of(new Telemetry.Count(0, 5), new Telemetry.Count(3, Telemetry.UNKNOWN))));

    @Test
    void whatIsWrittenIsRead() {
        for (Telemetry body : ALL) {
            Telemetry.Envelope e = new Telemetry.Envelope(7, 1_700_000_000_000L, body);
            int length = codec.encode(e);
            byte[] copy = new byte[length];
            codec.buffer().getBytes(0, copy);
            assertEquals(e, new TelemetryCodec().decode(new UnsafeBuffer(copy), 0, length));
        }
    }

    /** Written from the page by hand. */
    @Test
    void goldenBytes() {
        int length = codec.encode(new Telemetry.Envelope(
                2, 3, new Telemetry.Event(Telemetry.Kind.ENDED, LogLevel.WARN, "rng", 5, -1, "no")));
        byte[] bytes = new byte[length];
        codec.buffer().getBytes(0, bytes);
        assertArrayEquals(
                HexFormat.ofDelimiter(" ")
                        .parseHex("01 00 01 00 00 00 00 00 02 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00"
                                + " 03 00 02 00 05 00 00 00 ff ff ff ff ff ff ff ff 03 00 72 6e 67 02 00 6e 6f"),
                bytes);
    }

    @Test
    void whatIsCutShortOrNoiseIsRefusedAndNothingElseHappens() {
        Random random = new Random(TestSeed.next());
        for (Telemetry body : ALL) {
            int length = codec.encode(new Telemetry.Envelope(1, 1, body));
            byte[] whole = new byte[length];
            codec.buffer().getBytes(0, whole);
            for (int cut = 0; cut < length; cut++) {
                int at = cut;
                assertThrows(
                        IllegalArgumentException.class,
                        () -> new TelemetryCodec().decode(new UnsafeBuffer(whole), 0, at));
            }
            for (int i = 0; i < 2_000; i++) {
                byte[] spoilt = whole.clone();
                spoilt[random.nextInt(length)] = (byte) random.nextInt();
                try {
                    assertTrue(codec.decode(new UnsafeBuffer(spoilt), 0, length).sequence() != Long.MIN_VALUE);
                } catch (IllegalArgumentException e) {
                    assertTrue(String.valueOf(e.getMessage()).length() > 5);
                }
            }
        }
    }

    @Test
    void textsAreCutBetweenCharacters() {
        int length = codec.encode(
                new Telemetry.Envelope(1, 1, new Telemetry.Log(LogLevel.INFO, "p", "a" + "ä".repeat(600))));
        Telemetry.Log read =
                (Telemetry.Log) codec.decode(codec.buffer(), 0, length).body();
        assertEquals("a" + "ä".repeat(511), read.text());
    }
}
