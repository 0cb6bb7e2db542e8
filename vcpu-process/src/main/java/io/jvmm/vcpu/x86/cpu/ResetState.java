package io.jvmm.vcpu.x86.cpu;

/** What the processor is like after RESET and INIT (SDM 3A table 10-1), and when a loader starts a kernel without firmware. */
public final class ResetState {
    private ResetState() {}

    /** Power-up: rip fff0 in CS f000 with base ffff0000. */
    public static void reset(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** INIT: as reset, but x87, SSE, the TSC and MSRs stay (table 10-1, column INIT). */
    public static void init(Cpu cpu) {
        throw new UnsupportedOperationException("" + cpu.index);
    }

    /** SIPI after INIT: real mode at {@code vector}00:0000. */
    public static void startup(Cpu cpu, int vector) {
        throw new UnsupportedOperationException("" + cpu.index + vector);
    }

    /** 64-bit mode with flat segments, code selector 0x10, data 0x18; paging through {@code cr3}. General registers are the caller's. */
    public static void long64(Cpu cpu, long rip, long cr3, long gdtBase, int gdtLimit) {
        throw new UnsupportedOperationException("" + cpu.index + rip + cr3 + gdtBase + gdtLimit);
    }

    /** 32-bit protected mode with flat segments, paging off. */
    public static void protected32(Cpu cpu, long rip, long gdtBase, int gdtLimit) {
        throw new UnsupportedOperationException("" + cpu.index + rip + gdtBase + gdtLimit);
    }

    /** Real mode: only CS differs from {@link #reset}. */
    public static void real16(Cpu cpu, int codeSelector, long codeBase, int offset) {
        throw new UnsupportedOperationException("" + cpu.index + codeSelector + codeBase + offset);
    }
}
