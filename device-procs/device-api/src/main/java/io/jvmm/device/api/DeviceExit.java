package io.jvmm.device.api;

/**
 * How a device process ends. The supervisor reads the exit status; the constants' names are what it prints. A death by
 * signal has no code of ours: SIGSYS is the narrow filter's verdict, SIGKILL the supervisor's or the kernel's.
 */
public enum DeviceExit {
    /** Told to stop; the state is committed. */
    STOPPED(0, "stopped on request"),
    /** {@code expect} in a script was not met. */
    EXPECTATION_FAILED(1, "the script expected something else"),
    /** A wrong command line, configuration record or script; the message names it and the cure. */
    BAD_CONFIGURATION(2, "bad configuration"),
    /** The host refused something the process needs. */
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

    DeviceExit(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
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
