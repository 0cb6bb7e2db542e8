package io.jvmm.supervisor.journal;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Bytes of one excerpt of a queue: a batch of trace records with what its place is. Little-endian.
 *
 * <pre>
 *   0             4             8                      16                  24              28              32
 *   | u32 "JVMJ"  | u32 length  | u64 ring position    | u64 sequence      | u32 crc32c    | u32 crc32c    | batch ...
 *                   of the batch  after the message      from 0 in a life    of the batch    of bytes 0..27
 * </pre>
 *
 * The ring position is where the recorder goes on in the ring when this is the last excerpt there is, so that nothing comes twice. It is a multiple
 * of 8, but for that of the last batch of a process that died in the midst of a message: bit 0 says that no recorder reads on.
 */
final class ExcerptLayout {
    static final int MAGIC = 0x4A4D_564A;
    static final int HEADER_BYTES = 32;

    private static final int LENGTH = 4;
    private static final int RING_POSITION = 8;
    private static final int SEQUENCE = 16;
    private static final int BATCH_CRC = 24;
    private static final int HEADER_CRC = 28;

    private ExcerptLayout() {}

    /** Writes the header of a batch that lies behind it already. */
    static void write(UnsafeBuffer excerpt, int batchBytes, long ringPosition, long sequence) {
        excerpt.putInt(0, MAGIC);
        excerpt.putInt(LENGTH, batchBytes);
        excerpt.putLong(RING_POSITION, ringPosition);
        excerpt.putLong(SEQUENCE, sequence);
        excerpt.putInt(BATCH_CRC, crc(excerpt, HEADER_BYTES, batchBytes));
        excerpt.putInt(HEADER_CRC, crc(excerpt, 0, HEADER_CRC));
    }

    /** What is wrong with an excerpt of so many bytes; empty when it is whole. */
    static String fault(UnsafeBuffer excerpt, int bytes) {
        if (bytes < HEADER_BYTES || excerpt.getInt(0) != MAGIC) {
            return "it is no batch";
        }
        if (excerpt.getInt(HEADER_CRC) != crc(excerpt, 0, HEADER_CRC)) {
            return "its header has another checksum";
        }
        if (excerpt.getInt(LENGTH) != bytes - HEADER_BYTES) {
            return "it has " + (bytes - HEADER_BYTES) + " bytes and should have "
                    + Integer.toUnsignedString(excerpt.getInt(LENGTH));
        }
        return excerpt.getInt(BATCH_CRC) == crc(excerpt, HEADER_BYTES, bytes - HEADER_BYTES)
                ? ""
                : "its bytes have another checksum";
    }

    static long ringPosition(DirectBuffer excerpt) {
        return excerpt.getLong(RING_POSITION);
    }

    static long sequence(DirectBuffer excerpt) {
        return excerpt.getLong(SEQUENCE);
    }

    private static int crc(UnsafeBuffer buffer, int offset, int length) {
        CRC32C crc = new CRC32C();
        ByteBuffer memory = buffer.byteBuffer();
        if (memory == null) {
            crc.update(buffer.byteArray(), offset, length);
        } else {
            crc.update(memory.clear().position(offset).limit(offset + length));
        }
        return (int) crc.getValue();
    }
}
