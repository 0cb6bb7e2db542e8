package io.jvmm.vcpu.main;

/** How the vCPU process ends: its exit status. The numbers that device processes use too mean the same there. */
public enum ExitCode {
    /** Told to stop. What became of the guest was said before, in a GUEST_STOPPED event. */
    STOPPED(0),
    /** The boot record, or a boot image that the user named, is unacceptable; standard error says which and the cure. */
    BAD_CONFIGURATION(2),
    /** The host lacks something (KVM, memory); standard error says what and the cure. */
    HOST_ERROR(3),
    /** A bug of ours; standard error has the stack trace. */
    INTERNAL_ERROR(4),
    /** The control socket is at its end: the supervisor is gone, and its machine with it. */
    SUPERVISOR_LOST(12),
    /** The narrow filter could not be installed: no guest runs less jailed than the policy says. */
    JAIL_FAILED(14),
    /** The boot record did not come, or not whole. */
    BOOT_FAILED(15);

    private final int number;

    ExitCode(int number) {
        this.number = number;
    }

    /** The process's exit status. */
    public int number() {
        return number;
    }
}
