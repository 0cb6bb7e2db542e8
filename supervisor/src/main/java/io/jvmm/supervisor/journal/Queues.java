package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.RollCycles;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;

/** How queues are written. A queue is written by one process once, and never by another, and has one file however long that lasts. */
final class Queues {
    /** A file grows by so much, of which the disk holds what was written and what {@link RoomAhead} has for the next batches; the largest excerpt must fit in a quarter of it. */
    static final int BLOCK_BYTES = 1 << 20;

    private static final DateTimeFormatter NAME = DateTimeFormatter.ofPattern(
                    RollCycles.FAST_DAILY.format(), Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private Queues() {}

    /** How the file of a queue is called that is begun now. */
    static String fileName(Instant now) {
        return NAME.format(now) + ".cq4";
    }

    /**
     * One that is written. Nobody reads with Chronicle Queue: {@link PartReader} does.
     *
     * @param now when it is begun: its clock stands still, so that there comes no other file at midnight, of which nobody has the disk's pages
     */
    static ChronicleQueue toWrite(Path directory, Instant now) {
        long nowMs = now.toEpochMilli();
        return SingleChronicleQueueBuilder.binary(directory)
                .rollCycle(RollCycles.FAST_DAILY)
                .blockSize(BLOCK_BYTES)
                .timeProvider(() -> nowMs)
                // There is one writer: a lock that is taken was left by one that is dead, and a file that was made
                // beforehand nobody else will begin.
                .timeoutMS(10)
                .build();
    }
}
