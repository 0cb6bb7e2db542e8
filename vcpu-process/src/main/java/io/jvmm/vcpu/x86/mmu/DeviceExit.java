package io.jvmm.vcpu.x86.mmu;

/**
 * The instruction in progress needs the board: it is abandoned without effect and executed again when the board has
 * answered. Control flow, thrown by a {@link DeviceSpace}; one object a vCPU, stackless.
 */
public final class DeviceExit extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** One for a vCPU. */
    public DeviceExit() {
        super("device exit", null, false, false);
    }
}
