package io.jvmm.ipc.ring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.ring.Violation.Kind;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, "IPC ring": the format, and what a consumer must check. */
class HardenedReaderTest {
    private static final int CAPACITY = 4096;
    private static final int MAX_MESSAGE = 64;

    private final UnsafeBuffer buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(CAPACITY + 768));

    private HardenedReader reader() {
        return new HardenedReader(buffer, MAX_MESSAGE, 0);
    }

    private void put(int index, String hex) {
        buffer.putBytes(index, HexFormat.ofDelimiter(" ").parseHex(hex));
    }

    private String hex(int index, int length) {
        byte[] bytes = new byte[length];
        buffer.getBytes(index, bytes);
        return HexFormat.ofDelimiter(" ").formatHex(bytes);
    }

    private void tail(long position) {
        buffer.putLong(CAPACITY + 128, position);
    }

    private long head() {
        return buffer.getLong(CAPACITY + 384);
    }

    @Test
    void goldenBytesOfARecord() {
        put(0, "0d 00 00 00 07 00 00 00 01 02 03 04 05 00 00 00");
        tail(16);
        HardenedReader reader = reader();
        assertTrue(reader.next());
        assertEquals(7, reader.type());
        assertEquals(5, reader.length());
        byte[] message = new byte[5];
        reader.message().getBytes(0, message);
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5}, message);
        assertEquals(0, reader.position());
        assertEquals(16, reader.positionAfter());
        assertEquals(0, head(), "nothing is given back before release");
        reader.release();
        assertEquals(16, head());
        assertEquals("00 ".repeat(15) + "00", hex(0, 16));
        assertFalse(reader.next());
        assertNull(reader.violation());
    }

    @Test
    void agronaWritesTheGoldenBytes() {
        RingBuffer agrona = new ManyToOneRingBuffer(buffer);
        agrona.write(7, new UnsafeBuffer(new byte[] {1, 2, 3, 4, 5}), 0, 5);
        assertEquals("0d 00 00 00 07 00 00 00 01 02 03 04 05 00 00 00", hex(0, 16));
        assertEquals("10 00 00 00 00 00 00 00", hex(CAPACITY + 128, 8), "tail");
        assertEquals("00 00 00 00 00 00 00 00", hex(CAPACITY + 384, 8), "head");
        assertEquals(768, IpcRingLayout.TRAILER_LENGTH_BYTES);
    }

    @Test
    void agronaReadsWhatTheGuardedProducerWrites() {
        GuardedProducer producer = new GuardedProducer(buffer);
        int index = producer.claim(3, 12);
        assertEquals("ec ff ff ff 03 00 00 00", hex(0, 8), "claimed: the length is negative");
        producer.buffer().putLong(index, 0x0807060504030201L);
        producer.buffer().putInt(index + 8, 0x0c0b0a09);
        assertTrue(producer.commit(index));
        assertEquals("14 00 00 00 03 00 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c", hex(0, 20));
        int read = new ManyToOneRingBuffer(buffer).read((type, message, offset, length) -> {
            assertEquals(3, type);
            assertEquals(12, length);
            assertEquals(0x0807060504030201L, message.getLong(offset));
        });
        assertEquals(1, read);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void agreesWithAgronaOverManyWraps(boolean oneToOne) {
        RingBuffer agrona = oneToOne ? new OneToOneRingBuffer(buffer) : new ManyToOneRingBuffer(buffer);
        HardenedReader reader = reader();
        UnsafeBuffer message = new UnsafeBuffer(new byte[MAX_MESSAGE]);
        long seed = 20261121;
        java.util.Random random = new java.util.Random(seed);
        int written = 0;
        int read = 0;
        while (read < 20_000) {
            for (int burst = random.nextInt(100); burst > 0; burst--) {
                int length = 4 + random.nextInt(MAX_MESSAGE - 3);
                message.putInt(0, written);
                if (!agrona.write(1 + written % 1000, message, 0, length)) {
                    break;
                }
                written++;
            }
            for (int burst = random.nextInt(100); burst > 0 && reader.next(); burst--) {
                assertEquals(read, reader.message().getInt(0), "seed " + seed);
                assertEquals(1 + read % 1000, reader.type());
                reader.release();
                assertEquals(reader.expectedPosition(), agrona.consumerPosition());
                read++;
            }
            assertNull(reader.violation());
        }
        while (reader.next()) {
            reader.release();
            read++;
        }
        assertEquals(written, read);
        assertEquals(agrona.producerPosition(), agrona.consumerPosition());
    }

    @Test
    void aClaimedRecordLooksEmpty() {
        RingBuffer agrona = new ManyToOneRingBuffer(buffer);
        HardenedReader reader = reader();
        int index = agrona.tryClaim(1, 8);
        assertFalse(reader.next());
        assertFalse(reader.hasNext());
        agrona.commit(index);
        assertTrue(reader.hasNext());
        assertTrue(reader.next());
    }

    @Test
    void aClaimNotEvenBegunLooksEmptyToo() {
        HardenedReader reader = reader();
        tail(32);
        assertFalse(reader.hasNext());
        assertFalse(reader.next());
    }

    @ParameterizedTest
    @CsvSource({
        "01 00 00 00 01 00 00 00, RECORD_LENGTH", // shorter than its header
        "07 00 00 00 01 00 00 00, RECORD_LENGTH",
        "49 00 00 00 01 00 00 00, RECORD_LENGTH", // one byte more than the longest message
        "ff ff ff 7f 01 00 00 00, RECORD_LENGTH",
        "00 10 00 00 01 00 00 00, RECORD_LENGTH", // the whole ring
        "08 00 00 00 00 00 00 00, RECORD_TYPE",
        "08 00 00 00 fe ff ff ff, RECORD_TYPE", // −2
        "08 00 00 00 00 00 00 80, RECORD_TYPE",
        "01 10 00 00 ff ff ff ff, RECORD_LENGTH", // padding past the end
        "07 00 00 00 ff ff ff ff, RECORD_LENGTH"
    })
    void aBadHeaderSevers(String header, Kind kind) {
        put(0, header);
        tail(64);
        HardenedReader reader = reader();
        assertFalse(reader.next());
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(kind, violation.kind());
        assertEquals(0, violation.position());
        assertEquals(64, violation.bytes().length);
        assertEquals(header, HexFormat.ofDelimiter(" ").formatHex(violation.bytes(), 0, 8));
        assertFalse(reader.next(), "severed for good");
        assertFalse(reader.hasNext());
        assertEquals(0, head());
    }

    @Test
    void theLongestRecordFitsAndTheEmptyOneToo() {
        put(0, "48 00 00 00 01 00 00 00");
        put(72, "08 00 00 00 01 00 00 00");
        tail(80);
        HardenedReader reader = reader();
        assertTrue(reader.next());
        assertEquals(64, reader.length());
        reader.release();
        assertTrue(reader.next());
        assertEquals(0, reader.length());
        reader.release();
        assertEquals(80, head());
    }

    @Test
    void aRecordMayNotReachPastTheEndOfTheRing() {
        HardenedReader reader = new HardenedReader(ringAt(CAPACITY - 16), MAX_MESSAGE, CAPACITY - 16);
        put(CAPACITY - 16, "11 00 00 00 01 00 00 00");
        assertFalse(reader.next());
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(Kind.RECORD_LENGTH, violation.kind());
        assertEquals(CAPACITY - 16, violation.position());
        assertEquals(16, violation.bytes().length, "evidence ends with the ring");
    }

    private UnsafeBuffer ringAt(long position) {
        buffer.putLong(CAPACITY + 384, position);
        tail(position);
        return buffer;
    }

    @Test
    void paddingIsGivenBackWithTheRecordBehindIt() {
        HardenedReader reader = new HardenedReader(ringAt(CAPACITY - 32), MAX_MESSAGE, CAPACITY - 32);
        put(CAPACITY - 32, "20 00 00 00 ff ff ff ff");
        tail(CAPACITY);
        assertFalse(reader.next());
        assertEquals(CAPACITY - 32, head(), "padding alone is not given back");
        put(0, "10 00 00 00 02 00 00 00 aa 00 00 00 00 00 00 00");
        tail(CAPACITY + 16);
        assertTrue(reader.next());
        assertEquals(2, reader.type());
        assertEquals(CAPACITY, reader.position());
        assertEquals(CAPACITY + 16, reader.positionAfter());
        reader.release();
        assertEquals(CAPACITY + 16, head());
        assertEquals("00 00 00 00 00 00 00 00", hex(CAPACITY - 32, 8));
        assertEquals("00 00 00 00 00 00 00 00", hex(0, 8));
    }

    @Test
    void aRingFullOfPaddingIsAViolationNotALoop() {
        for (int i = 0; i < CAPACITY; i += 8) {
            put(i, "08 00 00 00 ff ff ff ff");
        }
        tail(CAPACITY);
        HardenedReader reader = reader();
        assertFalse(reader.next());
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(Kind.PADDING, violation.kind());
    }

    @Test
    void paddingRoundAndRoundIsAViolation() {
        put(0, "00 10 00 00 ff ff ff ff"); // pads the whole ring, so that it is found again behind itself
        tail(CAPACITY);
        HardenedReader reader = reader();
        assertFalse(reader.next());
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(Kind.PADDING, violation.kind());
    }

    @Test
    void moreRecordsThanTheRingHoldsAreAViolation() {
        // A producer that pads up to what we have not given back yet and claims on.
        HardenedReader reader = new HardenedReader(ringAt(64), MAX_MESSAGE, 64);
        put(64, "c0 0f 00 00 ff ff ff ff"); // up to the end
        put(0, "48 00 00 00 01 00 00 00"); // 72 bytes, 64 are free
        tail(CAPACITY + 72);
        assertFalse(reader.next());
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(Kind.RING_POSITION, violation.kind());
    }

    @ParameterizedTest
    @CsvSource({
        // resume, head, tail
        "-8, 0, 0",
        "4, 4, 4",
        "8, 16, 16",
        "16, 4, 16",
        "16, 16, 12",
        "16, 16, 8",
        "8192, 0, 8192",
        "16, 16, 4120",
        "16, 8, 4112",
        "16, -9223372036854775808, 16",
        "16, 16, 9223372036854775800"
    })
    void implausiblePositionsSeverAtOnce(long resume, long head, long tail) {
        buffer.putLong(CAPACITY + 384, head);
        tail(tail);
        HardenedReader reader = new HardenedReader(buffer, MAX_MESSAGE, resume);
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(Kind.RING_POSITION, violation.kind());
        assertFalse(reader.next());
        assertEquals(head, head(), "nothing was written");
    }

    @Test
    void aSuccessorGivesBackWhatWasCommittedButNotReleased() {
        put(0, "10 00 00 00 01 00 00 00 11 00 00 00 00 00 00 00");
        put(16, "10 00 00 00 02 00 00 00 22 00 00 00 00 00 00 00");
        tail(32);
        HardenedReader successor = new HardenedReader(buffer, MAX_MESSAGE, 16);
        assertEquals(16, head());
        assertEquals("00 ".repeat(15) + "00", hex(0, 16));
        assertTrue(successor.next());
        assertEquals(2, successor.type());
        HardenedReader again = new HardenedReader(buffer, MAX_MESSAGE, 16);
        assertTrue(again.next(), "not committed: handled again");
        assertEquals(2, again.type());
    }

    @Test
    void severalRecordsAreGivenBackAtOnce() {
        put(0, "10 00 00 00 01 00 00 00 11 00 00 00 00 00 00 00");
        put(16, "10 00 00 00 02 00 00 00 22 00 00 00 00 00 00 00");
        tail(32);
        HardenedReader reader = reader();
        assertTrue(reader.next());
        reader.done();
        assertEquals(16, reader.heldBytes());
        assertEquals(0, head(), "the producer has none of it back");
        assertTrue(reader.next());
        assertEquals(2, reader.type());
        reader.done();
        assertFalse(reader.next());
        assertEquals(32, reader.heldBytes());
        assertEquals(32, reader.expectedPosition());
        reader.giveBack();
        assertEquals(32, head());
        assertEquals(0, reader.heldBytes());
        assertEquals("00 ".repeat(31) + "00", hex(0, 32));
        reader.giveBack();
        assertEquals(32, head(), "once is enough");
    }

    @Test
    void whatWasCopiedStaysWhatItWas() {
        put(0, "10 00 00 00 01 00 00 00 11 22 33 44 55 66 77 88");
        tail(16);
        HardenedReader reader = reader();
        assertTrue(reader.next());
        put(0, "ff ff ff 7f 00 00 00 00 00 00 00 00 00 00 00 00");
        assertEquals(0x8877665544332211L, reader.message().getLong(0));
        assertEquals(8, reader.length());
        assertEquals(16, reader.positionAfter());
        reader.release();
        assertEquals(16, head());
    }

    @Test
    void nothingIsAllocated() {
        RingBuffer agrona = new ManyToOneRingBuffer(buffer);
        HardenedReader reader = reader();
        UnsafeBuffer message = new UnsafeBuffer(new byte[MAX_MESSAGE]);
        Allocations.assertNone("reading", () -> {
            agrona.write(1, message, 0, 24);
            agrona.write(2, message, 0, 64);
            while (reader.next()) {
                reader.release();
            }
        });
    }
}
