package io.jvmm.vcpu.board;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * What a machine's state begins with, whichever engine runs it, version 2, little-endian. The engine's own part follows, and behind
 * it the bus's.
 *
 * <pre>
 *   0            4            8            12           16           20          24             32             40          44        64
 *   | u32 engine | u32 moment | u32 cause  | u32 vcpu   | u32 vCPUs  | u32 vers. | u64 rip      | i64 saved at | u32 bus   | (0)     |
 *
 *   engine    who wrote the part behind this: 1 KVM, 2 the software processor (EngineKind)
 *   moment    what the machine did when this was committed (Moment)
 *   cause     why the guest has stopped (StopCause), 0 when it has not; vcpu and rip: where
 *   vCPUs     how many the engine's part describes
 *   version   of the engine's part
 *   saved at  nanoseconds since 1970, UTC
 *   bus       length of the bus's part at the end, in bytes
 * </pre>
 */
public final class MachineStateLayout {
    /** "VCPU": the number of the vCPU process where device processes have their device's. */
    public static final int DEVICE_ID = 0x5643_5055;

    /** Of this layout. */
    public static final int VERSION = 2;

    /** Where the engine's part begins. */
    public static final int LENGTH_BYTES = 64;

    static final int ENGINE = 0;
    static final int MOMENT = 4;
    static final int CAUSE = 8;
    static final int VCPU = 12;
    static final int VCPUS = 16;
    static final int ENGINE_VERSION = 20;
    static final int RIP = 24;
    static final int SAVED_AT_NS = 32;
    static final int BUS_BYTES = 40;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The same bytes by name (a test holds the two together). */
    public static final StructLayout STATE_V2 = MemoryLayout.structLayout(
            U32.withName("engine"),
            U32.withName("moment"),
            U32.withName("cause"),
            U32.withName("stoppedVcpu"),
            U32.withName("vcpus"),
            U32.withName("engineVersion"),
            I64.withName("stoppedRip"),
            I64.withName("savedAtNs"),
            U32.withName("busBytes"),
            MemoryLayout.paddingLayout(LENGTH_BYTES - 44));

    /** What the machine did when its state was committed. Numbers are in segments. */
    public enum Moment {
        /** It has been built and has not run yet. */
        BUILT(1),
        /** It runs since: what is here is what it went on from. */
        RUNNING(2),
        /** Every vCPU stands still, and may go on. */
        PAUSED(3),
        /** It will not go on. */
        STOPPED(4);

        private final int number;

        Moment(int number) {
            this.number = number;
        }

        public int number() {
            return number;
        }

        /** What number {@code moment} means, for people; it is hostile. */
        public static String text(int moment) {
            for (final Moment each : values()) {
                if (each.number == moment) {
                    return each.name().toLowerCase(Locale.ROOT);
                }
            }
            return "in no state that is known";
        }
    }

    private MachineStateLayout() {}
}
