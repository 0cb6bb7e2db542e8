package io.jvmm.vcpu.x86.cpu;

/**
 * Breakpoints and single-step (SDM 3B chapter 18).
 *
 * <p>The executor's part: while {@link #isStepping}, blocks have one instruction, run as {@link #before}, the step, then (rip advanced)
 * {@link #after}; a DeviceExit is followed by {@link #abandon}. A repeated string instruction that is left with more to do sets RFLAGS.RF.
 */
public final class Debugging {
    private Debugging() {}

    /** Whether the next instruction needs {@link #before} and {@link #after}: TF, RF or an armed breakpoint. */
    public static boolean isStepping(Cpu cpu) {
        return (cpu.otherFlags & (Flags.TF | Flags.RF)) != 0 || (cpu.dr[7] & 0xff) != 0;
    }

    /** Raises #DB for an execution breakpoint at {@code cpu.rip} unless RF is set, then clears RF. */
    public static void before(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** After the instruction, {@code cpu.rip} behind it: delivers the #DB of single-step and data breakpoints as a trap. */
    public static void after(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** The instruction was given up and will begin again: RF is as it was. */
    public static void abandon(Cpu cpu) {
        cpu.otherFlags |= cpu.stepFlags & Flags.RF;
    }

    /** MOV from DRn. */
    public static long read(Cpu cpu, int number) {
        throw new UnsupportedOperationException("" + cpu.index + number);
    }

    /** MOV to DRn. */
    public static void write(Cpu cpu, int number, long value) {
        throw new UnsupportedOperationException("" + cpu.index + number + value);
    }
}
