package io.jvmm.ipc.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bytes of PROTOCOL.md, "Trace", written by hand from that page. */
class GoldenTraceTest {
    private static final String GOLDEN = """
            2800000003000200 7b00000000000000 0000000001000000 0300000000000000 8000000000000000
            1200000004000000 0000000002000000 6869000000000000
            1000000005004000 f5ffffffffffffff
            1200000006004000 0000000002000000 6f6b000000000000
            2000000007002000 0400000000000000 0000000000000000 0000000000000000
            1100000008004000 0000000001000000 2100000000000000
            1200000009000000 0010000000000000 3412000000000000
            140000000a000000 0410000000000000 ddccbbaa00000000
            100000000b000000 0800000000000000
            2300000002000000 0800000000000000 4000000000000000 0000000003000000 0102030000000000
            """;

    private static byte[] golden() {
        return HexFormat.of().parseHex(GOLDEN.replaceAll("\\s", ""));
    }

    private static void write(RecordingTape tape) {
        tape.call(2, 1L << 32, 3, 0x80, 123);
        tape.callBytes(new UnsafeBuffer("hi".getBytes(StandardCharsets.US_ASCII)), 0, 2);
        tape.answer(64, -11);
        tape.answerBytes(64, new UnsafeBuffer("ok".getBytes(StandardCharsets.US_ASCII)), 0, 2);
        tape.output(32, 4, 0, 0);
        tape.outputBytes(64, new UnsafeBuffer("!".getBytes(StandardCharsets.US_ASCII)), 0, 1);
        tape.read(0x1000, 2, 0x1234);
        tape.written(0x1004, 4, 0xFFFF_FFFF_AABB_CCDDL);
        tape.markCommit();
        tape.state(0x40, new UnsafeBuffer(new byte[] {1, 2, 3}), 3);
        tape.flush();
    }

    @Test
    void records() {
        TraceBuffer trace = new TraceBuffer();
        write(new RecordingTape(trace, 7));
        assertEquals(1, trace.batches().size());
        assertArrayEquals(golden(), trace.batches().getFirst());
    }

    @Test
    void step() {
        TraceBuffer trace = new TraceBuffer();
        RecordingTape tape = new RecordingTape(trace, 0x1112131415161717L);
        tape.call(0x0203, 0x0000_2122_0000_2324L, 0x2526, 0x2728, 0x0102030405060708L);
        tape.commit();
        String expected = "200000000e000302" + "0807060504030201" + "1817161514131211" + "2423222126252827";
        assertEquals(expected, HexFormat.of().formatHex(trace.batches().getLast()));
    }

    @Test
    void ask() {
        TraceBuffer trace = new TraceBuffer();
        RecordingTape tape = new RecordingTape(trace, 0x1112131415161717L);
        tape.call(0x0203, 0x0000_2122_0000_2324L, 0x2526, 0, 0x0102030405060708L);
        tape.output(0x0203, 0x2728, 0, 0);
        tape.commit();
        String expected = "200000000f000302" + "0807060504030201" + "1817161514131211" + "2423222126252827";
        assertEquals(expected, HexFormat.of().formatHex(trace.batches().getLast()));
    }

    @Test
    void again() {
        JoinedBatches joined = new JoinedBatches(() -> true);
        RecordingTape tape = new RecordingTape(joined, 0);
        for (int n = 0; n < 2; n++) {
            tape.call(2, 1, 3, 0x2728 + n, 0x0102030405060708L + n);
            tape.commit();
        }
        String expected = "200000000e000200" + "0807060504030201" + "0100000000000000" + "0100000003002827"
                + "1000000010002927" + "0907060504030201";
        assertEquals(expected, HexFormat.of().formatHex(joined.messages().getLast()));
    }

    /** CRC-32C of sequence and records worked out with another program (Python, bit by bit). */
    @Test
    void flatFile(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("a.jtrace");
        try (TraceFileWriter file = new TraceFileWriter(path)) {
            file.publish(new UnsafeBuffer(HexFormat.of().parseHex("100000000b0000000100000000000000")), 16);
        }
        String expected = "4a564d4d54524345" + "03000000" + "00000000" + "10000000" + "57121106" + "0000000000000000"
                + "100000000b0000000100000000000000";
        assertEquals(expected, HexFormat.of().formatHex(Files.readAllBytes(path)));
    }

    @Test
    void lifeAndEnd() {
        TraceBuffer trace = new TraceBuffer();
        RecordingTape tape = new RecordingTape(trace, 0);
        tape.life(new LifeText().put("a", "b\n"));
        tape.end(10);
        byte[] text = "format = 3\na = b\\n\n".getBytes(StandardCharsets.US_ASCII);
        String hex = "23000000" + "01000000" + "00000000" + "13000000"
                + HexFormat.of().formatHex(text) + "0000000000" + "100000000d0000000a00000000000000";
        assertEquals(hex, HexFormat.of().formatHex(trace.batches().getFirst()));
    }
}
