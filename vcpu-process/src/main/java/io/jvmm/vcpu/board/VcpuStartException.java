package io.jvmm.vcpu.board;

/** A vCPU thread could not be started or bound to its vCPU: the host's fault. The message names the vCPU and the cause. */
public final class VcpuStartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    VcpuStartException(String message) {
        super(message);
    }

    VcpuStartException(int vcpuIndex, String why, Throwable cause) {
        super("vcpu " + vcpuIndex + " cannot be started: " + why, cause);
    }
}
