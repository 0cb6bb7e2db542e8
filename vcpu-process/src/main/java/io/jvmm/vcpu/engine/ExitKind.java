package io.jvmm.vcpu.engine;

/**
 * Why {@link Vcpu#run()} came back. The set is closed: a {@code switch} over it is exhaustive, and an engine whose
 * hardware knows further reasons maps them to {@link #INTERNAL_ERROR} with a description.
 */
public enum ExitKind {
    /** The guest reads a port: {@code IN}, {@code INS}. The handler completes every item. */
    PIO_READ,
    /** The guest writes a port: {@code OUT}, {@code OUTS}. */
    PIO_WRITE,
    /** The guest reads a guest-physical address that is not RAM. The handler completes item 0. */
    MMIO_READ,
    /** The guest writes a guest-physical address that is not RAM, or read-only RAM. */
    MMIO_WRITE,
    /**
     * The guest executed {@code HLT} and the engine does not wait for an interrupt itself. Engines that hold the local
     * APIC (both of ours) sleep inside {@link Vcpu#run()} instead, and never say this of a guest that can be woken.
     */
    HALTED,
    /** Triple fault or the processor's shutdown state: the guest crashed, or reset itself the old way. */
    SHUTDOWN,
    /** {@link Vcpu#kick()} was called: look at what the kicker asked for. Also returned spuriously. */
    KICKED,
    /** The engine met an instruction it cannot execute. {@link ExitView#failure()} has its bytes where they are known. */
    EMULATION_FAILURE,
    /** The engine cannot go on with this vCPU. {@link ExitView#failure()} says why. */
    INTERNAL_ERROR;

    /** Whether the guest waits for {@link ExitView#complete(int, long)} before it can go on. */
    public boolean isRead() {
        return this == PIO_READ || this == MMIO_READ;
    }

    /** Whether the handler is to answer a device access. */
    public boolean isAccess() {
        return switch (this) {
            case PIO_READ, PIO_WRITE, MMIO_READ, MMIO_WRITE -> true;
            case HALTED, SHUTDOWN, KICKED, EMULATION_FAILURE, INTERNAL_ERROR -> false;
        };
    }

    /** Whether this vCPU cannot be run again. */
    public boolean isFatal() {
        return switch (this) {
            case SHUTDOWN, EMULATION_FAILURE, INTERNAL_ERROR -> true;
            case PIO_READ, PIO_WRITE, MMIO_READ, MMIO_WRITE, HALTED, KICKED -> false;
        };
    }
}
