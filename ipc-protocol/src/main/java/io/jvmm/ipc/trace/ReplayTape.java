package io.jvmm.ipc.trace;

import io.jvmm.ipc.memory.MemoryTap;
import io.jvmm.ipc.trace.ReplayStop.Why;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.IntFunction;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Gives a core what was recorded, and compares what it does with what it did then. The replayer takes the calls ({@link #peek}, {@link #take},
 * {@link #takeCallBytes}, {@link #commit}, {@link #takeParts}) and makes them; the core's adapters and its memory's tap do the rest. The first
 * difference, and the end of the trace, leave as {@link ReplayStop}. One thread. <b>Hostile:</b> the trace; the worst it can do is to be refused, or to
 * make the device do what a guest and a host could.
 */
public final class ReplayTape implements Tape, MemoryTap {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final long GIVEN_BACK = (long) RecordType.OUTPUT.code() << Integer.SIZE | TraceLayout.OUTPUT_LENGTH;

    private final TraceSource source;
    private final IntFunction<String> methods;
    private final BatchReader record = new BatchReader();
    private final UnsafeBuffer callBytes = new UnsafeBuffer(new byte[TraceLayout.MAX_RECORD_BYTES]);
    private final CRC32C outputs = new CRC32C();
    /** An OUTPUT without b and c. */
    private final UnsafeBuffer givenBack = new UnsafeBuffer(new byte[TraceLayout.OUTPUT_LENGTH]);
    /** The record in {@code record} is yet to be taken. */
    private boolean pending;

    private boolean wrapped;
    private long taken;
    private long outputCount;
    private int callBytesLength;
    private long transaction;

    /** @param methods names of methods, for what is reported */
    public ReplayTape(TraceSource source, IntFunction<String> methods) {
        this.source = source;
        this.methods = methods;
    }

    @Override
    public boolean live() {
        return false;
    }

    @Override
    public boolean memoryIsLive() {
        return false;
    }

    // ---- what the replayer takes ----

    /** The next record, not taken yet; null at the end of the trace. */
    public @Nullable RecordType peek() {
        return load() ? record.type() : null;
    }

    /** The fields of the record peeked at, or of the one just taken. */
    public BatchReader record() {
        return record;
    }

    /** Takes the record peeked at, whatever it is. */
    public void take() {
        if (!load()) {
            throw stop(Why.END_OF_TRACE, "the trace ends here");
        }
        pending = false;
        taken++;
    }

    /** Takes the bytes that follow a call just taken, if there are any, into {@link #callBytes}; gives their length. */
    public int takeCallBytes() {
        callBytesLength = 0;
        if (peek() == RecordType.CALL_BYTES) {
            parts(RecordType.CALL_BYTES, 0, record.total(), "bytes of a call");
        }
        return callBytesLength;
    }

    /** Bytes of the call taken last. */
    public DirectBuffer callBytes() {
        return callBytes;
    }

    /**
     * Takes all parts of a state, or of how the life began, and gives their length.
     *
     * @param into {@link TraceLayout#MAX_TOTAL_BYTES} long, or as long as they can be
     */
    public int takeParts(RecordType type, MutableDirectBuffer into) {
        expect(type, "the replayer takes it");
        int total = record.total();
        if (total > into.capacity()) {
            throw stop(Why.DAMAGED, type + " of " + total + " bytes");
        }
        int done = 0;
        while (true) {
            if (record.partOffset() != done || record.total() != total) {
                throw stop(Why.DAMAGED, type + ": parts in disorder");
            }
            into.putBytes(done, record.buffer(), record.bytesOffset(), record.bytesLength());
            done += record.bytesLength();
            take();
            if (done == total) {
                return total;
            }
            expect(type, "another part of it");
        }
    }

    /** Records taken so far. */
    public long taken() {
        return taken;
    }

    /** Number of the last transaction that ended. */
    public long transaction() {
        return transaction;
    }

    /** CRC-32C of all outputs so far: effects, values returned, calls of the host, writes to guest memory. */
    public long outputHash() {
        return outputs.getValue();
    }

    /** How many they were. */
    public long outputCount() {
        return outputCount;
    }

    /** A difference that somebody else has found, at the last record taken. */
    public ReplayStop difference(String what) {
        return new ReplayStop(Why.DIFFERENCE, Math.max(0, taken - 1), what);
    }

    // ---- what the core's adapters ask ----

    @Override
    public void call(int method, long a, long b, long c, long nowNs) {
        String happened = "CALL " + methods.apply(method);
        expect(RecordType.CALL, happened);
        if (record.method() != method
                || record.a() != a
                || record.b() != b
                || record.c() != c
                || record.nowNs() != nowNs) {
            throw differs(happened + " a=" + RecordText.hex(a) + " b=" + RecordText.hex(b) + " c=" + RecordText.hex(c));
        }
        take();
    }

    @Override
    public void callBytes(DirectBuffer bytes, int offset, int lengthBytes) {
        compareParts(RecordType.CALL_BYTES, 0, bytes, offset, lengthBytes);
    }

    @Override
    public long answer(int method, long value) {
        expect(RecordType.ANSWER, method);
        long answer = record.value();
        take();
        return answer;
    }

    @Override
    public void answerBytes(int method, MutableDirectBuffer bytes, int offset, int lengthBytes) {
        int done = 0;
        do {
            expect(RecordType.ANSWER_BYTES, method);
            if (record.total() != lengthBytes || record.partOffset() != done) {
                throw differs("ANSWER_BYTES " + methods.apply(method) + ", " + lengthBytes + " bytes");
            }
            bytes.putBytes(offset + done, record.buffer(), record.bytesOffset(), record.bytesLength());
            done += record.bytesLength();
            take();
        } while (done < lengthBytes);
    }

    @Override
    public void output(int method, long a, long b, long c) {
        if (peek() != RecordType.OUTPUT
                || record.method() != method
                || record.a() != a
                || record.b() != b
                || record.c() != c) {
            String fields = " a=" + RecordText.hex(a) + " b=" + RecordText.hex(b) + " c=" + RecordText.hex(c);
            throw differs("OUTPUT " + methods.apply(method) + fields);
        }
        takeOutput();
    }

    @Override
    public void outputBytes(int method, DirectBuffer bytes, int offset, int lengthBytes) {
        compareParts(RecordType.OUTPUT_BYTES, method, bytes, offset, lengthBytes);
    }

    /** The replayer ends a transaction: the core has nothing more to do in it. */
    @Override
    public void commit() {
        expect(RecordType.COMMIT, "the end of the transaction");
        transaction = record.value();
        take();
    }

    // ---- guest memory ----

    @Override
    public long read(long offset, int widthBytes, long value) {
        if (peek() != RecordType.MEMORY_READ || record.value() != offset || record.bytesLength() != widthBytes) {
            throw differs("MEMORY_READ " + RecordText.hex(offset) + ", " + widthBytes + " bytes");
        }
        long read = word(record, widthBytes);
        take();
        return read;
    }

    @Override
    public void written(long offset, int widthBytes, long value) {
        long kept = value & (-1L >>> (Long.SIZE - Byte.SIZE * widthBytes));
        boolean same = peek() == RecordType.MEMORY_WRITE
                && record.value() == offset
                && record.bytesLength() == widthBytes
                && word(record, widthBytes) == kept;
        if (!same) {
            String what = ", " + widthBytes + " bytes: " + RecordText.hex(kept);
            throw differs("MEMORY_WRITE " + RecordText.hex(offset) + what);
        }
        takeOutput();
    }

    private static long word(BatchReader record, int widthBytes) {
        DirectBuffer buffer = record.buffer();
        int at = record.bytesOffset();
        return switch (widthBytes) {
            case Byte.BYTES -> buffer.getByte(at) & 0xFF;
            case Short.BYTES -> buffer.getShort(at, LE) & 0xFFFF;
            case Integer.BYTES -> buffer.getInt(at, LE) & 0xFFFF_FFFFL;
            default -> buffer.getLong(at, LE);
        };
    }

    @Override
    public void copiedOut(long offset, MemorySegment target, long targetOffset, long lengthBytes) {
        long done = 0;
        while (done < lengthBytes) {
            int part = memoryPart(RecordType.MEMORY_READ, offset + done, lengthBytes - done);
            for (int i = 0; i < part; i++) {
                byte value = record.buffer().getByte(record.bytesOffset() + i);
                target.set(ValueLayout.JAVA_BYTE, targetOffset + done + i, value);
            }
            done += part;
            take();
        }
    }

    @Override
    public void copiedIn(long offset, MemorySegment source, long sourceOffset, long lengthBytes) {
        long done = 0;
        while (done < lengthBytes) {
            int part = memoryPart(RecordType.MEMORY_WRITE, offset + done, lengthBytes - done);
            for (int i = 0; i < part; i++) {
                byte value = source.get(ValueLayout.JAVA_BYTE, sourceOffset + done + i);
                if (value != record.buffer().getByte(record.bytesOffset() + i)) {
                    String where = RecordText.hex(offset + done) + ", " + part + " bytes: byte " + i;
                    throw differs("MEMORY_WRITE " + where + " is " + RecordText.hex(value & 0xFF));
                }
            }
            done += part;
            takeOutput();
        }
    }

    private int memoryPart(RecordType type, long offset, long leftBytes) {
        long part = Math.min(leftBytes, TraceLayout.maxPartBytes(type));
        if (peek() != type || record.value() != offset || record.bytesLength() != part) {
            throw differs(type + " " + RecordText.hex(offset) + ", " + part + " bytes");
        }
        return (int) part;
    }

    @Override
    public long discarded(long offset, long lengthBytes, long result) {
        output(MemoryTap.METHOD_DISCARD, offset, lengthBytes, 0);
        return answer(MemoryTap.METHOD_DISCARD, result);
    }

    // ---- records ----

    private void compareParts(RecordType type, int method, DirectBuffer bytes, int offset, int lengthBytes) {
        int done = 0;
        do {
            String happened = type + " " + methods.apply(method) + ", " + lengthBytes + " bytes";
            if (peek() != type
                    || record.method() != method
                    || record.total() != lengthBytes
                    || record.partOffset() != done) {
                throw differs(happened);
            }
            for (int i = 0; i < record.bytesLength(); i++) {
                byte value = bytes.getByte(offset + done + i);
                if (value != record.buffer().getByte(record.bytesOffset() + i)) {
                    throw differs(happened + ": byte " + (done + i) + " is " + RecordText.hex(value & 0xFF));
                }
            }
            done += record.bytesLength();
            takeOutput();
        } while (done < lengthBytes);
    }

    private void parts(RecordType type, int method, int total, String what) {
        if (total > callBytes.capacity()) {
            callBytes.wrap(new byte[TraceLayout.MAX_TOTAL_BYTES]);
        }
        int done = 0;
        do {
            expect(type, what);
            if (record.method() != method || record.total() != total || record.partOffset() != done) {
                throw stop(Why.DAMAGED, what + ": parts in disorder");
            }
            callBytes.putBytes(done, record.buffer(), record.bytesOffset(), record.bytesLength());
            done += record.bytesLength();
            take();
        } while (done < total);
        callBytesLength = total;
    }

    private void takeOutput() {
        DirectBuffer buffer = record.buffer();
        int at = record.recordOffset();
        int length = record.recordLength();
        if (length == 0) {
            // of a short form: as the record that it stands for
            givenBack.putLong(0, GIVEN_BACK | ((long) record.method() << (TraceLayout.RECORD_METHOD * Byte.SIZE)), LE);
            givenBack.putLong(TraceLayout.OUTPUT_A, record.a(), LE);
            buffer = givenBack;
            at = 0;
            length = TraceLayout.OUTPUT_LENGTH;
        }
        for (int i = 0; i < length; i++) {
            outputs.update(buffer.getByte(at + i));
        }
        outputCount++;
        take();
    }

    private void expect(RecordType type, int method) {
        if (peek() != type || record.method() != method) {
            throw differs(type + " " + methods.apply(method));
        }
    }

    private void expect(RecordType type, String happened) {
        if (peek() != type) {
            throw differs(happened);
        }
    }

    /** What the device does, or the replayer wants, is not what was recorded; or nothing more was recorded. */
    private ReplayStop differs(String happened) {
        if (!load() || record.type() == RecordType.GAP) {
            return stop(Why.END_OF_TRACE, "the trace ends in a transaction, before: " + happened);
        }
        return stop(Why.DIFFERENCE, "recorded: " + RecordText.of(record, methods) + "; now: " + happened);
    }

    private ReplayStop stop(Why why, String message) {
        return new ReplayStop(why, taken, message);
    }

    private boolean load() {
        try {
            while (!pending) {
                if (wrapped && record.next()) {
                    pending = true;
                } else if (source.nextBatch()) {
                    record.wrap(source.batch(), 0, source.lengthBytes());
                    wrapped = true;
                } else {
                    return false;
                }
            }
            return true;
        } catch (TraceFormatException e) {
            throw stop(Why.DAMAGED, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw stop(Why.DAMAGED, "cannot be read: " + e);
        }
    }
}
