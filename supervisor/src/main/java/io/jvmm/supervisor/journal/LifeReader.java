package io.jvmm.supervisor.journal;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptTailer;
import net.openhft.chronicle.wire.DocumentContext;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the batches of a life in order, as far as they are whole: each has its checksums and the number that follows. A part that ends in
 * the middle of a batch, because whoever wrote it was killed or the power failed, ends before that batch; the next part goes on with
 * the same number. Works while the life is written. One thread.
 */
final class LifeReader implements AutoCloseable {
    private static final int MOST_BYTES = Queues.BLOCK_BYTES / 4;

    private final Deque<Path> parts;
    private final UnsafeBuffer excerpt = new UnsafeBuffer(new byte[MOST_BYTES]);
    private @Nullable ChronicleQueue queue;
    private @Nullable ExcerptTailer tailer;
    private Path part;
    private int length;
    private long sequence = -1;
    private long ringPosition;
    private String fault = "";
    private int torn;

    /**
     * Opens a life.
     *
     * @throws JournalException when it cannot be opened
     */
    LifeReader(Path life) throws JournalException {
        part = life;
        parts = new ArrayDeque<>(JournalDirectory.parts(life));
    }

    /**
     * Makes the next batch current; false at the end, or where it is not whole.
     *
     * @throws JournalException when the files are no queue
     */
    boolean next() throws JournalException {
        while (fault.isEmpty()) {
            if (tailer == null && !openNext()) {
                return false;
            }
            if (read()) {
                return true;
            }
        }
        return false;
    }

    private boolean openNext() throws JournalException {
        Path next = parts.poll();
        if (next == null) {
            return false;
        }
        part = next;
        try {
            ChronicleQueue opened = Queues.toRead(next);
            queue = opened;
            tailer = opened.createTailer();
            return true;
        } catch (RuntimeException e) {
            closePart();
            // Killed between the directory and the queue in it: there is nothing to miss.
            if (JournalDirectory.isEmpty(next)) {
                return openNext();
            }
            throw new JournalException(next + " is no queue: " + e.getMessage(), e);
        }
    }

    /** Whether there is another whole batch in this part. */
    private boolean read() throws JournalException {
        ExcerptTailer t = tailer;
        if (t == null) {
            return false;
        }
        try (DocumentContext document = t.readingDocument()) {
            if (!document.isPresent()) {
                closePart();
                return false;
            }
            Bytes<?> bytes = document.wire().bytes();
            length = (int) Math.min(bytes.readRemaining(), MOST_BYTES);
            bytes.read(excerpt.byteArray(), 0, length);
        } catch (RuntimeException | InternalError e) {
            throw new JournalException(part + " cannot be read behind batch " + sequence + ": " + e.getMessage(), e);
        }
        String wrong = ExcerptLayout.fault(excerpt, length);
        if (!wrong.isEmpty()) {
            torn++;
            closePart();
            if (parts.isEmpty()) {
                fault = "the batch after " + sequence + " is not whole: " + wrong;
            }
            return false;
        }
        long found = ExcerptLayout.sequence(excerpt);
        if (found != sequence + 1) {
            fault = "batch " + (sequence + 1) + " is missing: " + found + " comes next";
            closePart();
            return false;
        }
        sequence = found;
        ringPosition = ExcerptLayout.ringPosition(excerpt);
        return true;
    }

    /** The current batch; its bytes begin at {@link #offset()}. */
    DirectBuffer buffer() {
        return excerpt;
    }

    int offset() {
        return ExcerptLayout.HEADER_BYTES;
    }

    int length() {
        return length - ExcerptLayout.HEADER_BYTES;
    }

    /** Number of the current batch, from 0; -1 before the first. */
    long sequence() {
        return sequence;
    }

    /** Where the ring goes on after the current batch; 0 before the first. */
    long ringPosition() {
        return ringPosition;
    }

    /** Why there is nothing more; empty when the files simply end. */
    String fault() {
        return fault;
    }

    /** How many parts ended in a batch that is not whole. */
    int tornParts() {
        return torn;
    }

    private void closePart() {
        if (tailer != null) {
            tailer.close();
        }
        if (queue != null) {
            queue.close();
        }
        tailer = null;
        queue = null;
    }

    @Override
    public void close() {
        closePart();
    }
}
