package io.jvmm.ipc.trace;

/** Types of records of a trace; PROTOCOL.md, "Trace". Numbers are never reused. */
public enum RecordType {
    /** How a life began: the first record. */
    LIFE(1, TraceLayout.PARTS_BYTES, true),
    /** The state, as of a transaction. */
    STATE(2, TraceLayout.STATE_BYTES, true),
    /** The core is called. */
    CALL(3, TraceLayout.CALL_LENGTH, false),
    /** Bytes of the call before. */
    CALL_BYTES(4, TraceLayout.PARTS_BYTES, true),
    /** What the host answered. */
    ANSWER(5, TraceLayout.ANSWER_LENGTH, false),
    /** Bytes of what the host answered. */
    ANSWER_BYTES(6, TraceLayout.PARTS_BYTES, true),
    /** What the core did or gave back. */
    OUTPUT(7, TraceLayout.OUTPUT_LENGTH, false),
    /** Bytes of what the core did. */
    OUTPUT_BYTES(8, TraceLayout.PARTS_BYTES, true),
    /** What the core read from guest memory. */
    MEMORY_READ(9, TraceLayout.MEMORY_BYTES, true),
    /** What the core wrote to guest memory. */
    MEMORY_WRITE(10, TraceLayout.MEMORY_BYTES, true),
    /** The end of a transaction. */
    COMMIT(11, TraceLayout.ONE_FIELD_LENGTH, false),
    /** Batches are missing here; nothing behind it can be replayed. */
    GAP(12, TraceLayout.ONE_FIELD_LENGTH, false),
    /** The process ended in good order: the last record. */
    END(13, TraceLayout.ONE_FIELD_LENGTH, false);

    private static final RecordType[] BY_CODE = values();

    private final int code;
    private final int leastBytes;
    private final boolean hasBytes;

    RecordType(int code, int leastBytes, boolean hasBytes) {
        this.code = code;
        this.leastBytes = leastBytes;
        this.hasBytes = hasBytes;
    }

    /** The number in the record. */
    public int code() {
        return code;
    }

    /** Length of header and fields. */
    public int leastBytes() {
        return leastBytes;
    }

    /** Whether bytes follow the fields. */
    public boolean hasBytes() {
        return hasBytes;
    }

    /** The type of a number that {@link #isCode}. */
    static RecordType of(int code) {
        return BY_CODE[code - 1];
    }

    static boolean isCode(int code) {
        return code >= 1 && code <= BY_CODE.length;
    }
}
