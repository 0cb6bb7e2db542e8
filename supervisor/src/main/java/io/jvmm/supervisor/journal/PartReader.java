package io.jvmm.supervisor.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The documents of one part of a life, read without Chronicle Queue: its own reader loads and makes the classes that a file names. <b>Hostile:</b>
 * the files, each byte of them; there are checksums in what {@link #document} gives. Works while the part is written. One thread.
 *
 * <pre>
 *   *.cq4, one for each day (UTC), in the order of their names: documents, each at a multiple of 4
 *   | u32 header | bytes ... |      little-endian
 *      bits 0..29 how many bytes, bit 30 metadata of Chronicle Queue, which is skipped, bit 31 not finished yet
 *      0 nothing is written here yet; 0xC0000000 nothing more is written to this file
 * </pre>
 */
final class PartReader implements AutoCloseable {
    /** Of the largest document that is read. */
    static final int MOST_BYTES = Queues.BLOCK_BYTES / 4;

    private static final int NOT_FINISHED = 0x8000_0000;
    private static final int METADATA = 0x4000_0000;
    private static final int LENGTH = 0x3FFF_FFFF;
    private static final int HEADER_BYTES = 4;

    private final Deque<Path> files;
    private final ByteBuffer bytes =
            ByteBuffer.allocate(MOST_BYTES + HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final UnsafeBuffer document = new UnsafeBuffer(bytes.array());
    private @Nullable FileChannel file;
    /** Behind the header. */
    private long position;

    private int header;
    private int length;
    private boolean torn;

    /**
     * Opens a part.
     *
     * @throws JournalException when its directory cannot be read
     */
    PartReader(Path part) throws JournalException {
        files = new ArrayDeque<>(JournalDirectory.queueFiles(part));
    }

    /**
     * Makes the next document current; false when there is none, or the file ends within it.
     *
     * @throws IOException when a file cannot be read, or is none
     */
    boolean next() throws IOException {
        while (!torn) {
            FileChannel f = file;
            if (f == null) {
                if (!openNext()) {
                    return false;
                }
            } else if (header == 0 || (header & NOT_FINISHED) != 0) {
                closeFile();
            } else if ((header & METADATA) != 0) {
                skip(f);
            } else {
                return read(f);
            }
        }
        return false;
    }

    private boolean openNext() throws IOException {
        Path next = files.poll();
        if (next == null) {
            return false;
        }
        FileChannel f = JournalDirectory.openToRead(next);
        file = f;
        position = 0;
        takeHeader(fill(f, HEADER_BYTES), 0);
        return true;
    }

    private void skip(FileChannel f) throws IOException {
        position += aligned(header & LENGTH);
        takeHeader(fill(f, HEADER_BYTES), 0);
    }

    /** Reads a document and, behind it, the next one's header: nothing of that one's bytes, which may be older than it. */
    private boolean read(FileChannel f) throws IOException {
        length = header & LENGTH;
        if (length > MOST_BYTES) {
            torn = true;
            return false;
        }
        int next = aligned(length);
        int found = fill(f, next + HEADER_BYTES);
        if (found < length) {
            torn = true;
            return false;
        }
        position += next;
        takeHeader(found, next);
        return true;
    }

    /** The header at {@code at} of {@code found} bytes; none where the file ends. */
    private void takeHeader(int found, int at) {
        header = found < at + HEADER_BYTES ? 0 : bytes.getInt(at);
        position += HEADER_BYTES;
    }

    private int fill(FileChannel f, int most) throws IOException {
        bytes.clear().limit(most);
        while (bytes.hasRemaining() && f.read(bytes, position + bytes.position()) > 0) {
            // until there are as many, or the file ends
        }
        return bytes.position();
    }

    private static int aligned(int length) {
        return (length + HEADER_BYTES - 1) & -HEADER_BYTES;
    }

    /** The current document, from 0 on. */
    UnsafeBuffer document() {
        return document;
    }

    /** How many bytes it has; 0..{@link #MOST_BYTES}. */
    int length() {
        return length;
    }

    /** Whether a file ends within a document, or has one that is too long: what would come next cannot be read. */
    boolean torn() {
        return torn;
    }

    private void closeFile() throws IOException {
        FileChannel f = file;
        file = null;
        if (f != null) {
            f.close();
        }
    }

    @Override
    public void close() throws IOException {
        closeFile();
    }
}
