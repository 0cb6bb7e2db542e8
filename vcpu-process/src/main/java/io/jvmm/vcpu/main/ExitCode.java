package io.jvmm.vcpu.main;

/** How the vCPU process ends; the numbers are what {@code waitid} tells the supervisor. */
public enum ExitCode {
    /** Told to stop. What became of the guest was said before, in a GUEST_STOPPED event. */
    STOPPED(0),
    /** The boot record or a boot image is unacceptable; standard error names it and the cure. */
    CONFIGURATION(2),
    /** The host lacks something (KVM, memory); standard error names it and the cure. */
    HOST(3),
    /** A bug of ours; standard error has the stack trace. */
    INTERNAL(4),
    /** The supervisor is gone: the control socket is at its end. */
    ORPHANED(5);

    private final int number;

    ExitCode(int number) {
        this.number = number;
    }

    /** The process's exit status. */
    public int number() {
        return number;
    }
}
