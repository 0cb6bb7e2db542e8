package io.jvmm.device.platform;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The state block of the platform device: everything a guest can observe of it, version 1, little-endian.
 *
 * <pre>
 *   byte   0        8                16               24               32
 *          +----------------+----------------+----------------+----------------+
 *     0    | rtc second     | rtc last       | PM timer       | PM timer       |
 *          | start ns (i64) | sync ns (i64)  | origin ns(i64) | half periods   |
 *          +---+---+---+---+---+---+---+---+----------------------------------+
 *    32    |STS|.. |EN |.. |CNT|.. |RST|70 |  u16 PM1_STS, PM1_EN, PM1_CNT, u8 RST_CNT, u8 RTC index port
 *          +---+---+---+---+---+---+---+---+
 *    40    | keyboard controller and keyboard, one byte each (names below)     |
 *    56    | keyboard output queue, 8 bytes                                    |
 *    64    | 8042 internal RAM, 32 bytes (byte 0 is the command byte)          |
 *    96    | CMOS, 128 bytes: clock, registers A to D, NVRAM                   |
 *   224    | debug console: u16 head, u16 count, u32 dropped, then its FIFO    |
 *   488    | firmware configuration: u16 selector, u16 0, u32 offset, u32 dmaHigh, u32 0 |
 *   504    +-------------------------------------------------------------------+
 * </pre>
 *
 * <p>Cores reach fields by the constants below, which the compiler folds into their code; {@link #STATE_V2} names the same
 * bytes for inspectors and for the segment's header (a test holds the two together). Times are nanoseconds of virtual
 * time. The names in capitals are those of the data sheets.
 */
final class PlatformStateLayout {
    static final int VERSION = 2;
    static final int LENGTH_BYTES = 504;

    static final int RTC_SECOND_START_NS = 0;
    static final int RTC_LAST_SYNC_NS = 8;
    static final int PM_TIMER_ORIGIN_NS = 16;
    static final int PM_TIMER_HALF_PERIODS = 24;

    static final int PM1_STS = 32;
    static final int PM1_EN = 34;
    static final int PM1_CNT = 36;
    static final int RST_CNT = 38;
    static final int RTC_INDEX = 39;

    static final int KBC_STATUS = 40;
    static final int KBC_OUTPUT_BUFFER = 41;
    static final int KBC_PENDING_COMMAND = 42;
    static final int KBC_OUTPUT_PORT = 43;
    static final int KBC_RESPONSE = 44;
    static final int KBC_RESPONSE_STATUS = 45;
    static final int KBD_QUEUE_LENGTH = 46;
    static final int KBD_PENDING_COMMAND = 47;
    static final int KBD_SCAN_CODE_SET = 48;
    static final int KBD_INDICATORS = 49;
    static final int KBD_TYPEMATIC = 50;
    static final int KBD_SCANNING = 51;
    static final int KBD_LAST_SENT = 52;
    static final int RESERVED = 53;
    static final int KBD_QUEUE = 56;
    static final int KBC_RAM = 64;
    static final int CMOS = 96;

    static final int DEBUG_HEAD = 224;
    static final int DEBUG_COUNT = 226;
    static final int DEBUG_DROPPED = 228;
    static final int DEBUG_FIFO = 232;

    static final int FW_CFG = 488;

    static final int KBD_QUEUE_BYTES = 8;
    static final int KBC_RAM_BYTES = 32;
    static final int CMOS_BYTES = 128;
    static final int DEBUG_FIFO_BYTES = 256;

    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;

    static final StructLayout STATE_V2 = MemoryLayout.structLayout(
                    I64.withName("rtc.secondStartNs"),
                    I64.withName("rtc.lastSyncNs"),
                    I64.withName("acpi.pmTimerOriginNs"),
                    I64.withName("acpi.pmTimerHalfPeriods"),
                    U16.withName("acpi.PM1_STS"),
                    U16.withName("acpi.PM1_EN"),
                    U16.withName("acpi.PM1_CNT"),
                    U8.withName("reset.RST_CNT"),
                    U8.withName("rtc.index"),
                    U8.withName("kbc.status"),
                    U8.withName("kbc.outputBuffer"),
                    U8.withName("kbc.pendingCommand"),
                    U8.withName("kbc.outputPort"),
                    U8.withName("kbc.response"),
                    U8.withName("kbc.responseStatus"),
                    U8.withName("kbd.queueLength"),
                    U8.withName("kbd.pendingCommand"),
                    U8.withName("kbd.scanCodeSet"),
                    U8.withName("kbd.indicators"),
                    U8.withName("kbd.typematic"),
                    U8.withName("kbd.scanning"),
                    U8.withName("kbd.lastSent"),
                    MemoryLayout.sequenceLayout(KBD_QUEUE - RESERVED, U8).withName("reserved"),
                    MemoryLayout.sequenceLayout(KBD_QUEUE_BYTES, U8).withName("kbd.queue"),
                    MemoryLayout.sequenceLayout(KBC_RAM_BYTES, U8).withName("kbc.ram"),
                    cmos().withName("rtc"),
                    U16.withName("debug.head"),
                    U16.withName("debug.count"),
                    U32.withName("debug.dropped"),
                    MemoryLayout.sequenceLayout(DEBUG_FIFO_BYTES, U8).withName("debug.fifo"),
                    U16.withName("fwcfg.selector"),
                    U16.withName("fwcfg.reserved0"),
                    U32.withName("fwcfg.offset"),
                    U32.withName("fwcfg.dmaHigh"),
                    U32.withName("fwcfg.reserved1"))
            .withName("platform.v2");

    private PlatformStateLayout() {}

    /** The registers by their names, and what is between them as {@code nvram} with its index. */
    private static StructLayout cmos() {
        List<MemoryLayout> bytes = new ArrayList<>();
        int at = 0;
        for (RtcRegister register : RtcRegister.values()) {
            if (register != RtcRegister.RAM) {
                nvram(bytes, at, register.index);
                // UIP of register A is not stored: it follows from the time at which the guest reads.
                bytes.add(U8.withName(register == RtcRegister.REGISTER_A ? "REGISTER_A.DV_RS" : register.name()));
                at = register.index + 1;
            }
        }
        nvram(bytes, at, CMOS_BYTES);
        return MemoryLayout.structLayout(bytes.toArray(new MemoryLayout[0]));
    }

    private static void nvram(List<MemoryLayout> bytes, int from, int to) {
        if (to > from) {
            bytes.add(MemoryLayout.sequenceLayout(to - from, U8).withName(String.format("nvram%02X", from)));
        }
    }
}
