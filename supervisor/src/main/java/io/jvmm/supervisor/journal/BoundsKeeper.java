package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.function.LongSupplier;

/** Keeps a journal within its bounds, and off a disk that is all but full. One thread. */
final class BoundsKeeper {
    /** Of the disk, for each ring: what its queue grows by next, twice. */
    private static final long ROOM_OF_A_RING_BYTES = 2L * Queues.BLOCK_BYTES;
    /** And for everything else. */
    private static final long ROOM_BYTES = 4L << 20;
    /** Looked at again after so much, a sixteenth of what there may be. */
    private static final int OFTEN = 16;

    private final JournalDirectory journal;
    private final Bounds bounds;
    private final LongSupplier usableBytes;
    /** Called between two lives that are looked at or removed: that takes its time. */
    private final Runnable alive;

    private long shareBytes;
    private long writtenBytes;

    /** @param usableBytes how much room the disk has */
    BoundsKeeper(JournalDirectory journal, Bounds bounds, LongSupplier usableBytes, Runnable alive) {
        this.journal = journal;
        this.bounds = bounds;
        this.usableBytes = usableBytes;
        this.alive = alive;
        this.shareBytes = bounds.mostBytes();
    }

    /**
     * Removes what must go.
     *
     * @param open directories of lives that are written
     * @return those of them that must not grow any more
     */
    Set<Path> keep(Set<Path> open, Instant now) throws JournalException {
        writtenBytes = 0;
        JournalDirectory.Excess excess = journal.beyond(bounds.mostBytes(), bounds.oldest(), open, now, alive);
        shareBytes = excess.shareBytes();
        for (Life life : excess.go()) {
            alive.run();
            JournalDirectory.remove(life);
        }
        return excess.full();
    }

    /** So much has been written; whether to look at the bounds at once. */
    boolean written(long bytes) {
        writtenBytes += bytes;
        return writtenBytes > bounds.mostBytes() / OFTEN;
    }

    /** Why a life should be followed by another; empty while it should not. */
    String renewal(RingDrain drain) {
        if (drain.lost() > 0) {
            return "it lost " + drain.lost() + " batches, because the recorder did not keep up";
        }
        return drain.bytes() >= Math.min(bounds.lifeBytes(), shareBytes / 2)
                ? "it has " + drain.bytes() + " bytes"
                : "";
    }

    /** Whether a life that goes on began so long ago that one that is over would go. */
    boolean isOld(Life life, Instant now) {
        return Duration.between(life.began(), now).compareTo(bounds.oldest()) > 0;
    }

    /** Why nothing more can be written; empty while something can. */
    String lackOfRoom(int rings) {
        long usable = usableBytes.getAsLong();
        long needed = ROOM_BYTES + rings * ROOM_OF_A_RING_BYTES;
        return usable >= needed
                ? ""
                : "the disk of the journal directory has " + (usable >> 20) + " MB left, and the recorder needs "
                        + (needed >> 20);
    }
}
