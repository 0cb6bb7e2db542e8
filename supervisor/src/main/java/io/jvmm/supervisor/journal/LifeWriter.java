package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Appends batches to a life. What {@link #append} has returned from outlives this process, however that ends; the host's power is
 * another matter: the kernel writes the pages when it likes, and the checksums tell how far it came. One thread.
 */
final class LifeWriter implements AutoCloseable {
    /** Up to here copying word by word beats the call of the bulk routine. */
    private static final int SMALL_BYTES = 128;

    private final ChronicleQueue queue;
    private final ExcerptAppender appender;
    private final UnsafeBuffer excerpt;
    private final Bytes<ByteBuffer> bytes;
    private final int most;
    private int gathered;
    private long sequence;
    private long written;

    /**
     * Begins another part of a life.
     *
     * @param nextSequence of the first batch
     * @param mostBatchBytes of a batch
     */
    LifeWriter(Path life, long nextSequence, int mostBatchBytes) throws JournalException {
        Path part = JournalDirectory.nextPart(life);
        try {
            Files.createDirectory(part);
            queue = Queues.toWrite(part);
            appender = queue.createAppender();
        } catch (IOException | RuntimeException e) {
            throw new JournalException("the journal cannot be written: " + e, e);
        }
        ByteBuffer memory = ByteBuffer.allocateDirect(ExcerptLayout.HEADER_BYTES + mostBatchBytes);
        excerpt = new UnsafeBuffer(memory);
        bytes = Bytes.wrapForRead(memory); // from where Chronicle's copy is one of the bulk routine
        most = mostBatchBytes;
        sequence = nextSequence;
    }

    /**
     * Appends a batch.
     *
     * @param ringPosition where the ring goes on after it
     * @throws JournalException when the disk is full, or worse
     */
    void append(DirectBuffer batch, int offset, int length, long ringPosition) throws JournalException {
        gather(batch, offset, length);
        appendGathered(ringPosition);
    }

    /** Whether so many bytes more fit into the batch that is being gathered. */
    boolean hasRoom(int length) {
        return gathered + length <= most;
    }

    /** Adds records to a batch, which is nowhere but here until {@link #appendGathered}. */
    void gather(DirectBuffer records, int offset, int length) {
        int to = ExcerptLayout.HEADER_BYTES + gathered;
        if (length <= SMALL_BYTES && (length & 7) == 0) {
            for (int i = 0; i < length; i += Long.BYTES) {
                excerpt.putLong(to + i, records.getLong(offset + i));
            }
        } else {
            excerpt.putBytes(to, records, offset, length);
        }
        gathered += length;
    }

    /** Appends what was gathered, if anything was, as one batch; as {@link #append}. */
    void appendGathered(long ringPosition) throws JournalException {
        int length = gathered;
        if (length == 0) {
            return;
        }
        gathered = 0;
        ExcerptLayout.write(excerpt, length, ringPosition, sequence);
        bytes.readPositionRemaining(0, ExcerptLayout.HEADER_BYTES + length);
        try {
            appender.writeBytes(bytes);
        } catch (RuntimeException | InternalError e) {
            // InternalError: the file is mapped, and the disk has no page for it.
            throw new JournalException("the journal cannot be written: " + e, e);
        }
        sequence++;
        written += ExcerptLayout.HEADER_BYTES + length;
    }

    /** How many bytes have been appended by this writer. */
    long writtenBytes() {
        return written;
    }

    /** The sequence number of the next batch. */
    long nextSequence() {
        return sequence;
    }

    @Override
    public void close() {
        appender.close();
        queue.close();
    }
}
