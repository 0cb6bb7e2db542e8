package io.jvmm.vcpu.x86.cpu;

/**
 * The interrupt hardware as one processor sees it: its local APIC and, behind that, the 8259s. Called by the vCPU's
 * thread only; what other threads do to it reaches the processor through {@link Cpu#attention()}.
 */
public interface InterruptUnit {
    /** Whether an external interrupt could be taken now if RFLAGS.IF allowed it: INTR is asserted. */
    boolean isInterruptPending();

    /** INTA: the vector of the interrupt to take now, which is then in service; -1 if there is none any more. */
    int acknowledge();

    /** Takes a pending NMI. */
    boolean takeNmi();

    /** CR8: bits 7..4 of the task-priority register. */
    int taskPriority();

    /** Writes CR8 (0..15). */
    void setTaskPriority(int priority);

    /**
     * Reads a model-specific register that belongs to the APIC: 1b (APIC base), 6e0 (TSC deadline), 800..8ff (x2APIC).
     *
     * @throws io.jvmm.vcpu.x86.mmu.GuestException #GP(0) as the SDM says
     */
    long readMsr(int number);

    /** Writes such a register. */
    void writeMsr(int number, long value);

    /**
     * When this unit next wants {@link #tick} to be called, in {@link TimeSource} nanoseconds; Long.MAX_VALUE for
     * never.
     */
    long nextDeadlineNs();

    /** Lets timers expire. */
    void tick(long nowNs);
}
