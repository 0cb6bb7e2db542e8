package io.jvmm.device.serial;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The state segment of the serial device, version 2, little-endian. Field names are the data sheet's where it has one.
 *
 * <pre>
 *   0  portCount u32 | reserved 12 bytes of zero
 *  16  port 0        | 144 port 1 | 272 port 2 | 400 port 3; ports that are not configured stay zero
 *
 * a port, 128 bytes:
 *       +0         +1      +2      +3      +4            +5      +6      +7
 *   0   IER        FCR     LCR     MCR     LSR           MSR     SCR     DLL
 *   8   DLM        RBR     thre    intr    carrier       rxHead  rxCount txHead
 *  16   txCount    ----------------- zero ----------------------------------
 *  24   rxTimeOutNs i64       monotonic time at which the time-out strikes; Long.MAX_VALUE: none runs
 *  32   txDoneNs    i64       when the character being sent leaves (paced ports only); Long.MAX_VALUE: none
 *  40   RCVR FIFO   16 bytes, a ring from rxHead
 *  56   errors      16 bytes  PE, FE, BI of the same slot of the RCVR FIFO; zero in free slots
 *  72   XMIT FIFO   16 bytes, a ring from txHead
 *  88   rxBytes u64 |  96 txBytes u64 | 104 overruns u32 | 108 txLost u32
 * 112   inPosition u64 | 120 outPosition u64   how far the streams of a port on a socket have come; 0: not yet
 * </pre>
 *
 * <p>LSR holds only its latched errors (OE, PE, FE, BI), and its field is called LSR.errors: DR, THRE, TEMT and bit 7 follow from the FIFOs. {@code thre} is
 * the latched transmitter interrupt, {@code intr} the level of the interrupt pin behind the OUT2 gate. Version 1 had zeros in place of the
 * positions, and is otherwise the same.
 */
final class SerialStateLayout {

    static final int VERSION = 2;
    static final int VERSION_WITHOUT_POSITIONS = 1;
    static final int MAX_PORTS = 4;
    static final int FIFO_BYTES = 16;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** One UART. */
    static final StructLayout PORT_V2 = MemoryLayout.structLayout(
            JAVA_BYTE.withName("IER"),
            JAVA_BYTE.withName("FCR"),
            JAVA_BYTE.withName("LCR"),
            JAVA_BYTE.withName("MCR"),
            JAVA_BYTE.withName("LSR.errors"),
            JAVA_BYTE.withName("MSR"),
            JAVA_BYTE.withName("SCR"),
            JAVA_BYTE.withName("DLL"),
            JAVA_BYTE.withName("DLM"),
            JAVA_BYTE.withName("RBR"),
            JAVA_BYTE.withName("thre"),
            JAVA_BYTE.withName("intr"),
            JAVA_BYTE.withName("carrier"),
            JAVA_BYTE.withName("rxHead"),
            JAVA_BYTE.withName("rxCount"),
            JAVA_BYTE.withName("txHead"),
            JAVA_BYTE.withName("txCount"),
            MemoryLayout.paddingLayout(7),
            U64.withName("rxTimeOutNs"),
            U64.withName("txDoneNs"),
            MemoryLayout.sequenceLayout(FIFO_BYTES, JAVA_BYTE).withName("rcvrFifo"),
            MemoryLayout.sequenceLayout(FIFO_BYTES, JAVA_BYTE).withName("rcvrErrors"),
            MemoryLayout.sequenceLayout(FIFO_BYTES, JAVA_BYTE).withName("xmitFifo"),
            U64.withName("rxBytes"),
            U64.withName("txBytes"),
            U32.withName("overruns"),
            U32.withName("txLost"),
            U64.withName("inPosition"),
            U64.withName("outPosition"));

    /** The whole device. */
    static final StructLayout STATE_V2 = MemoryLayout.structLayout(
            U32.withName("portCount"),
            MemoryLayout.paddingLayout(12),
            MemoryLayout.sequenceLayout(MAX_PORTS, PORT_V2).withName("port"));

    static final int PORT_COUNT = Math.toIntExact(STATE_V2.byteOffset(PathElement.groupElement("portCount")));
    static final int PORTS = Math.toIntExact(STATE_V2.byteOffset(PathElement.groupElement("port")));
    static final int PORT_BYTES = Math.toIntExact(PORT_V2.byteSize());
    static final int LENGTH_BYTES = Math.toIntExact(STATE_V2.byteSize());

    /** Where both positions are in a port, one behind the other. */
    static final int POSITIONS = offset("inPosition");

    private SerialStateLayout() {}

    /** Where a field lies within its port; called while classes initialise only. */
    static int offset(String field) {
        return Math.toIntExact(PORT_V2.byteOffset(PathElement.groupElement(field)));
    }
}
