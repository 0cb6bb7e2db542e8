package io.jvmm.device.block;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;

/** The disk's own part of the state by names, for whoever looks at it: see {@link BlockDevice} for its bytes. */
final class BlockFormats {
    static final StructLayout STATE_V1 = MemoryLayout.structLayout(
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).withName("capacity"),
            ValueLayout.JAVA_BYTE.withName("writeback"),
            ValueLayout.JAVA_BYTE.withName("flushOwed"),
            ValueLayout.JAVA_BYTE.withName("writesLost"),
            MemoryLayout.paddingLayout(5));

    private BlockFormats() {}

    static StateFormats state() {
        return StateFormats.NONE
                .and(FieldFormat.SECTORS, "capacity")
                .and(FieldFormat.YES_NO, "writeback", "flushOwed", "writesLost");
    }

    /** Virtio 1.2 §5.2.3. */
    static Map<Integer, String> features() {
        return Map.ofEntries(
                Map.entry(1, "SIZE_MAX"),
                Map.entry(2, "SEG_MAX"),
                Map.entry(4, "GEOMETRY"),
                Map.entry(5, "RO"),
                Map.entry(6, "BLK_SIZE"),
                Map.entry(9, "FLUSH"),
                Map.entry(10, "TOPOLOGY"),
                Map.entry(11, "CONFIG_WCE"),
                Map.entry(12, "MQ"),
                Map.entry(13, "DISCARD"),
                Map.entry(14, "WRITE_ZEROES"),
                Map.entry(15, "LIFETIME"),
                Map.entry(16, "SECURE_ERASE"));
    }
}
