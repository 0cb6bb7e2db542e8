package io.jvmm.ipc.trace;

/**
 * Bytes of a trace. Little-endian; PROTOCOL.md, "Trace", is normative.
 *
 * <pre>
 *   record, at a multiple of 8
 *   0            4         5      6            8
 *   | u32 length | u8 type | (0)  | u16 method | fields | bytes | (0) to a multiple of 8 |
 *
 *   CALL          | i64 nowNs | u64 a | u64 b | u64 c |
 *   ANSWER        | i64 value |
 *   OUTPUT        | u64 a | u64 b | u64 c |
 *   …_BYTES, LIFE | u32 part offset | u32 total length | bytes
 *   MEMORY_…      | u64 offset | bytes
 *   STATE         | u64 transaction | i64 ring position | u32 part offset | u32 total length | bytes
 *   COMMIT        | u64 transaction |      GAP | u64 batches lost |      END | u64 exit code |
 *   STEP, ASK     | i64 nowNs | u64 transaction | u16 low half of a | u16 high half of a | u16 b | u16 c or the answer |
 *   AGAIN         | i64 nowNs |; where others have the method: u16 c or the answer
 *
 *   flat file     | u64 "JVMMTRCE" | u32 version | (0) | batches: | u32 length | u32 CRC32C | u64 sequence | records |
 * </pre>
 *
 * <p>{@code length} counts header, fields and bytes, not the padding behind them.
 */
public final class TraceLayout {
    /** Version of records, batches and files. */
    public static final int VERSION = 3;
    /** The oldest that is read: it has none of the short forms. */
    public static final int OLDEST_VERSION = 1;

    /** Longest record, without padding; longer bytes are split. */
    public static final int MAX_RECORD_BYTES = 64 * 1024;
    /** Longest batch. */
    public static final int MAX_BATCH_BYTES = 128 * 1024;
    /** Most bytes of one call, answer, output, state or life, in all their parts. */
    public static final int MAX_TOTAL_BYTES = 1 << 20;

    public static final int RECORD_LENGTH = 0;
    public static final int RECORD_TYPE = 4;
    public static final int RECORD_RESERVED = 5;
    public static final int RECORD_METHOD = 6;
    /** Header; the fields follow. */
    public static final int HEADER_BYTES = 8;

    public static final int CALL_NOW_NS = 8;
    public static final int CALL_A = 16;
    public static final int CALL_B = 24;
    public static final int CALL_C = 32;
    public static final int CALL_LENGTH = 40;

    public static final int ANSWER_VALUE = 8;
    public static final int ANSWER_LENGTH = 16;

    public static final int OUTPUT_A = 8;
    public static final int OUTPUT_B = 16;
    public static final int OUTPUT_C = 24;
    public static final int OUTPUT_LENGTH = 32;

    public static final int PART_OFFSET = 8;
    public static final int PART_TOTAL = 12;
    public static final int PARTS_BYTES = 16;

    public static final int MEMORY_OFFSET = 8;
    public static final int MEMORY_BYTES = 16;

    public static final int STATE_TRANSACTION = 8;
    public static final int STATE_RING_POSITION = 16;
    public static final int STATE_PART_OFFSET = 24;
    public static final int STATE_PART_TOTAL = 28;
    public static final int STATE_BYTES = 32;

    /** COMMIT, GAP, END. */
    public static final int ONE_FIELD = 8;

    public static final int ONE_FIELD_LENGTH = 16;

    /** A CALL and the COMMIT that follows it at once, where the numbers are small: no {@link RecordType}, since each reader is told of both. */
    public static final int STEP_CODE = 14;
    /** A CALL, the one OUTPUT of its method that comes of it, and the COMMIT: a register is read. */
    public static final int ASK_CODE = 15;
    /** The STEP or ASK before once more: at another time, with another c or another answer. */
    public static final int AGAIN_CODE = 16;

    public static final int AGAIN_LENGTH = 16;

    public static final int STEP_NOW_NS = 8;
    public static final int STEP_TRANSACTION = 16;
    public static final int STEP_A_LOW = 24;
    public static final int STEP_A_HIGH = 26;
    public static final int STEP_B = 28;
    public static final int STEP_C = 30;
    public static final int STEP_LENGTH = 32;

    /** "JVMMTRCE" read as a little-endian number. */
    public static final long FILE_MAGIC = 0x4543_5254_4d4d_564aL;

    public static final int FILE_VERSION = 8;
    public static final int FILE_HEADER_BYTES = 16;

    public static final int BATCH_LENGTH = 0;
    public static final int BATCH_CRC = 4;
    public static final int BATCH_SEQUENCE = 8;
    public static final int BATCH_HEADER_BYTES = 16;

    private TraceLayout() {}

    /** The most bytes in one record of a type. */
    public static int maxPartBytes(RecordType type) {
        return MAX_RECORD_BYTES - type.leastBytes();
    }

    /** Up to the next record. */
    public static int align(int lengthBytes) {
        return (lengthBytes + 7) & -8;
    }
}
