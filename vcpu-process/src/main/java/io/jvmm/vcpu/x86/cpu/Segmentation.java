package io.jvmm.vcpu.x86.cpu;

/** Segment registers: loads with their checks (SDM 3A chapters 3 and 5), and addresses through them. */
public final class Segmentation {
    private Segmentation() {}

    /** MOV to, POP into, and far loads of ES, SS, DS, FS or GS in any mode: #GP, #SS, #NP with the selector, #PF. */
    public static void load(Cpu cpu, int segment, int selector) {
        throw new UnsupportedOperationException("" + cpu.index + segment + selector);
    }

    /**
     * Linear address of {@code lengthBytes} bytes at {@code offset} (already truncated to the address width) of a segment, with the
     * limit and rights checks of legacy modes: #GP(0), or #SS(0) for SS. In 64-bit mode only the bases of FS and GS count and nothing is checked.
     */
    public static long linear(Cpu cpu, int segment, long offset, int lengthBytes, boolean write) {
        throw new UnsupportedOperationException("" + cpu.index + segment + offset + lengthBytes + write);
    }
}
