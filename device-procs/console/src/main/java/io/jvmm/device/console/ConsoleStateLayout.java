package io.jvmm.device.console;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The console's own part of the state segment, little-endian. A new field means a new version.
 *
 * <pre>
 *    0   | u16 cols | u16 rows | u8 driverReady | u8 emergencyHead | u8 emergencyCount | u8 0 |
 *    8   | 64 bytes emergency: characters written to emerg_wr that the host has not taken |
 *   72   | u64 emergencyLost |
 *   80   | 16 ports of 32 bytes |
 *
 *   port | u8 guestOpen | u8 hostOpen | u8 ready | u8 toTell | u32 0 | u64 txPosition | u64 inPosition | u64 outPosition |
 * </pre>
 *
 * {@code toTell} are the {@link ControlMessage}s that wait for a buffer, {@code txPosition} is how much of its first transmit
 * buffer the host has taken, {@code inPosition} and {@code outPosition} how far the streams of a port on a socket have come; 0: not yet.
 * Version 1 counted bytes in their place, for nobody.
 */
final class ConsoleStateLayout {

    static final int VERSION = 2;
    static final int VERSION_WITHOUT_POSITIONS = 1;
    static final int MAX_PORTS = 16;
    static final int EMERGENCY_BYTES = 64;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final StructLayout PORT_V2 = MemoryLayout.structLayout(
            JAVA_BYTE.withName("guestOpen"),
            JAVA_BYTE.withName("hostOpen"),
            JAVA_BYTE.withName("ready"),
            JAVA_BYTE.withName("toTell"),
            MemoryLayout.paddingLayout(4),
            U64.withName("txPosition"),
            U64.withName("inPosition"),
            U64.withName("outPosition"));

    static final StructLayout STATE_V2 = MemoryLayout.structLayout(
            U16.withName("cols"),
            U16.withName("rows"),
            JAVA_BYTE.withName("driverReady"),
            JAVA_BYTE.withName("emergencyHead"),
            JAVA_BYTE.withName("emergencyCount"),
            MemoryLayout.paddingLayout(1),
            MemoryLayout.sequenceLayout(EMERGENCY_BYTES, JAVA_BYTE).withName("emergency"),
            U64.withName("emergencyLost"),
            MemoryLayout.sequenceLayout(MAX_PORTS, PORT_V2).withName("port"));

    static final int COLS = offset("cols");
    static final int ROWS = offset("rows");
    static final int DRIVER_READY = offset("driverReady");
    static final int EMERGENCY_HEAD = offset("emergencyHead");
    static final int EMERGENCY_COUNT = offset("emergencyCount");
    static final int EMERGENCY = offset("emergency");
    static final int EMERGENCY_LOST = offset("emergencyLost");
    static final int PORTS = offset("port");
    static final int PORT_BYTES = Math.toIntExact(PORT_V2.byteSize());
    static final int LENGTH_BYTES = Math.toIntExact(STATE_V2.byteSize());

    /** Offsets within a port. */
    static final int GUEST_OPEN = inPort("guestOpen");

    static final int HOST_OPEN = inPort("hostOpen");
    static final int READY = inPort("ready");
    static final int TO_TELL = inPort("toTell");
    static final int TX_POSITION = inPort("txPosition");
    static final int IN_POSITION = inPort("inPosition");
    static final int OUT_POSITION = inPort("outPosition");

    private ConsoleStateLayout() {}

    private static int offset(String field) {
        return Math.toIntExact(STATE_V2.byteOffset(PathElement.groupElement(field)));
    }

    private static int inPort(String field) {
        return Math.toIntExact(PORT_V2.byteOffset(PathElement.groupElement(field)));
    }
}
