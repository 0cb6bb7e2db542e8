package io.jvmm.supervisor.journal;

import java.io.IOException;
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
    private final ChronicleQueue queue;
    private final ExcerptAppender appender;
    private final UnsafeBuffer excerpt;
    private final Bytes<byte[]> bytes;
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
        byte[] array = new byte[ExcerptLayout.HEADER_BYTES + mostBatchBytes];
        excerpt = new UnsafeBuffer(array);
        bytes = Bytes.wrapForRead(array);
        sequence = nextSequence;
    }

    /**
     * Appends a batch.
     *
     * @param ringPosition where the ring goes on after it
     * @throws JournalException when the disk is full, or worse
     */
    void append(DirectBuffer batch, int offset, int length, long ringPosition) throws JournalException {
        excerpt.putBytes(ExcerptLayout.HEADER_BYTES, batch, offset, length);
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
