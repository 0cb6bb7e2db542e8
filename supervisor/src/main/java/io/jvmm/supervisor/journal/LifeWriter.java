package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.FileIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.wire.Wire;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Appends batches to a life. What {@link #append} has returned from outlives this process, however that ends; the host's power is
 * another matter: the kernel writes the pages when it likes, and the checksums tell how far it came. The file is mapped, and so a disk that runs short
 * must have its pages before they are written to: whoever gathers a batch asks {@link #reserve} first. One thread.
 */
final class LifeWriter implements AutoCloseable {
    /** Up to here copying word by word beats the call of the bulk routine. */
    private static final int SMALL_BYTES = 128;

    /** Of Chronicle Queue, between the batches: an index every so often, its header, and an END. */
    private static final int BETWEEN_BYTES = 128 * 1024;

    private final RoomAhead room;
    private final ChronicleQueue queue;
    private final ExcerptAppender appender;
    private final UnsafeBuffer excerpt;
    private final Bytes<ByteBuffer> bytes;
    private final int most;
    private final long aheadBytes;
    /** Behind the last excerpt of the file. */
    private long position;

    private int gathered;
    private long sequence;
    private long written;

    /**
     * Begins another part of a life.
     *
     * @param nextSequence of the first batch
     * @param mostBatchBytes of a batch
     * @throws NoRoomException when the disk is full; no part has been begun
     */
    LifeWriter(Path life, long nextSequence, int mostBatchBytes) throws JournalException {
        this(life, nextSequence, mostBatchBytes, FileIo::tryAllocate);
    }

    /** @param allocator how room on the disk is had */
    LifeWriter(Path life, long nextSequence, int mostBatchBytes, RoomAhead.Allocator allocator)
            throws JournalException {
        Path part = JournalDirectory.nextPart(life);
        Instant now = Instant.now();
        aheadBytes = 2L * (ExcerptLayout.HEADER_BYTES + mostBatchBytes) + BETWEEN_BYTES;
        try {
            Files.createDirectory(part);
            room = firstRoom(part, now, allocator);
            queue = Queues.toWrite(part, now);
            appender = queue.createAppender();
        } catch (IOException | RuntimeException | InternalError e) {
            // InternalError as below: of the table, which is mapped, too.
            throw new JournalException("the journal cannot be written: " + e, e);
        }
        ByteBuffer memory = ByteBuffer.allocateDirect(ExcerptLayout.HEADER_BYTES + mostBatchBytes);
        excerpt = new UnsafeBuffer(memory);
        bytes = Bytes.wrapForRead(memory); // from where Chronicle's copy is one of the bulk routine
        most = mostBatchBytes;
        sequence = nextSequence;
    }

    /** Room for the file of a queue that is about to be made. Its small table Chronicle Queue wants to make itself. */
    private RoomAhead firstRoom(Path part, Instant now, RoomAhead.Allocator allocator)
            throws IOException, NoRoomException {
        RoomAhead file = new RoomAhead(part.resolve(Queues.fileName(now)), allocator);
        String lack = file.reserve(aheadBytes);
        if (!lack.isEmpty()) {
            file.close();
            JournalDirectory.removeTree(part);
            throw new NoRoomException(lack);
        }
        return file;
    }

    /**
     * Sees to it that the disk has room for what is gathered, for as much again as a batch may have, and for an END behind them; why it has none, or an
     * empty text. Without it those must not be written.
     */
    String reserve() {
        return room.reserve(position + aheadBytes);
    }

    /**
     * Appends a batch.
     *
     * @param ringPosition where the ring goes on after it
     * @throws NoRoomException when the disk is full: nothing has been written
     * @throws JournalException when it is worse
     */
    void append(DirectBuffer batch, int offset, int length, long ringPosition) throws JournalException {
        String lack = reserve();
        if (!lack.isEmpty()) {
            throw new NoRoomException(lack);
        }
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
        Wire wire = appender.wire();
        position = wire == null ? position : wire.bytes().writePosition();
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
        room.giveBack(position + Long.BYTES); // where Chronicle Queue might have put the next header
        room.close();
    }
}
