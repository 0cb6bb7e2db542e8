package io.jvmm.ipc.boot;

/**
 * How a process of a machine ends: its exit status, one meaning a number for the vCPU process and all devices; 2, 3 and 4 mean
 * the same as the supervisor's own. A death by signal has no code of ours: SIGSYS is the narrow filter's verdict, SIGKILL the
 * supervisor's or the kernel's.
 */
public enum ProcessExit {
    /** Told to stop: a device's state is committed; what became of the guest was said before, in a GUEST_STOPPED event. */
    STOPPED(0, "stopped on request"),
    /** {@code expect} in a script was not met. */
    EXPECTATION_FAILED(1, "the script expected something else"),
    /** A wrong command line, boot record, boot image or script; standard error names it and the cure. */
    BAD_CONFIGURATION(2, "bad configuration"),
    /** The host refused something the process needs; standard error says what and the cure. */
    HOST_ERROR(3, "host error"),
    /** A bug of ours; the stack trace went to standard error. */
    INTERNAL_ERROR(4, "internal error"),
    /** The vCPU process broke the protocol of the link; PEER_VIOLATION was reported with the bytes. */
    PEER_VIOLATION(10, "the vCPU process broke the link protocol"),
    /** The supervisor broke the protocol of its link. */
    SUPERVISOR_VIOLATION(11, "the supervisor broke the link protocol"),
    /** The control socket closed: the supervisor is gone, so is its machine. */
    SUPERVISOR_LOST(12, "the supervisor is gone"),
    /** The state segment holds what no running device can have left. */
    STATE_REJECTED(13, "the state segment was rejected"),
    /** The narrow filter could not be installed: a device never runs less jailed than its policy says. */
    JAIL_FAILED(14, "the narrow filter could not be installed"),
    /** The boot record did not come, or not complete. */
    BOOT_FAILED(15, "no usable boot record");

    private final int code;
    private final String meaning;

    ProcessExit(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    /** The meaning of an exit status, or empty where it is none of ours (a JVM that cannot start exits with 1, too). */
    public static String meaningOf(int code) {
        for (ProcessExit exit : values()) {
            if (exit.code == code && exit != EXPECTATION_FAILED) {
                return exit.meaning;
            }
        }
        return "";
    }

    /** Exit status of the process. */
    public int code() {
        return code;
    }

    /** For people. */
    public String meaning() {
        return meaning;
    }
}
