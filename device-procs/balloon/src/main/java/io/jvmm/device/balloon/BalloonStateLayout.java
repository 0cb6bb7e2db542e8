package io.jvmm.device.balloon;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The balloon's own part of the state segment, little-endian. A new field means a new version.
 *
 * <pre>
 *    0    | u32 num_pages | u32 actual | u32 free_page_hint_cmd_id | u32 poison_val |     the device configuration, as the driver sees it
 *   16    | u64 progress of each of the five queues |                                   how far into its current buffer, in bytes
 *   56    | u32 statsHead + 1 | u32 statsGiven | u64 statsNs | u64 statsDueNs |            the buffer held, which values are there, when
 *   80    | u64 value of each of the sixteen statistics |
 *  208    | u64 counters |
 * </pre>
 */
final class BalloonStateLayout {

    static final int VERSION = 1;
    static final int QUEUES = 5;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final StructLayout STATE_V1 = MemoryLayout.structLayout(fields());

    static final int NUM_PAGES = offset("num_pages");
    static final int ACTUAL = offset("actual");
    static final int HINT_CMD_ID = offset("free_page_hint_cmd_id");
    static final int POISON_VAL = offset("poison_val");
    static final int PROGRESS = offset("progress");
    static final int STATS_HEAD = offset("statsHeld");
    static final int STATS_GIVEN = offset("statsGiven");
    static final int STATS_NS = offset("statsNs");
    static final int STATS_DUE_NS = offset("statsDueNs");
    static final int STATS = offset(BalloonStatistic.SWAP_IN.name());
    static final int PAGES_INFLATED = offset("pagesInflated");
    static final int PAGES_DEFLATED = offset("pagesDeflated");
    static final int BYTES_REPORTED = offset("bytesReported");
    static final int BYTES_GIVEN_BACK = offset("bytesGivenBack");
    static final int PAGES_REFUSED = offset("pagesRefused");
    static final int HOST_ERRORS = offset("hostErrors");
    static final int LENGTH_BYTES = Math.toIntExact(STATE_V1.byteSize());

    private BalloonStateLayout() {}

    private static MemoryLayout[] fields() {
        List<MemoryLayout> fields = new ArrayList<>();
        for (String name : List.of("num_pages", "actual", "free_page_hint_cmd_id", "poison_val")) {
            fields.add(U32.withName(name));
        }
        fields.add(MemoryLayout.sequenceLayout(QUEUES, U64).withName("progress"));
        fields.add(U32.withName("statsHeld"));
        fields.add(U32.withName("statsGiven"));
        fields.add(U64.withName("statsNs"));
        fields.add(U64.withName("statsDueNs"));
        for (BalloonStatistic statistic : BalloonStatistic.values()) {
            fields.add(U64.withName(statistic.name()));
        }
        for (String name : List.of(
                "pagesInflated", "pagesDeflated", "bytesReported", "bytesGivenBack", "pagesRefused", "hostErrors")) {
            fields.add(U64.withName(name));
        }
        return fields.toArray(new MemoryLayout[0]);
    }

    private static int offset(String field) {
        return Math.toIntExact(STATE_V1.byteOffset(PathElement.groupElement(field)));
    }
}
