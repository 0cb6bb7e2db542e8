package io.jvmm.ipc.trace;

import static io.jvmm.ipc.trace.TraceLayout.MAX_RECORD_BYTES;
import static io.jvmm.ipc.trace.TraceLayout.MAX_TOTAL_BYTES;

import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The records of one batch. <b>Hostile:</b> every byte of it; it must lie in memory that nobody else writes. {@link #next} has checked type, length,
 * and that the parts of what was split lie inside it; a short form is told as the CALL, the OUTPUT if it has one, and the COMMIT that it stands for; what the fields mean, and in which order records come, is the caller's to check. One thread;
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
    /** The code of the STEP or ASK that the record is, or that is meant by an AGAIN; 0 for any other. */
    private int form;
    /** Where that is, and the how many'th AGAIN behind it this is. */
    private int base;

    private int again;

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
        form = 0;
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
        if (hasMore()) {
            type = form == TraceLayout.ASK_CODE && type == RecordType.CALL ? RecordType.OUTPUT : RecordType.COMMIT;
            return true;
        }
        if (next >= batchEnd) {
            return false;
        }
        at = next;
        if (batchEnd - at < LEAST_BYTES) {
            throw bad("no room for a record");
        }
        length = batch.getInt(at + TraceLayout.RECORD_LENGTH, LE);
        int code = batch.getByte(at + TraceLayout.RECORD_TYPE) & 0xFF;
        if (code >= TraceLayout.STEP_CODE && code <= TraceLayout.AGAIN_CODE) {
            return shortForm(code);
        }
        form = 0;
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

    private boolean shortForm(int code) throws TraceFormatException {
        boolean isAgain = code == TraceLayout.AGAIN_CODE;
        if (length != (isAgain ? TraceLayout.AGAIN_LENGTH : TraceLayout.STEP_LENGTH) || length > batchEnd - at) {
            throw bad("type " + code + " of " + length + " bytes");
        }
        if (batch.getByte(at + TraceLayout.RECORD_RESERVED) != 0) {
            throw bad("type " + code + " with a reserved byte");
        }
        if (!isAgain) {
            form = code;
            base = at;
            again = 0;
        } else if (form == 0) {
            throw bad("AGAIN behind no STEP, ASK or AGAIN");
        } else {
            again++;
        }
        type = RecordType.CALL;
        next = at + length;
        return true;
    }

    /** As {@link #next}, but of a short form only the COMMIT is told: for who does not look at calls. */
    public boolean nextWhole() throws TraceFormatException {
        boolean there = next();
        if (form != 0 && there) {
            type = RecordType.COMMIT;
        }
        return there;
    }

    /** Whether the current record stands for another one, too, in the same bytes: it comes next. */
    public boolean hasMore() {
        return form != 0 && type != RecordType.COMMIT;
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
        int where = form == 0 ? at : base;
        return type == RecordType.COMMIT ? 0 : batch.getShort(where + TraceLayout.RECORD_METHOD, LE) & 0xFFFF;
    }

    /** CALL. */
    public long nowNs() {
        return batch.getLong(at + TraceLayout.CALL_NOW_NS, LE);
    }

    /** CALL, OUTPUT. */
    public long a() {
        if (form != 0) {
            return type == RecordType.CALL
                    ? small(TraceLayout.STEP_A_HIGH) << Integer.SIZE | small(TraceLayout.STEP_A_LOW)
                    : lastOfShort();
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_A : TraceLayout.OUTPUT_A), LE);
    }

    /** CALL, OUTPUT. */
    public long b() {
        if (form != 0) {
            return type == RecordType.CALL ? small(TraceLayout.STEP_B) : 0;
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_B : TraceLayout.OUTPUT_B), LE);
    }

    /** CALL, OUTPUT. */
    public long c() {
        if (form != 0) {
            return form == TraceLayout.STEP_CODE ? lastOfShort() : 0;
        }
        return batch.getLong(at + (type == RecordType.CALL ? TraceLayout.CALL_C : TraceLayout.OUTPUT_C), LE);
    }

    /** ANSWER: the value. COMMIT, STATE: the transaction. GAP: batches lost. END: the exit code. MEMORY_…: the offset. */
    public long value() {
        if (form != 0) {
            return batch.getLong(base + TraceLayout.STEP_TRANSACTION, LE) + again;
        }
        return batch.getLong(at + TraceLayout.HEADER_BYTES, LE);
    }

    /** Of the STEP or ASK. */
    private long small(int field) {
        return batch.getShort(base + field, LE) & 0xFFFFL;
    }

    /** c of a STEP's call, what an ASK gave back. */
    private long lastOfShort() {
        return batch.getShort(at + (again == 0 ? TraceLayout.STEP_C : TraceLayout.RECORD_METHOD), LE) & 0xFFFFL;
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

    /** Where the record is in {@link #buffer}; what a short form stands for besides its CALL, behind that. */
    public int recordOffset() {
        return isBehindItsCall() ? at + length : at;
    }

    /** Length of the record, without padding; what a short form stands for besides its CALL has none of its own. */
    public int recordLength() {
        return isBehindItsCall() ? 0 : length;
    }

    private boolean isBehindItsCall() {
        return form != 0 && type != RecordType.CALL;
    }
}
