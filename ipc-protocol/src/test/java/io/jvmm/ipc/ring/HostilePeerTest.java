package io.jvmm.ipc.ring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.nio.ByteBuffer;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A peer that writes anything anywhere, at any time: whatever it does, the other side throws nothing, reads and writes
 * nothing outside the ring, and comes to an end.
 */
@Timeout(120)
class HostilePeerTest {
    private static final int CAPACITY = 4096;
    private static final int MAX_MESSAGE = 64;
    private static final int GUARD = 4096;
    private static final long[] NASTY = {
        0,
        1,
        4,
        7,
        8,
        9,
        16,
        24,
        -1,
        -8,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        CAPACITY,
        CAPACITY - 1,
        CAPACITY + 8,
        -CAPACITY,
        1L << 32,
        (1L << 32) + 8,
        Long.MAX_VALUE - 7
    };

    /** The ring lies between guards whose bytes must never change. */
    private final ByteBuffer memory = ByteBuffer.allocateDirect(CAPACITY + 768 + 2 * GUARD);

    private final UnsafeBuffer all = new UnsafeBuffer(memory);
    private final UnsafeBuffer ring = new UnsafeBuffer(all, GUARD, CAPACITY + 768);

    private void reset() {
        all.setMemory(0, all.capacity(), (byte) 0);
        all.setMemory(0, GUARD, (byte) 0x5a);
        all.setMemory(GUARD + CAPACITY + 768, GUARD, (byte) 0x5a);
    }

    private void checkGuards(long seed) {
        for (int i = 0; i < GUARD; i++) {
            assertEquals(0x5a, all.getByte(i), "seed " + seed);
            assertEquals(0x5a, all.getByte(GUARD + CAPACITY + 768 + i), "seed " + seed);
        }
    }

    private static void corrupt(UnsafeBuffer ring, Random random) {
        switch (random.nextInt(4)) {
            case 0 -> ring.putByte(random.nextInt(ring.capacity()), (byte) random.nextInt());
            case 1 -> ring.putInt(8 * random.nextInt(CAPACITY / 8), (int) NASTY[random.nextInt(NASTY.length)]);
            case 2 -> ring.putInt(8 * random.nextInt(CAPACITY / 8) + 4, (int) NASTY[random.nextInt(NASTY.length)]);
            default -> ring.putLong(CAPACITY + 128 * random.nextInt(6), NASTY[random.nextInt(NASTY.length)]);
        }
    }

    @Test
    void theReaderNeverThrowsNorLoopsWhateverTheProducerWrites() {
        long firstSeed = TestSeed.next();
        int severed = 0;
        for (long seed = firstSeed; seed < firstSeed + 1_500; seed++) {
            Random random = new Random(seed);
            reset();
            RingBuffer producer = new ManyToOneRingBuffer(ring);
            HardenedReader reader = new HardenedReader(ring, MAX_MESSAGE, 0);
            UnsafeBuffer message = new UnsafeBuffer(new byte[MAX_MESSAGE]);
            for (int step = 0; step < 200 && reader.violation() == null; step++) {
                try {
                    producer.write(1 + random.nextInt(5), message, 0, random.nextInt(MAX_MESSAGE + 1));
                } catch (RuntimeException itsOwnFault) {
                    // It corrupted its own positions.
                }
                if (random.nextInt(20) == 0) {
                    corrupt(ring, random);
                }
                for (int i = 0; i < 3 && reader.next(); i++) {
                    assertTrue(reader.length() >= 0 && reader.length() <= MAX_MESSAGE, "seed " + seed);
                    assertTrue(reader.type() > 0, "seed " + seed);
                    assertEquals(0, reader.positionAfter() & 7, "seed " + seed);
                    reader.release();
                }
                reader.hasNext();
            }
            severed += reader.violation() != null ? 1 : 0;
            checkGuards(seed);
        }
        System.out.println("first seed " + firstSeed + ", severed " + severed + " of 1500");
        assertTrue(severed > 50, "the corruption did not even provoke violations: first seed " + firstSeed);
    }

