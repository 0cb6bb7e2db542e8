package io.jvmm.vcpu.x86.cpu;

import java.util.Arrays;

/** Model-specific registers that only {@link Msrs} reads and writes: plain storage of one vCPU. */
public final class MsrBank {
    /** Variable-range MTRR pairs (SDM 3A 12.11.2.3). */
    public static final int VARIABLE_RANGES = 8;
    /** Fixed-range MTRRs: one for 64 KiB, two for 16 KiB, eight for 4 KiB ranges. */
    public static final int FIXED_RANGES = 11;
    /** Machine-check banks, which never report anything. */
    public static final int MACHINE_CHECK_BANKS = 10;

    /** IA32_MISC_ENABLE: fast strings. */
    public long miscEnable = 1;
    /** IA32_MTRR_DEF_TYPE. */
    public long mtrrDefaultType;

    public final long[] mtrrBase = new long[VARIABLE_RANGES];
    public final long[] mtrrMask = new long[VARIABLE_RANGES];
    public final long[] mtrrFixed = new long[FIXED_RANGES];
    /** IA32_TSC_ADJUST. */
    public long tscAdjust;
    /** IA32_SPEC_CTRL. */
    public long speculationControl;
    /** MSR 4b564d01: guest-physical address of the pvclock structure, bit 0 on. */
    public long pvClock;
    /** MSR 4b564d00: guest-physical address of the wall clock, as written last. */
    public long pvWallClock;
    /** IA32_MCG_STATUS. */
    public long machineCheckStatus;
    /** IA32_MCi_CTL. */
    public final long[] machineCheckControl = new long[MACHINE_CHECK_BANKS];

    /** Power-up values. */
    void reset() {
        miscEnable = 1;
        mtrrDefaultType = 0;
        Arrays.fill(mtrrBase, 0);
        Arrays.fill(mtrrMask, 0);
        Arrays.fill(mtrrFixed, 0);
        tscAdjust = 0;
        speculationControl = 0;
        pvClock = 0;
        pvWallClock = 0;
        machineCheckStatus = 0;
        Arrays.fill(machineCheckControl, 0);
    }
}
