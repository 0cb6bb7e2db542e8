package io.jvmm.vcpu.x86.cpu;

/** What CPUID tells one vCPU: only what is implemented. Immutable. */
public final class Cpuid {
    /** Guest-physical address bits. */
    public static final int PHYSICAL_BITS = 40;

    private final int index;
    private final int count;

    /** The table of vCPU {@code index} (its APIC id) of {@code count}. */
    public Cpuid(int index, int count) {
        this.index = index;
        this.count = count;
    }

    /** CPUID: EAX and ECX in, EAX EBX ECX EDX out, upper halves cleared. */
    public void run(Cpu cpu) {
        throw new UnsupportedOperationException("" + index + count + cpu.index);
    }
}
