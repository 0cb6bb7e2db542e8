package io.jvmm.ipc.trace;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;

/**
 * Writes a trace to a flat file, {@code *.jtrace}; PROTOCOL.md, "Trace". For whoever may open files: recorder, fuzzer, tests. One thread. A failure
 * of the host is an {@link UncheckedIOException} where {@link BatchSink} has no other.
 */
public final class TraceFileWriter implements BatchSink, AutoCloseable {
    private final FileOutputStream file;
    private final ByteBuffer bytes = ByteBuffer.allocate(TraceLayout.BATCH_HEADER_BYTES + TraceLayout.MAX_BATCH_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();
    private long sequence;

    /** Makes the file, or makes it anew, and writes its header. */
    public TraceFileWriter(Path path) throws IOException {
        file = new FileOutputStream(path.toFile());
        bytes.putLong(TraceLayout.FILE_MAGIC).putInt(TraceLayout.VERSION).putInt(0);
        write();
    }

    @Override
    public void publish(DirectBuffer batch, int lengthBytes) {
        try {
            append(batch, 0, lengthBytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Adds a batch; the first one has number 0. */
    public void append(DirectBuffer buffer, int offset, int lengthBytes) throws IOException {
        bytes.clear();
        bytes.putInt(lengthBytes).putInt(0).putLong(sequence);
        buffer.getBytes(offset, bytes, lengthBytes);
        bytes.putInt(TraceLayout.BATCH_CRC, crc(crc, bytes.duplicate().flip().position(TraceLayout.BATCH_SEQUENCE)));
        sequence++;
        write();
    }

    /** Of the sequence and the records. */
    static int crc(CRC32C crc, ByteBuffer covered) {
        crc.reset();
        crc.update(covered);
        return (int) crc.getValue();
    }

    private void write() throws IOException {
        file.write(bytes.array(), 0, bytes.position());
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
