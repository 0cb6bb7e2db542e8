package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.RollCycles;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;

/** How queues are written. A queue is written by one process once, and never by another. */
final class Queues {
    /** A file grows by so much, of which the disk holds what was written; the largest excerpt must fit in a quarter of it. */
    static final int BLOCK_BYTES = 1 << 20;

    private Queues() {}

    /** One that is written. Nobody reads with Chronicle Queue: {@link PartReader} does. */
    static ChronicleQueue toWrite(Path directory) {
        return SingleChronicleQueueBuilder.binary(directory)
                .rollCycle(RollCycles.FAST_DAILY)
                .blockSize(BLOCK_BYTES)
                // There is one writer; a lock that is taken was left by one that is dead.
                .timeoutMS(1000)
                .build();
    }
}
