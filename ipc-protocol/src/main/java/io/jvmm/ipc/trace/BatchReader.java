package io.jvmm.ipc.trace;

import static io.jvmm.ipc.trace.TraceLayout.MAX_RECORD_BYTES;
import static io.jvmm.ipc.trace.TraceLayout.MAX_TOTAL_BYTES;

import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The records of one batch. <b>Hostile:</b> every byte of it; it must lie in memory that nobody else writes. {@link #next} has checked type, length,
 * and that the parts of what was split lie inside it; a STEP is told as the CALL and the COMMIT that it stands for; what the fields mean, and in which order records come, is the caller's to check. One thread;
 * allocates nothing but the exception.
 */
public final class BatchReader {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final int LEAST_BYTES = TraceLayout.ONE_FIELD_LENGTH;

    private DirectBuffer batch = new UnsafeBuffer(new byte[0]);
    private int batchEnd;
    private int at;
    private int length;
    private int next;
    private RecordType type = RecordType.GAP;
    /** Whether the record is a STEP: told as a CALL first, and then as a COMMIT. */
    private boolean step;

    /**
     * Begins a batch.
     *
     * @throws TraceFormatException when it is empty, too long, or no multiple of 8
     */
    public void wrap(DirectBuffer buffer, int offset, int lengthBytes) throws TraceFormatException {
        if (lengthBytes < LEAST_BYTES || lengthBytes > TraceLayout.MAX_BATCH_BYTES || (lengthBytes & 7) != 0) {
            throw new TraceFormatException("a batch of " + lengthBytes + " bytes");
        }
        batch = buffer;
        step = false;
        next = offset;
        batchEnd = offset + lengthBytes;
    }

    /**
     * Makes the next record current.
     *
     * @return false at the end of the batch
     * @throws TraceFormatException for what is no record; the batch is over then
     */
    public boolean next() throws TraceFormatException {
        if (hasCommit()) {
            type = RecordType.COMMIT;
            return true;
        }
        step = false;
        if (next >= batchEnd) {
            return false;
        }
        at = next;
        if (batchEnd - at < LEAST_BYTES) {
            throw bad("no room for a record");
        }
        length = batch.getInt(at + TraceLayout.RECORD_LENGTH, LE);
        int code = batch.getByte(at + TraceLayout.RECORD_TYPE) & 0xFF;
        if (code == TraceLayout.STEP_CODE) {
            return step();
        }
        if (!RecordType.isCode(code)) {
            throw bad("type " + code);
        }
        type = RecordType.of(code);
        int least = type.leastBytes() + (isMemory() ? 1 : 0);
        boolean fits = length >= least && length <= MAX_RECORD_BYTES && TraceLayout.align(length) <= batchEnd - at;
        if (!fits || (!type.hasBytes() && length != least)) {
            throw bad(type + " of " + length + " bytes");
        }
        if (batch.getByte(at + TraceLayout.RECORD_RESERVED) != 0) {
            throw bad(type + " with a reserved byte");
        }
        if (hasParts()) {
            long partEnd = (partOffset() & 0xFFFF_FFFFL) + bytesLength();
            if (total() < 0 || total() > MAX_TOTAL_BYTES || partEnd > total()) {
                throw bad(type + " whose part ends at " + partEnd + " of " + (total() & 0xFFFF_FFFFL));
            }
        }
        next = at + TraceLayout.align(length);
        return true;
    }

    private boolean step() throws TraceFormatException {
        if (length != TraceLayout.STEP_LENGTH || length > batchEnd - at) {
            throw bad("STEP of " + length + " bytes");
        }
        if (batch.getByte(at + TraceLayout.RECORD_RESERVED) != 0) {
            throw bad("STEP with a reserved byte");
        }
        step = true;
        type = RecordType.CALL;
        next = at + length;
        return true;
    }

    /** Whether the current record is a CALL that has its COMMIT in the same bytes: it comes next. */
    public boolean hasCommit() {
        return step && type == RecordType.CALL;
    }

    private TraceFormatException bad(String what) {
        next = batchEnd;
        return new TraceFormatException("record at byte " + at + " of its batch: " + what);
    }

    private boolean isMemory() {
        return type == RecordType.MEMORY_READ || type == RecordType.MEMORY_WRITE;
    }

    private boolean hasParts() {
        return type.hasBytes() && !isMemory();
    }

    public RecordType type() {
        return type;
    }

    /** 0..65535; 0 where the type has none. */
    public int method() {
        return type == RecordType.COMMIT ? 0 : batch.getShort(at + TraceLayout.RECORD_METHOD, LE) & 0xFFFF;
    }

    /** CALL. */
    public long nowNs() {
        return batch.getLong(at + TraceLayout.CALL_NOW_NS, LE);
    }

    /** CALL, OUTPUT. */
    public long a() {
        if (step) {
            return small(TraceLayout.STEP_A_HIGH) << Integer.SIZE | small(TraceLayout.STEP_A_LOW);
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_A : TraceLayout.OUTPUT_A), LE);
    }

    /** CALL, OUTPUT. */
    public long b() {
        if (step) {
            return small(TraceLayout.STEP_B);
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_B : TraceLayout.OUTPUT_B), LE);
    }

    /** CALL, OUTPUT. */
    public long c() {
        if (step) {
            return small(TraceLayout.STEP_C);
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_C : TraceLayout.OUTPUT_C), LE);
    }

    /** ANSWER: the value. COMMIT, STATE: the transaction. GAP: batches lost. END: the exit code. MEMORY_…: the offset. */
    public long value() {
        return batch.getLong(at + (step ? TraceLayout.STEP_TRANSACTION : TraceLayout.HEADER_BYTES), LE);
    }

    private long small(int field) {
        return batch.getShort(at + field, LE) & 0xFFFFL;
    }

    /** STATE. */
    public long ringPosition() {
        return batch.getLong(at + TraceLayout.STATE_RING_POSITION, LE);
    }

    /** LIFE, STATE, …_BYTES: where these bytes belong. */
    public int partOffset() {
        return batch.getInt(
                at + (type == RecordType.STATE ? TraceLayout.STATE_PART_OFFSET : TraceLayout.PART_OFFSET), LE);
    }

    /** LIFE, STATE, …_BYTES: length of all parts together. */
    public int total() {
        return batch.getInt(
                at + (type == RecordType.STATE ? TraceLayout.STATE_PART_TOTAL : TraceLayout.PART_TOTAL), LE);
    }

    /** How many bytes this record has behind its fields. */
    public int bytesLength() {
        return length - type.leastBytes();
    }

    /** Where they are in {@link #buffer}. */
    public int bytesOffset() {
        return at + type.leastBytes();
    }

    /** The batch. */
    public DirectBuffer buffer() {
        return batch;
    }

    /** Where the record is in {@link #buffer}; the COMMIT of a STEP behind that. */
    public int recordOffset() {
        return step && type == RecordType.COMMIT ? at + length : at;
    }

    /** Length of the record, without padding; the COMMIT of a STEP has none of its own. */
    public int recordLength() {
        return step && type == RecordType.COMMIT ? 0 : length;
    }
}
