package io.jvmm.ipc.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.util.SplittableRandom;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A recorded process and a recorder over one ring. */
class RingSinkTest {
    private static final int BATCH_BYTES = 64 * 1024;

    private int told;
    private long next;
    private final TraceRing ring = TraceRing.create("test-trace");
    private final EventFd bell = EventFd.create();
    private final RingSink sink = new RingSink(ring, bell, () -> told++);
    private final UnsafeBuffer batch = new UnsafeBuffer(new byte[BATCH_BYTES]);

    @AfterEach
    void close() {
        bell.close();
        ring.close();
    }

    private void publish(long number) {
        batch.putLong(0, number);
        sink.publish(batch, BATCH_BYTES);
    }

    @Test
    void batchesArriveInTheirOrder() throws Exception {
        try (TraceRing other = TraceRing.attach(ring.fd().duplicate())) {
            HardenedReader reader = other.reader(0);
            for (int i = 0; i < 100; i++) {
                publish(i);
                assertTrue(reader.next());
                assertEquals(TraceRingLayout.BATCH, reader.type());
                assertEquals(BATCH_BYTES, reader.length());
                assertEquals(i, reader.message().getLong(0));
                reader.release();
            }
            assertFalse(reader.next());
            assertNull(reader.violation());
        }
        assertEquals(0, sink.lostBatches());
    }

    /** PROTOCOL.md, "Trace": waits once, drops, says GAP as soon as there is room. */
    @Test
    void whatFindsNoRoomIsDroppedAndTold() throws Exception {
        int fit = 0;
        while (sink.lostBatches() == 0) {
            publish(fit);
            fit++;
        }
        fit--; // the last one did not
        long beginNs = System.nanoTime();
        for (int i = 0; i < 1000; i++) {
            publish(-1);
        }
        assertTrue(System.nanoTime() - beginNs < 1000 * RingSink.MOST_WAIT_NS, "nothing waits any more");
        assertEquals(1001, sink.lostBatches());
        assertEquals(1, told);
        HardenedReader reader = ring.reader(0);
        for (int i = 0; i < fit; i++) {
            assertTrue(reader.next());
            assertEquals(i, reader.message().getLong(0));
            reader.release();
        }
        assertFalse(reader.next());
        publish(4711);
        assertTrue(reader.next());
        UnsafeBuffer first = new UnsafeBuffer(reader.message(), 0, TraceLayout.ONE_FIELD_LENGTH);
        BatchReader records = new BatchReader();
        records.wrap(first, 0, first.capacity());
        assertTrue(records.next());
        assertEquals(RecordType.GAP, records.type());
        assertEquals(1001, records.value());
        assertEquals(4711, reader.message().getLong(TraceLayout.ONE_FIELD_LENGTH));
        reader.release();
    }

    /** Whatever ends a message: that it is full, a rest, a gap. */
    @Test
    void eachMessageCanBeReadWithoutTheOneBefore() throws Exception {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        RecordingTape tape = new RecordingTape(sink, 0);
        HardenedReader reader = ring.reader(0);
        BatchReader records = new BatchReader();
        long[] last = new long[1];
        for (int n = 1; n <= 500_000; n++) {
            boolean full = n > 100_000 && n < 450_000; // nobody reads
            tape.call(3, 1, random.nextInt(8) == 0 ? 1 : 0, n & 0xFF, n);
            tape.commit();
            if (random.nextInt(200) == 0) {
                tape.rest();
            }
            while (!full && reader.next()) {
                check(records, reader, last);
                reader.release();
            }
        }
        tape.rest();
        while (reader.next()) {
            check(records, reader, last);
            reader.release();
        }
        assertNull(reader.violation());
        assertTrue(sink.lostBatches() > 0);
        assertEquals(500_000, last[0]);
    }

    /** Transactions in their order, but for those in front of which there is a gap. */
    private static void check(BatchReader records, HardenedReader message, long[] last) throws TraceFormatException {
        records.wrap(message.message(), 0, message.length());
        boolean gap = false;
        while (records.next()) {
            gap |= records.type() == RecordType.GAP;
            if (records.type() == RecordType.COMMIT) {
                assertTrue(gap ? records.value() > last[0] : records.value() == last[0] + 1);
                last[0] = records.value();
                gap = false;
            }
        }
    }

    @Test
    void aSleepingRecorderIsWoken() {
        Doorbell doorbell = ring.doorbell(bell);
        publish(1);
        assertEquals(0, bell.drain());
        doorbell.announceSleep();
        publish(2);
        publish(3);
        assertEquals(1, bell.drain());
    }

    /** PROTOCOL.md, "Trace": one that naps looks by itself, and is woken when much waits for it. */
    @Test
    void aNappingRecorderIsWokenBeforeTheRingIsFull() {
        ring.doorbell(bell).announceNap();
        for (int waiting = BATCH_BYTES + 8; waiting < RingSink.URGENT_BYTES; waiting += BATCH_BYTES + 8) {
            publish(waiting);
        }
        assertEquals(0, bell.drain());
        publish(-1);
        publish(-2);
        assertEquals(1, bell.drain());
    }

    private void commits(int count) {
        for (int i = 0; i < count; i++) {
            batch.putLong(8, next++);
            sink.publish(batch, TraceLayout.ONE_FIELD_LENGTH);
        }
    }

