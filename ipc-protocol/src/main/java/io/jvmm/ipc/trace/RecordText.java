package io.jvmm.ipc.trace;

import java.util.function.IntFunction;

/** A record as a line for people: {@code CALL WRITE now=120 a=0x100000000 b=0x3 c=0x80}. Allocates. */
public final class RecordText {
    private static final int SHOWN_BYTES = 64;

    private RecordText() {}

    /**
     * The current record of {@code record}.
     *
     * @param methods names of methods; what it does not know it gives as a number
     */
    public static String of(BatchReader record, IntFunction<String> methods) {
        RecordType type = record.type();
        return switch (type) {
            case CALL -> "CALL " + methods.apply(record.method()) + " now=" + record.nowNs() + fields(record);
            case OUTPUT -> "OUTPUT " + methods.apply(record.method()) + fields(record);
            case ANSWER -> "ANSWER " + methods.apply(record.method()) + " " + hex(record.value());
            case ANSWER_BYTES, OUTPUT_BYTES -> type + " " + methods.apply(record.method()) + parts(record);
            case CALL_BYTES, LIFE -> type + parts(record);
            case MEMORY_READ, MEMORY_WRITE -> type + " " + hex(record.value()) + bytes(record);
            case STATE ->
                "STATE transaction=" + record.value() + " ring-position=" + record.ringPosition() + parts(record);
            case COMMIT, GAP, END -> type + " " + record.value();
        };
    }

    private static String fields(BatchReader record) {
        return " a=" + hex(record.a()) + " b=" + hex(record.b()) + " c=" + hex(record.c());
    }

    private static String parts(BatchReader record) {
        return " part=" + record.partOffset() + "/" + record.total() + bytes(record);
    }

    private static String bytes(BatchReader record) {
        StringBuilder text = new StringBuilder(" [");
        int shown = Math.min(record.bytesLength(), SHOWN_BYTES);
        for (int i = 0; i < shown; i++) {
            text.append(i == 0 ? "" : " ")
                    .append(String.format("%02x", record.buffer().getByte(record.bytesOffset() + i)));
        }
        return text.append(record.bytesLength() > shown ? " …] " + record.bytesLength() + " bytes" : "]")
                .toString();
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
