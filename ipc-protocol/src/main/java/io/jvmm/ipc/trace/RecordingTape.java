package io.jvmm.ipc.trace;

import static io.jvmm.ipc.trace.TraceLayout.MAX_BATCH_BYTES;

import io.jvmm.ipc.memory.MemoryTap;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Takes down what a core is told, answered and does. Records gather in private memory and are published as one batch at each
 * {@link #commit}, or earlier when the batch is full. Device thread; allocates nothing. Little-endian is the host's own order ({@code LinkMemory} refuses another); to name it
 * costs what C1 compiles a tenth of the whole.
 */
public final class RecordingTape implements Tape, MemoryTap {
    /** There is always room for a GAP in front. */
    private static final int MOST_BYTES = MAX_BATCH_BYTES - TraceLayout.ONE_FIELD_LENGTH;

    private static final int NONE = -1;
    private static final int TYPE_SHIFT = 32;
    private static final int METHOD_SHIFT = 48;
    /** Of the first word of a record. */
    private static final long METHOD_MASK = -1L << METHOD_SHIFT;
    /** What a STEP has no room for, in a and in b and c. */
    private static final long NOT_IN_HALVES = 0xFFFF_0000_FFFF_0000L;

    private static final long NOT_IN_SHORT = ~0xFFFFL;
    /** First words but for the method. */
    private static final long GIVEN_BACK = (long) RecordType.OUTPUT.code() << TYPE_SHIFT | TraceLayout.OUTPUT_LENGTH;

    private static final long AGAIN = (long) TraceLayout.AGAIN_CODE << TYPE_SHIFT | TraceLayout.AGAIN_LENGTH;
    private static final int A_HIGH_SHIFT = 16;
    private static final int B_SHIFT = 32;
    private static final int C_SHIFT = 48;

    private final BatchSink sink;
    private final ByteBuffer memory = ByteBuffer.allocateDirect(MAX_BATCH_BYTES);
    private final UnsafeBuffer batch = new UnsafeBuffer(memory);
    private final MemorySegment segment = MemorySegment.ofBuffer(memory);
    private int end;
    private long transaction;
    private long writtenBytes;
    private long lastNowNs;
    /** Where the call told last begins in the batch, or {@link #NONE}. */
    private int lastCall = NONE;
    /** The bytes of records when the last short form had been told, its first word without what AGAIN changes, and a and b. */
    private long shortEnd = NONE;

    private long shortWord;
    private long shortA;
    private long shortB;

    /**
     * A tape whose life begins behind a transaction.
     *
     * @param transaction number of the last commit before; 0 for a fresh state
     */
    public RecordingTape(BatchSink sink, long transaction) {
        this.sink = sink;
        this.transaction = transaction;
    }

    @Override
    public boolean live() {
        return true;
    }

    @Override
    public void call(int method, long a, long b, long c, long nowNs) {
        int at = begin(RecordType.CALL, method, TraceLayout.CALL_LENGTH);
        batch.putLong(at + TraceLayout.CALL_NOW_NS, nowNs);
        batch.putLong(at + TraceLayout.CALL_A, a);
        batch.putLong(at + TraceLayout.CALL_B, b);
        batch.putLong(at + TraceLayout.CALL_C, c);
        lastCall = at;
        if (nowNs != 0) {
            lastNowNs = nowNs;
        }
    }

    /** Takes the call told last back if nothing came of it: a question whose answer follows from the state. */
    public void dropIdleCall() {
        if (lastCall != NONE && end == lastCall + TraceLayout.CALL_LENGTH) {
            end = lastCall;
            writtenBytes -= TraceLayout.CALL_LENGTH;
        }
        lastCall = NONE;
    }

    /** The time of the last call that had one. */
    public long lastNowNs() {
        return lastNowNs;
    }

    @Override
    public void callBytes(DirectBuffer bytes, int offset, int lengthBytes) {
        parts(RecordType.CALL_BYTES, 0, bytes, offset, lengthBytes);
    }

    @Override
    public long answer(int method, long value) {
        int at = begin(RecordType.ANSWER, method, TraceLayout.ANSWER_LENGTH);
        batch.putLong(at + TraceLayout.ANSWER_VALUE, value);
        return value;
    }

    @Override
    public void answerBytes(int method, MutableDirectBuffer bytes, int offset, int lengthBytes) {
        parts(RecordType.ANSWER_BYTES, method, bytes, offset, lengthBytes);
    }

    @Override
    public void output(int method, long a, long b, long c) {
        int at = begin(RecordType.OUTPUT, method, TraceLayout.OUTPUT_LENGTH);
        batch.putLong(at + TraceLayout.OUTPUT_A, a);
        batch.putLong(at + TraceLayout.OUTPUT_B, b);
        batch.putLong(at + TraceLayout.OUTPUT_C, c);
    }

    @Override
    public void outputBytes(int method, DirectBuffer bytes, int offset, int lengthBytes) {
        parts(RecordType.OUTPUT_BYTES, method, bytes, offset, lengthBytes);
    }

    @Override
    public void commit() {
        transaction++;
        if (!asShortForm(true)) {
            oneField(RecordType.COMMIT, transaction);
        }
        flush();
    }

    /** The end of a transaction; more of the same batch may follow, such as {@link #state}, before {@link #flush}. */
    public void markCommit() {
        transaction++;
        if (!asShortForm(false)) {
            oneField(RecordType.COMMIT, transaction);
        }
        lastCall = NONE;
    }

    /**
     * Makes the call told last, what it gave back and its commit one record, if nothing else came of it and its numbers are small: as of 15 of the 16 writes that fill a UART's FIFO, and of
     * most reads.
     *
     * @param alone whether what is told is published at once
     */
    private boolean asShortForm(boolean alone) {
        int at = lastCall;
        if (at == NONE) {
            return false;
        }
        long a = batch.getLong(at + TraceLayout.CALL_A);
        long b = batch.getLong(at + TraceLayout.CALL_B);
        long last = batch.getLong(at + TraceLayout.CALL_C);
        long method = batch.getLong(at) & METHOD_MASK;
        int told = end - at;
        int code = TraceLayout.STEP_CODE;
        if (told == TraceLayout.CALL_LENGTH + TraceLayout.OUTPUT_LENGTH && last == 0) {
            int output = at + TraceLayout.CALL_LENGTH;
            code = TraceLayout.ASK_CODE;
            last = batch.getLong(output + TraceLayout.OUTPUT_A);
            if (batch.getLong(output) != (method | GIVEN_BACK)
                    || (batch.getLong(output + TraceLayout.OUTPUT_B) | batch.getLong(output + TraceLayout.OUTPUT_C))
                            != 0) {
                return false;
            }
        } else if (told != TraceLayout.CALL_LENGTH) {
            return false;
        }
        if (((a & NOT_IN_HALVES) | ((b | last) & NOT_IN_SHORT)) != 0) {
            return false;
        }
        long word = method | (long) code << TYPE_SHIFT;
        writtenBytes -= told;
        boolean again = alone
                && at == 0
                && writtenBytes == shortEnd
                && word == shortWord
                && a == shortA
                && b == shortB
                && sink.continues(TraceLayout.AGAIN_LENGTH);
        if (again) {
            batch.putLong(at, last << METHOD_SHIFT | AGAIN);
            end = at + TraceLayout.AGAIN_LENGTH;
        } else {
            batch.putLong(at, word | TraceLayout.STEP_LENGTH);
            batch.putLong(at + TraceLayout.STEP_TRANSACTION, transaction);
            batch.putLong(
                    at + TraceLayout.STEP_A_LOW,
                    (a & 0xFFFF) | ((a >>> A_HIGH_SHIFT) & 0xFFFF_0000L) | b << B_SHIFT | last << C_SHIFT);
            end = at + TraceLayout.STEP_LENGTH;
            shortWord = word;
            shortA = a;
            shortB = b;
        }
        writtenBytes += end - at;
        shortEnd = writtenBytes;
        return true;
    }

    /** How many transactions there were, those before this life counted. */
    public long transaction() {
        return transaction;
    }

    /** Bytes of records so far. */
    public long writtenBytes() {
        return writtenBytes;
    }

    /** How the life began: the first record. */
    public void life(LifeText text) {
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        parts(RecordType.LIFE, 0, new UnsafeBuffer(bytes), 0, bytes.length);
    }

    /** The state as of the last transaction: at the beginning, and as a check point. */
    public void state(long ringPosition, DirectBuffer state, int lengthBytes) {
        int most = TraceLayout.maxPartBytes(RecordType.STATE);
        for (int done = 0; done < lengthBytes; done += most) {
            int part = Math.min(most, lengthBytes - done);
            int at = begin(RecordType.STATE, 0, TraceLayout.STATE_BYTES + part);
            batch.putLong(at + TraceLayout.STATE_TRANSACTION, transaction);
            batch.putLong(at + TraceLayout.STATE_RING_POSITION, ringPosition);
            batch.putInt(at + TraceLayout.STATE_PART_OFFSET, done);
            batch.putInt(at + TraceLayout.STATE_PART_TOTAL, lengthBytes);
            batch.putBytes(at + TraceLayout.STATE_BYTES, state, done, part);
        }
    }

    /** The process ends: the last record. Published at once. */
    public void end(int code) {
        oneField(RecordType.END, code);
        rest();
    }

    /** Publishes what there is. */
    public void flush() {
        if (end > 0) {
            sink.publish(batch, end);
            end = 0;
            lastCall = NONE;
        }
    }

    /** Publishes what there is, and nothing more comes for now. */
    public void rest() {
        flush();
        sink.rest();
    }

    // ---- guest memory ----

    @Override
    public boolean memoryIsLive() {
        return true;
    }

    @Override
    public long read(long offset, int widthBytes, long value) {
        word(RecordType.MEMORY_READ, offset, widthBytes, value);
        return value;
    }

    @Override
    public void written(long offset, int widthBytes, long value) {
        word(RecordType.MEMORY_WRITE, offset, widthBytes, value);
    }

    @Override
    public void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        range(RecordType.MEMORY_READ, offset, target, targetOffset, lengthBytes);
    }

    @Override
    public void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        range(RecordType.MEMORY_WRITE, offset, source, sourceOffset, lengthBytes);
    }

    @Override
    public long discarded(long offset, long lengthBytes, long result) {
        output(MemoryTap.METHOD_DISCARD, offset, lengthBytes, 0);
        return answer(MemoryTap.METHOD_DISCARD, result);
    }

    private void word(RecordType type, long offset, int widthBytes, long value) {
        int at = begin(type, 0, TraceLayout.MEMORY_BYTES + widthBytes);
        batch.putLong(at + TraceLayout.MEMORY_OFFSET, offset);
        // all eight bytes: what lies behind the width is padding, and has to be zero
        batch.putLong(at + TraceLayout.MEMORY_BYTES, value & (-1L >>> (Long.SIZE - Byte.SIZE * widthBytes)));
    }

    private void range(RecordType type, long offset, MemorySegment bytes, long from, long lengthBytes) {
        int most = TraceLayout.maxPartBytes(type);
        for (long done = 0; done < lengthBytes; done += most) {
            int part = (int) Math.min(most, lengthBytes - done);
            int at = begin(type, 0, TraceLayout.MEMORY_BYTES + part);
            batch.putLong(at + TraceLayout.MEMORY_OFFSET, offset + done);
            MemorySegment.copy(bytes, from + done, segment, at + TraceLayout.MEMORY_BYTES, part);
        }
    }

    // ---- records ----

    private void oneField(RecordType type, long value) {
        int at = begin(type, 0, TraceLayout.ONE_FIELD_LENGTH);
        batch.putLong(at + TraceLayout.ONE_FIELD, value);
    }

    /** At least one record, even without a byte. */
    private void parts(RecordType type, int method, DirectBuffer bytes, int offset, int lengthBytes) {
        assert lengthBytes <= TraceLayout.MAX_TOTAL_BYTES : lengthBytes;
        int most = TraceLayout.maxPartBytes(type);
        int done = 0;
        do {
            int part = Math.min(most, lengthBytes - done);
            int at = begin(type, method, TraceLayout.PARTS_BYTES + part);
            batch.putInt(at + TraceLayout.PART_OFFSET, done);
            batch.putInt(at + TraceLayout.PART_TOTAL, lengthBytes);
            batch.putBytes(at + TraceLayout.PARTS_BYTES, bytes, offset + done, part);
            done += part;
        } while (done < lengthBytes);
    }

    /** Makes room, and writes the header and the zeros behind the last byte. */
    private int begin(RecordType type, int method, int lengthBytes) {
        int aligned = TraceLayout.align(lengthBytes);
        if (end + aligned > MOST_BYTES) {
            flush();
        }
        int at = end;
        end = at + aligned;
        writtenBytes += aligned;
        if (aligned != lengthBytes) {
            batch.putLong(end - Long.BYTES, 0);
        }
        batch.putLong(at, lengthBytes | (long) type.code() << TYPE_SHIFT | (long) method << METHOD_SHIFT);
        return at;
    }
}
