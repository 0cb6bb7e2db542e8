package io.jvmm.ipc.trace;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Reads a flat file of a trace, batch by batch. <b>Hostile:</b> the file; lengths, CRC and numbers are checked, the records are
 * {@link BatchReader}'s to check. A last batch that is cut short, or whose CRC is wrong, is a torn tail: what stands before it counts. One thread.
 */
public final class TraceFileReader implements TraceSource, AutoCloseable {
    private final FileInputStream file;
    private final long end;
    private final ByteBuffer bytes = ByteBuffer.allocate(TraceLayout.BATCH_HEADER_BYTES + TraceLayout.MAX_BATCH_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    private final UnsafeBuffer batch = new UnsafeBuffer(new byte[0]);
    private final CRC32C crc = new CRC32C();
    private long position;
    private long batches;
    private long sequence;
    private boolean torn;

    /**
     * Opens a file and reads its header.
     *
     * @throws TraceFormatException when it is no trace, or one of another version
     */
    public TraceFileReader(Path path) throws TraceFormatException, IOException {
        file = new FileInputStream(path.toFile());
        end = Files.size(path);
        try {
            if (!read(0, TraceLayout.FILE_HEADER_BYTES) || bytes.getLong(0) != TraceLayout.FILE_MAGIC) {
                throw new TraceFormatException(path + " is no trace");
            }
            int version = bytes.getInt(TraceLayout.FILE_VERSION);
            if (version < TraceLayout.OLDEST_VERSION || version > TraceLayout.VERSION) {
                throw new TraceFormatException(path + " has format " + version + "; this program reads "
                        + TraceLayout.OLDEST_VERSION + " to " + TraceLayout.VERSION);
            }
        } catch (TraceFormatException | IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Reads on, into {@code bytes} from {@code at}; false when the file ends before. By read(2), which a jailed replay may do. */
    private boolean read(int at, int lengthBytes) throws IOException {
        if (end - position < lengthBytes) {
            return false;
        }
        bytes.clear().limit(at + lengthBytes);
        if (file.readNBytes(bytes.array(), at, lengthBytes) < lengthBytes) {
            return false; // somebody is cutting it short
        }
        position += lengthBytes;
        return true;
    }

    @Override
    public boolean nextBatch() throws TraceFormatException, IOException {
        if (torn || position == end) {
            return false;
        }
        long at = position;
        if (!read(0, TraceLayout.BATCH_HEADER_BYTES)) {
            torn = true;
            return false;
        }
        int lengthBytes = bytes.getInt(TraceLayout.BATCH_LENGTH);
        if (lengthBytes <= 0 || lengthBytes > TraceLayout.MAX_BATCH_BYTES) {
            throw new TraceFormatException("batch " + batches + " at byte " + at + ": " + lengthBytes + " bytes");
        }
        if (!read(TraceLayout.BATCH_HEADER_BYTES, lengthBytes)) {
            torn = true;
            return false;
        }
        int expected = bytes.getInt(TraceLayout.BATCH_CRC);
        if (TraceFileWriter.crc(crc, bytes.duplicate().position(TraceLayout.BATCH_SEQUENCE)) != expected) {
            torn = position == end;
            if (torn) {
                return false;
            }
            throw new TraceFormatException("batch " + batches + " at byte " + at + ": wrong CRC");
        }
        long number = bytes.getLong(TraceLayout.BATCH_SEQUENCE);
        if (batches > 0 && number != sequence + 1) {
            throw new TraceFormatException(
                    "batch " + batches + " at byte " + at + ": number " + number + " behind number " + sequence);
        }
        sequence = number;
        batches++;
        batch.wrap(bytes.array(), TraceLayout.BATCH_HEADER_BYTES, lengthBytes);
        return true;
    }

    @Override
    public DirectBuffer batch() {
        return batch;
    }

    @Override
    public int lengthBytes() {
        return batch.capacity();
    }

    @Override
    public long sequence() {
        return sequence;
    }

    @Override
    public boolean torn() {
        return torn;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
