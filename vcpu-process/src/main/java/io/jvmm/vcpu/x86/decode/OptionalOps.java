package io.jvmm.vcpu.x86.decode;

/**
 * Which of the instructions that CPUID may or may not offer exist here: the one place that the decoder asks, and that CPUID
 * has to agree with. What is hidden decodes to {@link Op#INVALID}.
 */
public final class OptionalOps {
    private OptionalOps() {}

    /** Whether the instruction exists. True for all that x86-64-v2 (without CMPXCHG16B) includes. */
    public static boolean exists(Op op) {
        return switch (op) {
            // There is no 128-bit compare-and-swap in Java: offering it would not be atomic across vCPUs.
            case CMPXCHG16B -> false;
            // CPUID.1:ECX.MOVBE[22], MONITOR[3].
            case MOVBE, MONITOR, MWAIT -> false;
            // CPUID.7.0:EBX.INVPCID[10]. FSGSBASE[0], CLFLUSHOPT[23] and CLWB[24] are offered.
            case INVPCID -> false;
            // Exists in system management mode only, which is not there.
            case RSM -> false;
            default -> true;
        };
    }
}
