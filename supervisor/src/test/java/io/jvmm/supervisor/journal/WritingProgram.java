package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;

/** Appends batches to one life until it is killed, and says the number of each that is in it. Batch N's bytes depend on N alone. */
final class WritingProgram {
    static final int MOST_BATCH_BYTES = 128 * 1024;

    private WritingProgram() {}

    static byte[] batch(long sequence) {
        Random random = new Random(sequence);
        byte[] bytes = new byte[8 + random.nextInt(random.nextInt(10) == 0 ? MOST_BATCH_BYTES - 8 : 2000)];
        random.nextBytes(bytes);
        return bytes;
    }

    public static void main(String... args) throws JournalException {
        JournalDirectory journal = new JournalDirectory(Path.of(args[0]));
        Life life = journal.lives("block").isEmpty()
                ? journal.begin("block", "ring", Instant.now())
                : journal.lives("block").getLast();
        long next = 0;
        long position = 0;
        try (LifeReader reader = new LifeReader(life.directory())) {
            while (reader.next()) {
                next = reader.sequence() + 1;
                position = reader.ringPosition();
            }
        }
        LifeWriter writer = new LifeWriter(life.directory(), next, MOST_BATCH_BYTES);
        System.out.println("begins " + next + " at " + position);
        while (true) {
            byte[] bytes = batch(writer.nextSequence());
            position += bytes.length;
            writer.append(new UnsafeBuffer(bytes), 0, bytes.length, position);
            System.out.println("wrote " + (writer.nextSequence() - 1));
        }
    }
}