    /** Small batches share a message, which is as long as they are: the next one follows at once. */
    @Test
    void aMessageGrowsUntilTheDeviceRests() {
        HardenedReader reader = ring.reader(0);
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        long read = 0;
        for (int round = 0; round < 20_000; round++) { // several times round the ring
            int count = 1 + random.nextInt(40);
            commits(count);
            assertFalse(reader.next(), "nobody sees it grow");
            sink.rest();
            sink.rest();
            assertTrue(reader.next());
            assertEquals(count * TraceLayout.ONE_FIELD_LENGTH, reader.length());
            for (int i = 0; i < count; i++) {
                assertEquals(read++, reader.message().getLong(8 + i * TraceLayout.ONE_FIELD_LENGTH));
            }
            reader.release();
            assertFalse(reader.nextUnfinished());
        }
        commits(RingSink.MESSAGE_BYTES / TraceLayout.ONE_FIELD_LENGTH);
        assertTrue(reader.next(), "one that is full does not wait");
        assertEquals(RingSink.MESSAGE_BYTES, reader.length());
        reader.release();
        assertNull(reader.violation());
        assertEquals(0, sink.lostBatches());
    }

    /** Killed at any moment: all that was published is there, whether the device has rested or not. */
    @Test
    void whatADeadDevicePublishedIsRead() {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        for (int death = 0; death < 200; death++) {
            try (TraceRing mortal = TraceRing.create("test-mortal")) {
                RingSink dying = new RingSink(mortal, bell, () -> {});
                int published = random.nextInt(2000);
                for (int i = 0; i < published; i++) {
                    batch.putLong(8, i);
                    dying.publish(batch, TraceLayout.ONE_FIELD_LENGTH);
                    if (random.nextInt(100) == 0) {
                        dying.rest();
                    }
                }
                HardenedReader reader = mortal.reader(0);
                long found = 0;
                while (reader.next() || reader.nextUnfinished()) {
                    for (int at = 0; at < reader.length(); at += TraceLayout.ONE_FIELD_LENGTH) {
                        assertEquals(found++, reader.message().getLong(at + 8));
                    }
                    reader.release();
                }
                assertEquals(published, found);
                assertNull(reader.violation());
            }
        }
    }

    /** What lies behind a ring's end as an unfinished message is bytes of a hostile process. */
    @Test
    void anUnfinishedMessageThatIsNoneIsNothing() {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        UnsafeBuffer all = new UnsafeBuffer(new byte[0]);
        try (Mapping mapping = MemFd.of(ring.fd().duplicate()).map()) {
            all.wrap(mapping.buffer());
            for (int i = 0; i < 10_000; i++) {
                all.putInt(0, i % 3 == 0 ? random.nextInt(-1 << 18, 16) : random.nextInt());
                all.putInt(4, random.nextInt(-2, 4));
                HardenedReader reader = ring.reader(0);
                if (!reader.next() && reader.nextUnfinished()) {
                    assertTrue(reader.length() > 0 && reader.length() <= TraceLayout.MAX_BATCH_BYTES);
                    reader.done();
                }
            }
            all.setMemory(0, 8, (byte) 0);
        }
    }

    /** The recorder scribbles on the tail: the process loses its trace, and nothing else. */
    @Test
    void aHostileRecorderSeversTheRing() throws Exception {
        try (TraceRing other = TraceRing.attach(ring.fd().duplicate())) {
            UnsafeBuffer all = new UnsafeBuffer(0, 0);
            try (Mapping mapping = MemFd.of(other.fd().duplicate()).map()) {
                all.wrap(mapping.buffer());
                all.putLong(TraceRingLayout.CAPACITY_BYTES + 128, 3);
                publish(1);
                assertNotNull(ring.producer());
                publish(2);
            }
        }
        assertEquals(2, sink.lostBatches());
    }

    @Test
    void noRingIsRefused() {
        MemFd zeros = MemFd.createSealed("test-zeros", TraceRingLayout.TOTAL_BYTES + 4096);
        assertThrows(TraceFormatException.class, () -> TraceRing.attach(zeros.fd()));
        zeros.close();
        MemFd open = MemFd.create("test-open", TraceRingLayout.TOTAL_BYTES);
        assertThrows(TraceFormatException.class, () -> TraceRing.attach(open.fd()));
        open.close();
    }

    @Test
    void recordingAllocatesNothing() {
        HardenedReader reader = ring.reader(0);
        RecordingTape tape = new RecordingTape(sink, 0);
        UnsafeBuffer state = new UnsafeBuffer(new byte[128]);
        Allocations.assertNone("a recorded transaction", () -> {
            tape.call(2, 1, 2, 3, 4);
            tape.callBytes(state, 0, 10);
            tape.read(64, 4, 5);
            tape.written(64, 2, 5);
            tape.answer(64, 1);
            tape.output(65, 1, 2, 3);
            tape.outputBytes(65, state, 0, 100);
            tape.markCommit();
            tape.state(8, state, 128);
            tape.rest();
            for (int n = 0; n < 3; n++) {
                tape.call(2, 1, 2, 0, n);
                tape.output(2, n, 0, 0);
                tape.commit();
            }
            while (reader.next()) {
                reader.release();
            }
        });
        assertEquals(0, sink.lostBatches());
    }
}
