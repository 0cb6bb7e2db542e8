package io.jvmm.vcpu.x86.apic;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Interrupt controllers and timers in a state segment, version 1, little-endian. Times are nanoseconds of the machine's time, ticks
 * those of the 8254's clock since the machine's time was 0.
 *
 * <pre>
 *   local APIC, 192 bytes
 *     0  IRR 4 x u64 | 32 ISR 4 x u64 | 64 TMR 4 x u64          bit n of the 256 is vector n
 *    96  IA32_APIC_BASE u64
 *   104  LDR u32 | 108 DFR u32, bits 31:28 of the register | 112 TPR u32 | 116 SVR u32
 *   120  ESR u32 | 124 errors since ESR was written u32 | 128 ICR low u32 | 132 ICR high u32
 *   136  LVT: timer, thermal, performance, LINT0, LINT1, error  6 x u32
 *   160  start-up messages u32: INIT 100, SIPI 200 | vector
 *   164  NMI pending u8 | 165 timer running u8 | zero 2 x u8
 *   168  divide register u32 | 172 initial count u32 | 176 start of the count i64 | 184 IA32_TSC_DEADLINE u64
 *
 *   chipset, 392 bytes
 *     0  GSIs asserted by level u32 | 4 IOAPIC: pins asserted u32 | 8 IOREGSEL u32 | 12 id u32
 *    16  redirection table, 24 x {low u32 with remote IRR, high u32}
 *   208  8259, master then slave, 24 bytes each:
 *        IRR u8 | ISR u8 | IMR u8 | lines u8 | ELCR u8 | ICW2 u8 | line of the lowest priority u8 | next word of initialization u8
 *        ICW4 wanted u8 | single u8 | all level u8 | auto EOI u8 | rotate u8 | fully nested u8 | special mask u8 | read ISR u8
 *        poll u8 | zero 7 x u8
 *   256  8254: port 61 u8 | zero 7 x u8 | 264 tick up to which IRQ 0 has been raised i64
 *   272  its channels 0..2, 40 bytes each:
 *        mode u8 | access u8 | BCD u8 | GATE u8 | counting u8 | second write u8 | second read u8 | low byte u8
 *        period u32 | next period u32 | latched count i32 or -1 | latched status i32 or -1
 *        24 tick at which the count began i64 | 32 ticks counted before i64
 * </pre>
 */
public final class ControllerLayout {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;

    /** One processor's. */
    public static final StructLayout LOCAL_APIC_V1 = MemoryLayout.structLayout(
            MemoryLayout.sequenceLayout(4, U64).withName("IRR"),
            MemoryLayout.sequenceLayout(4, U64).withName("ISR"),
            MemoryLayout.sequenceLayout(4, U64).withName("TMR"),
            U64.withName("IA32_APIC_BASE"),
            U32.withName("LDR"),
            U32.withName("DFR"),
            U32.withName("TPR"),
            U32.withName("SVR"),
            U32.withName("ESR"),
            U32.withName("errors"),
            U32.withName("ICR_LOW"),
            U32.withName("ICR_HIGH"),
            U32.withName("LVT_TIMER"),
            U32.withName("LVT_THERMAL"),
            U32.withName("LVT_PERFORMANCE"),
            U32.withName("LVT_LINT0"),
            U32.withName("LVT_LINT1"),
            U32.withName("LVT_ERROR"),
            U32.withName("startup"),
            U8.withName("nmi"),
            U8.withName("timerRunning"),
            MemoryLayout.paddingLayout(2),
            U32.withName("DIVIDE"),
            U32.withName("INITIAL_COUNT"),
            U64.withName("timerStartNs"),
            U64.withName("IA32_TSC_DEADLINE"));

    private static final StructLayout PIC_V1 = bytes(
            7,
            "IRR",
            "ISR",
            "IMR",
            "lines",
            "ELCR",
            "ICW2",
            "lowest",
            "initialization",
            "wantsWord4",
            "single",
            "allLevel",
            "autoEnd",
            "rotateOnAutoEnd",
            "fullyNested",
            "specialMask",
            "readService",
            "poll");

    private static final StructLayout CHANNEL_V1 = MemoryLayout.structLayout(
            bytes(0, "mode", "access", "bcd", "gate", "counting", "secondWrite", "secondRead", "lowByte")
                    .withName("control"),
            U32.withName("period"),
            U32.withName("nextPeriod"),
            U32.withName("latchedCount"),
            U32.withName("latchedStatus"),
            U64.withName("startTick"),
            U64.withName("ticksBefore"));

    /** What all processors share. */
    public static final StructLayout CHIPSET_V1 = MemoryLayout.structLayout(
            U32.withName("asserted"),
            MemoryLayout.structLayout(
                            U32.withName("pins"),
                            U32.withName("IOREGSEL"),
                            U32.withName("id"),
                            MemoryLayout.sequenceLayout(
                                            IoApic.PINS,
                                            MemoryLayout.structLayout(U32.withName("low"), U32.withName("high")))
                                    .withName("redirection"))
                    .withName("ioapic"),
            PIC_V1.withName("master"),
            PIC_V1.withName("slave"),
            MemoryLayout.structLayout(
                            U8.withName("port61"),
                            MemoryLayout.paddingLayout(7),
                            U64.withName("reportedTick"),
                            MemoryLayout.sequenceLayout(3, CHANNEL_V1).withName("channel"))
                    .withName("pit"));

    private ControllerLayout() {}

    private static StructLayout bytes(int padding, String... names) {
        final MemoryLayout[] fields = Arrays.copyOf(
                Arrays.stream(names).map(U8::withName).toArray(MemoryLayout[]::new),
                names.length + Math.min(1, padding));
        if (padding > 0) {
            fields[names.length] = MemoryLayout.paddingLayout(padding);
        }
        return MemoryLayout.structLayout(fields);
    }
}
