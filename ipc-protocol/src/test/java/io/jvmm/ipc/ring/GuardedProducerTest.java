package io.jvmm.ipc.ring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The producing side of PROTOCOL.md, "IPC ring", with Agrona's own ring as the reference. */
@Timeout(120)
class GuardedProducerTest {
    private static final int CAPACITY = 4096;
    private static final int LENGTH = CAPACITY + IpcRingLayout.TRAILER_LENGTH_BYTES;
    private static final int TAIL = CAPACITY + 128;
    private static final int HEAD = CAPACITY + 384;

    private final UnsafeBuffer buffer = ring();

    private static UnsafeBuffer ring() {
        return new UnsafeBuffer(ByteBuffer.allocateDirect(LENGTH));
    }

    private static boolean write(GuardedProducer producer, int type, UnsafeBuffer message, int length) {
        int index = producer.claim(type, length);
        if (index >= 0) {
            producer.buffer().putBytes(index, message, 0, length);
            return producer.commit(index);
        }
        assertEquals(GuardedProducer.FULL, index);
        return false;
    }

    /** Two rings, one written by Agrona and one by us, are the same bytes at every step, the trailer's positions too. */
    @Test
    void writesWhatAgronaWrites() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        UnsafeBuffer reference = ring();
        RingBuffer agrona = new ManyToOneRingBuffer(reference);
        GuardedProducer producer = new GuardedProducer(buffer);
        UnsafeBuffer message = new UnsafeBuffer(new byte[CAPACITY / 8]);
        for (int i = 0; i < 20_000; i++) {
            // A fifth of the ring is always free: where there is no room behind the end, Agrona writes padding without
            // a record.
            int length = random.nextInt(200);
            if (agrona.size() < CAPACITY * 4 / 5) {
                random.nextBytes(message.byteArray());
                assertTrue(agrona.write(1 + i % 7, message, 0, length), "seed " + seed);
                assertTrue(write(producer, 1 + i % 7, message, length), "seed " + seed);
            } else {
                int count = 1 + random.nextInt(20);
                agrona.read((type, from, offset, bytes) -> {}, count);
                new ManyToOneRingBuffer(buffer).read((type, from, offset, bytes) -> {}, count);
            }
            assertEquals(reference.getLong(TAIL), buffer.getLong(TAIL), "seed " + seed);
            assertEquals(reference.getLong(HEAD), buffer.getLong(HEAD), "seed " + seed);
            assertTrue(reference.compareTo(buffer) == 0 || differsInHeadCacheOnly(reference), "seed " + seed);
        }
    }

    /** When either producer looks at the head again is its own business. */
    private boolean differsInHeadCacheOnly(UnsafeBuffer reference) {
        UnsafeBuffer a = new UnsafeBuffer(new byte[LENGTH]);
        UnsafeBuffer b = new UnsafeBuffer(new byte[LENGTH]);
        a.putBytes(0, reference, 0, LENGTH);
        b.putBytes(0, buffer, 0, LENGTH);
        a.putLong(CAPACITY + IpcRingLayout.HEAD_CACHE_OFFSET, 0);
        b.putLong(CAPACITY + IpcRingLayout.HEAD_CACHE_OFFSET, 0);
        return a.compareTo(b) == 0;
    }

    @Test
    void withoutRoomNothingIsClaimed() {
        GuardedProducer producer = new GuardedProducer(buffer);
        for (int i = 0; i < 7; i++) {
            assertTrue(producer.commit(producer.claim(1, 512)));
        }
        assertEquals(7 * 520, buffer.getLong(TAIL));
        // 456 bytes to the end, and none behind it: not even the padding is written.
        assertEquals(GuardedProducer.FULL, producer.claim(1, 512));
        assertEquals(7 * 520, buffer.getLong(TAIL));
        HardenedReader reader = new HardenedReader(buffer, 512, 0);
        assertTrue(reader.next());
        reader.release();
        assertEquals(8, producer.claim(2, 512), "behind the padding, at the start of the ring");
        assertEquals(CAPACITY + 520, buffer.getLong(TAIL));
        assertEquals(456, buffer.getInt(7 * 520));
        assertEquals(IpcRingLayout.PADDING_TYPE, buffer.getInt(7 * 520 + 4));
    }

    @Test
    void manyThreadsLoseNothing() throws InterruptedException {
        int threads = 8;
        int each = 20_000;
        GuardedProducer producer = new GuardedProducer(buffer);
        HardenedReader reader = new HardenedReader(buffer, 64, 0);
        for (int t = 0; t < threads; t++) {
            int number = t;
            Thread.ofPlatform().daemon().start(() -> {
                for (int i = 0; i < each; ) {
                    int index = producer.claim(1 + number, 12);
                    if (index >= 0) {
                        buffer.putInt(index, i);
                        producer.commit(index);
                        i++;
                    } else {
                        LockSupport.parkNanos(1_000);
                    }
                }
            });
        }
        int[] next = new int[threads];
        for (int read = 0; read < threads * each; ) {
            if (reader.next()) {
                assertEquals(next[reader.type() - 1]++, reader.message().getInt(0));
                reader.release();
                read++;
            } else {
                assertNull(reader.violation());
                LockSupport.parkNanos(1_000);
            }
        }
        assertFalse(reader.next());
        assertNull(producer.violation());
    }

    /** Agrona's claim would repeat itself for ever: each time it has looked at the tail the consumer moves it. */
    @Test
    void aConsumerThatKeepsMovingTheTailIsSevered() {
        int[] stores = new int[1];
        UnsafeBuffer moving = new UnsafeBuffer(buffer) {
            @Override
            public boolean compareAndSetLong(int index, long expected, long update) {
                assertTrue(++stores[0] <= GuardedProducer.MAX_TRIES, "tried without a bound");
                putLong(TAIL, expected ^ 64);
                return super.compareAndSetLong(index, expected, update);
            }
        };
        GuardedProducer producer = new GuardedProducer(moving);
        assertEquals(GuardedProducer.SEVERED, producer.claim(1, 24));
        assertEquals(
                Violation.Kind.PRODUCER_RING,
                Objects.requireNonNull(producer.violation()).kind());
        assertEquals(GuardedProducer.SEVERED, producer.claim(1, 24));
    }

    /** Behind a head that lies ahead of every tail there is never room, nor an end of looking. */
    @Test
    void aHeadAheadOfTheTailIsSevered() {
        buffer.putLong(HEAD, 1L << 40);
        buffer.putLong(CAPACITY + IpcRingLayout.HEAD_CACHE_OFFSET, 1L << 40);
        assertEquals(GuardedProducer.SEVERED, new GuardedProducer(buffer).claim(1, 24));
    }

    @Test
    void aTailBetweenRecordsIsSevered() {
        buffer.putLong(TAIL, 4);
        assertEquals(GuardedProducer.SEVERED, new GuardedProducer(buffer).claim(1, 24));
    }

    @Test
    void claimingAllocatesNothing() {
        GuardedProducer producer = new GuardedProducer(buffer);
        HardenedReader reader = new HardenedReader(buffer, 64, 0);
        Allocations.assertNone("claim and commit", () -> {
            producer.commit(producer.claim(1, 24));
            producer.commit(producer.claim(2, 60));
            while (reader.next()) {
                reader.release();
            }
        });
    }
}
