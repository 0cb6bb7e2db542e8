package io.jvmm.device.rng;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The entropy device's own part of the state segment, little-endian. A new field means a new version.
 *
 * <pre>
 *    0                8                16               24               32               40
 *    | u64 tokens     | u64 filledNs   | u64 bytes      | u64 buffers    | u64 hostErrors |
 * </pre>
 *
 * {@code tokens} are bytes the limiter grants at once and {@code filledNs} is when it had them (monotonic); the others count.
 */
final class RngStateLayout {

    static final int VERSION = 1;

    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final StructLayout STATE_V1 = MemoryLayout.structLayout(
            U64.withName("tokens"),
            U64.withName("filledNs"),
            U64.withName("bytes"),
            U64.withName("buffers"),
            U64.withName("hostErrors"));

    static final int TOKENS = offset("tokens");
    static final int FILLED_NS = offset("filledNs");
    static final int BYTES = offset("bytes");
    static final int BUFFERS = offset("buffers");
    static final int HOST_ERRORS = offset("hostErrors");
    static final int LENGTH_BYTES = Math.toIntExact(STATE_V1.byteSize());

    private RngStateLayout() {}

    /** How its fields are shown. */
    static StateFormats formats() {
        return StateFormats.NONE
                .and(FieldFormat.DECIMAL, "tokens", "bytes", "buffers", "hostErrors")
                .and(FieldFormat.NANOSECONDS, "filledNs");
    }

    private static int offset(String field) {
        return Math.toIntExact(STATE_V1.byteOffset(PathElement.groupElement(field)));
    }
}
