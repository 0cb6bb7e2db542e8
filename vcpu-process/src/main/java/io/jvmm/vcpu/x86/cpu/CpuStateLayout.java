package io.jvmm.vcpu.x86.cpu;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The architectural state of one vCPU in a state segment, version 1, little-endian.
 *
 * <pre>
 *     0  RAX RCX RDX RBX RSP RBP RSI RDI R8..R15   16 x u64
 *   128  RIP u64 | 136 RFLAGS u64
 *   144  ES CS SS DS FS GS LDTR TR                  8 x {base u64, limit u32 in bytes, selector u16, access u16}
 *   272  GDT base u64 | 280 IDT base u64 | 288 GDT limit u32 | 292 IDT limit u32
 *   296  CR0 CR2 CR3 CR4 EFER XCR0                  6 x u64
 *   344  DR0 DR1 DR2 DR3 DR6 DR7                    6 x u64
 *   392  STAR LSTAR CSTAR FMASK KERNEL_GS_BASE SYSENTER_CS SYSENTER_ESP SYSENTER_EIP PAT TSC_AUX   10 x u64
 *   472  TSC offset u64 | 480 TSC_ADJUST | 488 MISC_ENABLE | 496 MTRR_DEF_TYPE
 *   504  SPEC_CTRL u64 | 512 pvclock | 520 wall clock | 528 MCG_STATUS
 *   536  MTRR bases 8 x u64 | 600 masks 8 x u64 | 664 fixed 11 x u64 | 752 MCi_CTL 10 x u64
 *   832  XMM0..XMM15                               32 x u64, low half first
 *  1088  MXCSR u32 | 1092 FCW u16 | FSW u16 with TOP | FTW u16 | FOP u16 | FCS u16 | FDS u16
 *  1104  FIP u64 | 1112 FDP u64
 *  1120  x87 significands 8 x u64 by physical register | 1184 sign and exponent 8 x u16
 *  1200  CPL u8 | halted u8 | interrupt shadow u8 | debug shadow u8 | NMI blocked u8 | shutdown u8 | zero u16
 *  1208  undelivered i32, a vector or -1 | 1212 zero u32
 *  1216  instructions retired u64
 * </pre>
 */
public final class CpuStateLayout {
    public static final int VERSION = 1;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;

    private static final StructLayout SEGMENT_V1 = MemoryLayout.structLayout(
            U64.withName("base"), U32.withName("limit"), U16.withName("selector"), U16.withName("access"));

    /** All of it. */
    public static final StructLayout STATE_V1 = MemoryLayout.structLayout(
            named(
                    "general", "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12",
                    "R13", "R14", "R15"),
            U64.withName("rip"),
            U64.withName("rflags"),
            MemoryLayout.structLayout(
                            SEGMENT_V1.withName("ES"),
                            SEGMENT_V1.withName("CS"),
                            SEGMENT_V1.withName("SS"),
                            SEGMENT_V1.withName("DS"),
                            SEGMENT_V1.withName("FS"),
                            SEGMENT_V1.withName("GS"),
                            SEGMENT_V1.withName("LDTR"),
                            SEGMENT_V1.withName("TR"))
                    .withName("segments"),
            U64.withName("gdtBase"),
            U64.withName("idtBase"),
            U32.withName("gdtLimit"),
            U32.withName("idtLimit"),
            named("control", "CR0", "CR2", "CR3", "CR4", "EFER", "XCR0"),
            named("debug", "DR0", "DR1", "DR2", "DR3", "DR6", "DR7"),
            named(
                    "systemCall",
                    "STAR",
                    "LSTAR",
                    "CSTAR",
                    "FMASK",
                    "KERNEL_GS_BASE",
                    "SYSENTER_CS",
                    "SYSENTER_ESP",
                    "SYSENTER_EIP",
                    "PAT",
                    "TSC_AUX"),
            U64.withName("tscOffset"),
            U64.withName("tscAdjust"),
            U64.withName("miscEnable"),
            U64.withName("mtrrDefaultType"),
            U64.withName("speculationControl"),
            U64.withName("pvClock"),
            U64.withName("pvWallClock"),
            U64.withName("machineCheckStatus"),
            longs("mtrrBase", MsrBank.VARIABLE_RANGES),
            longs("mtrrMask", MsrBank.VARIABLE_RANGES),
            longs("mtrrFixed", MsrBank.FIXED_RANGES),
            longs("machineCheckControl", MsrBank.MACHINE_CHECK_BANKS),
            MemoryLayout.sequenceLayout(16, MemoryLayout.structLayout(U64.withName("low"), U64.withName("high")))
                    .withName("xmm"),
            U32.withName("mxcsr"),
            U16.withName("fcw"),
            U16.withName("fsw"),
            U16.withName("ftw"),
            U16.withName("fop"),
            U16.withName("fcs"),
            U16.withName("fds"),
            U64.withName("fip"),
            U64.withName("fdp"),
            longs("significand", 8),
            MemoryLayout.sequenceLayout(8, U16).withName("signExponent"),
            U8.withName("cpl"),
            U8.withName("halted"),
            U8.withName("interruptShadow"),
            U8.withName("debugShadow"),
            U8.withName("nmiBlocked"),
            U8.withName("shutdown"),
            MemoryLayout.paddingLayout(2),
            U32.withName("undelivered"),
            MemoryLayout.paddingLayout(4),
            U64.withName("retired"));

    private CpuStateLayout() {}

    private static MemoryLayout longs(String name, int count) {
        return MemoryLayout.sequenceLayout(count, U64).withName(name);
    }

    /** Named registers of 64 bits. */
    private static MemoryLayout named(String name, String... registers) {
        return MemoryLayout.structLayout(
                        Arrays.stream(registers).map(U64::withName).toArray(MemoryLayout[]::new))
                .withName(name);
    }

    /** Offset of a field of {@link #STATE_V1}. */
    static int offset(String field) {
        return Math.toIntExact(STATE_V1.byteOffset(PathElement.groupElement(field)));
    }
}
