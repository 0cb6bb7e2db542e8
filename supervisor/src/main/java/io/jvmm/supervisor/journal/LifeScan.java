package io.jvmm.supervisor.journal;

import io.jvmm.ipc.trace.BatchReader;
import io.jvmm.ipc.trace.LifeSummary;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.RecordType;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** Goes through a life record by record, checks that its structure is that of a trace, and counts. One thread. */
final class LifeScan {
    /** What happened to one type of record. */
    static final class Count {
        long records;
        long bytes;
    }

    /** Is told of each record. */
    interface Visitor {
        /** {@code number}: of the record in its life; false to stop. */
        boolean record(BatchReader record, long batch, long number);
    }

    private final BatchReader record = new BatchReader();
    private final Map<RecordType, Count> counts = new EnumMap<>(RecordType.class);
    private final LifeSummary order = new LifeSummary();
    private long batches;
    private long records;
    private long bytes;
    private long firstNs = -1;
    private long lastNs = -1;
    private long transaction = -1;
    private long gaps;
    private String fault = "";

    /** Goes through all of it. */
    void run(TraceSource source, Visitor visitor) throws IOException {
        try {
            while (fault.isEmpty() && source.nextBatch()) {
                batches++;
                bytes += source.lengthBytes();
                record.wrap(source.batch(), 0, source.lengthBytes());
                while (record.next()) {
                    look();
                    if (!visitor.record(record, source.sequence(), records)) {
                        return;
                    }
                    records++;
                }
            }
        } catch (TraceFormatException e) {
            fault = "behind record " + (records - 1) + ": " + e.getMessage();
        }
    }

    private void look() throws TraceFormatException {
        order.add(record);
        RecordType type = record.type();
        Count count = counts.computeIfAbsent(type, _ -> new Count());
        count.records++;
        count.bytes += record.recordLength();
        switch (type) {
            case CALL -> {
                if (record.nowNs() > 0) { // some are told without a time
                    firstNs = firstNs < 0 ? record.nowNs() : firstNs;
                    lastNs = record.nowNs();
                }
            }
            case COMMIT -> transaction = record.value();
            case GAP -> gaps = saturated(gaps, record.value());
            case LIFE,
                    END,
                    STATE,
                    CALL_BYTES,
                    ANSWER,
                    ANSWER_BYTES,
                    OUTPUT,
                    OUTPUT_BYTES,
                    MEMORY_READ,
                    MEMORY_WRITE -> {}
        }
    }

    /** What a device says that it has lost, too: it says what it likes. */
    static long saturated(long gaps, long more) {
        long least = Math.max(1, more);
        return least > Long.MAX_VALUE - gaps ? Long.MAX_VALUE : gaps + least;
    }

    /** How the life began, if that is there. */
    Optional<LifeText> about() {
        return Optional.ofNullable(order.life());
    }

    Map<RecordType, Count> counts() {
        return counts;
    }

    long batches() {
        return batches;
    }

    long records() {
        return records;
    }

    long bytes() {
        return bytes;
    }

    /** From the first call to the last. */
    long durationNs() {
        return firstNs < 0 ? 0 : lastNs - firstNs;
    }

    /** Of the last commit; -1 when there is none. */
    long transaction() {
        return transaction;
    }

    /** Batches that were lost. */
    long gaps() {
        return gaps;
    }

    /** Whether there is an END. */
    boolean ended() {
        return order.ended();
    }

    /** Exit code of END. */
    long end() {
        return order.exitCode();
    }

    /** What is wrong with its structure; empty when all is well. */
    String fault() {
        return fault;
    }
}
