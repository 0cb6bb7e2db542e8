package io.jvmm.ipc.trace;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a life consists of, found by looking at all of its records once, and whether they are in an order that a recorder writes: LIFE, STATE, then transactions whose numbers ascend
 * by one, parts of what was split one behind the other, END last, and at any place: a recorder writes it for a process that it hears no more of. Behind a GAP
 * may stand what follows something that is lost. <b>Hostile:</b> the trace. One thread.
 */
public final class LifeSummary {
    private static final long NEVER = -1;

    private final Map<RecordType, Long> counts = new EnumMap<>(RecordType.class);
    private final Map<RecordType, Long> bytes = new EnumMap<>(RecordType.class);
    private final ByteArrayOutputStream text = new ByteArrayOutputStream();
    private @Nullable LifeText life;
    private long batches;
    private long records;
    private long firstTransaction = NEVER;
    private long lastTransaction;
    private long exitCode = NEVER;
    private boolean ended;
    private boolean torn;
    private boolean gap;
    private @Nullable RecordType partsOf;
    private int partsDone;
    /** The record before was a GAP. */
    private boolean resumed;

    /** Of nothing yet: for {@link #add}. */
    public LifeSummary() {}

    /**
     * Looks at all of it.
     *
     * @throws TraceFormatException for what is no life of a device; the message names the record
     */
    public static LifeSummary of(TraceSource source) throws TraceFormatException, IOException {
        LifeSummary summary = new LifeSummary();
        BatchReader record = new BatchReader();
        while (source.nextBatch()) {
            record.wrap(source.batch(), 0, source.lengthBytes());
            summary.batches++;
            try {
                while (record.next()) {
                    summary.add(record);
                }
            } catch (TraceFormatException e) {
                throw new TraceFormatException("record " + summary.records + ": " + e.getMessage());
            }
        }
        summary.torn = source.torn();
        return summary;
    }

    /**
     * Looks at the next record.
     *
     * @throws TraceFormatException when it cannot stand there
     */
    public void add(BatchReader record) throws TraceFormatException {
        look(record);
        records++;
    }

    private void look(BatchReader record) throws TraceFormatException {
        RecordType type = record.type();
        counts.merge(type, 1L, Long::sum);
        bytes.merge(type, (long) TraceLayout.align(record.recordLength()), Long::sum);
        require(!ended, "a record behind END");
        if (life == null) {
            require(type == RecordType.LIFE || type == RecordType.END, type + " before LIFE");
        } else if (firstTransaction == NEVER && !gap) {
            require(type != RecordType.LIFE, "another LIFE");
            boolean may = type == RecordType.STATE || type == RecordType.GAP || type == RecordType.END;
            require(may, type + " before the first STATE");
        } else {
            require(type != RecordType.LIFE, "another LIFE");
        }
        parts(record);
        switch (type) {
            case LIFE -> life(record);
            case STATE -> {
                if (firstTransaction == NEVER) {
                    firstTransaction = record.value();
                    lastTransaction = firstTransaction;
                } else if (!gap) {
                    require(
                            record.value() == lastTransaction,
                            "STATE of transaction " + record.value() + " behind " + lastTransaction);
                }
            }
            case COMMIT -> {
                boolean next = record.value() == lastTransaction + 1 || (gap && record.value() > lastTransaction);
                require(next, "COMMIT " + record.value() + " behind " + lastTransaction);
                lastTransaction = record.value();
            }
            case GAP -> {
                gap = true;
                partsOf = null;
                partsDone = 0;
                resumed = true;
            }
            case END -> {
                ended = true;
                exitCode = record.value();
            }
            case CALL, CALL_BYTES, ANSWER, ANSWER_BYTES, OUTPUT, OUTPUT_BYTES, MEMORY_READ, MEMORY_WRITE -> {
                // their order is the device's business
            }
        }
    }

    /** What was split comes in order, with nothing in between. */
    private void parts(BatchReader record) throws TraceFormatException {
        RecordType type = record.type();
        boolean split = type.hasBytes() && type != RecordType.MEMORY_READ && type != RecordType.MEMORY_WRITE;
        RecordType before = partsOf;
        if (before != null && type != RecordType.GAP && type != RecordType.END) {
            require(type == before, type + " between parts of " + before);
        }
        if (split) {
            require(record.partOffset() == partsDone || resumed, type + ": a part is missing");
            partsDone = record.partOffset() + record.bytesLength();
            partsOf = partsDone < record.total() ? type : null;
        }
        if (partsOf == null) {
            partsDone = 0;
        }
        resumed = false;
    }

    private void life(BatchReader record) throws TraceFormatException {
        byte[] part = new byte[record.bytesLength()];
        record.buffer().getBytes(record.bytesOffset(), part);
        text.writeBytes(part);
        if (partsOf == null) {
            life = LifeText.parse(text.toString(StandardCharsets.UTF_8));
        }
    }

    private void require(boolean holds, String what) throws TraceFormatException {
        if (!holds) {
            throw new TraceFormatException(what);
        }
    }

    /** How it began; null when the trace ends before that is told. */
    public @Nullable LifeText life() {
        return life;
    }

    public long batches() {
        return batches;
    }

    public long records() {
        return records;
    }

    /** How many records of a type. */
    public long count(RecordType type) {
        return counts.getOrDefault(type, 0L);
    }

    /** Bytes of them, with padding. */
    public long bytes(RecordType type) {
        return bytes.getOrDefault(type, 0L);
    }

    /** The transaction the life began behind. */
    public long firstTransaction() {
        return Math.max(0, firstTransaction);
    }

    /** The last transaction that ended. */
    public long lastTransaction() {
        return lastTransaction;
    }

    /** Whether batches are missing. */
    public boolean hasGap() {
        return gap;
    }

    /** Whether the process ended in good order; it was killed otherwise, or still lives. */
    public boolean ended() {
        return ended;
    }

    /** Of a process that {@link #ended}. */
    public long exitCode() {
        return exitCode;
    }

    /** As {@link TraceSource#torn}. */
    public boolean torn() {
        return torn;
    }
}
