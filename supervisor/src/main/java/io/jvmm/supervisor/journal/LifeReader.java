package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the batches of a life in order, as far as they are whole: each has its checksums and the number that follows. A part that ends in
 * the middle of a batch, because whoever wrote it was killed or the power failed, ends before that batch; the next part goes on with
 * the same number. Works while the life is written. <b>Hostile:</b> the files. One thread.
 */
final class LifeReader implements AutoCloseable {
    private final Deque<Path> parts;
    private @Nullable PartReader documents;
    private UnsafeBuffer excerpt = new UnsafeBuffer(new byte[0]);
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
     * @throws JournalException when a file cannot be read
     */
    boolean next() throws JournalException {
        while (fault.isEmpty()) {
            if (documents == null && !openNext()) {
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
        documents = new PartReader(next);
        return true;
    }

    /** Whether there is another whole batch in this part. */
    private boolean read() throws JournalException {
        PartReader d = documents;
        if (d == null) {
            return false;
        }
        String wrong;
        try {
            if (d.next()) {
                excerpt = d.document();
                length = d.length();
                wrong = ExcerptLayout.fault(excerpt, length);
            } else if (d.torn()) {
                wrong = "the file ends in it";
            } else {
                closePart();
                return false;
            }
        } catch (IOException e) {
            throw new JournalException(part + " cannot be read behind batch " + sequence + ": " + e.getMessage(), e);
        }
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
        PartReader d = documents;
        documents = null;
        if (d != null) {
            try {
                d.close();
            } catch (IOException e) {
                // It was only read.
            }
        }
    }

    @Override
    public void close() {
        closePart();
    }
}