    @Test
    void theReaderNeverThrowsOnNoise() {
        long firstSeed = TestSeed.next();
        for (long seed = firstSeed; seed < firstSeed + 2_000; seed++) {
            Random random = new Random(seed);
            reset();
            byte[] noise = new byte[CAPACITY];
            random.nextBytes(noise);
            ring.putBytes(0, noise);
            // Mostly plausible records, so that the walk gets somewhere.
            for (int i = 0; i < CAPACITY; i += 8) {
                if (random.nextBoolean()) {
                    ring.putInt(i, random.nextInt(80));
                    ring.putInt(i + 4, random.nextInt(4) - 1);
                }
            }
            HardenedReader reader = new HardenedReader(ring, MAX_MESSAGE, 0);
            int records = 0;
            while (reader.next()) {
                reader.release();
                assertTrue(++records <= CAPACITY / 8, "seed " + seed + ": consumed bytes came back");
            }
            checkGuards(seed);
        }
    }

    @Test
    void theProducerNeverThrowsWhateverTheConsumerWrites() {
        long firstSeed = TestSeed.next();
        int severed = 0;
        for (long seed = firstSeed; seed < firstSeed + 1_500; seed++) {
            Random random = new Random(seed);
            reset();
            GuardedProducer producer = new GuardedProducer(ring);
            for (int step = 0; step < 100; step++) {
                int index = producer.claim(1, 24);
                if (random.nextInt(5) == 0) {
                    corrupt(ring, random);
                }
                if (index >= 0) {
                    producer.buffer().putLong(index, 1);
                    producer.buffer().putLong(index + 8, 2);
                    producer.buffer().putLong(index + 16, 3);
                    producer.commit(index);
                }
            }
            if (producer.violation() != null) {
                severed++;
                assertEquals(GuardedProducer.SEVERED, producer.claim(1, 24));
            }
            checkGuards(seed);
        }
        System.out.println("first seed " + firstSeed + ", severed " + severed + " of 1500");
    }

    @Test
    void aScribblingThreadChangesNothingOfThat() throws InterruptedException {
        long seed = TestSeed.next();
        reset();
        boolean[] stop = new boolean[1];
        UnsafeBuffer stopWord = new UnsafeBuffer(ByteBuffer.allocateDirect(8));
        Thread scribbler = Thread.ofPlatform().start(() -> {
            Random random = new Random(seed);
            while (stopWord.getIntVolatile(0) == 0) {
                corrupt(ring, random);
            }
            stop[0] = true;
        });
        GuardedProducer producer = new GuardedProducer(ring);
        for (int life = 0; life < 2_000; life++) {
            ring.putLong(CAPACITY + 128, 0);
            ring.putLong(CAPACITY + 384, 0);
            HardenedReader reader = new HardenedReader(ring, MAX_MESSAGE, 0);
            for (int i = 0; i < 50; i++) {
                int index = producer.claim(1, 24);
                if (index >= 0) {
                    producer.commit(index);
                }
                if (reader.next()) {
                    assertTrue(reader.length() <= MAX_MESSAGE);
                    reader.release();
                }
            }
            if (producer.violation() != null) {
                producer = new GuardedProducer(ring);
            }
        }
        stopWord.putIntVolatile(0, 1);
        scribbler.join();
        assertTrue(stop[0]);
        checkGuards(seed);
    }

    @Test
    void aConsumerThatNeverReadsMakesTheRingFullAndNothingElse() {
        reset();
        GuardedProducer producer = new GuardedProducer(ring);
        int written = 0;
        int index;
        while ((index = producer.claim(1, 24)) >= 0) {
            assertTrue(producer.commit(index));
            written++;
        }
        assertEquals(GuardedProducer.FULL, index);
        assertEquals(CAPACITY / 32, written);
        assertNull(producer.violation());
        assertFalse(written == 0);
    }
}
