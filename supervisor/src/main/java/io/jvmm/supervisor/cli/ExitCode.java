package io.jvmm.supervisor.cli;

import io.jvmm.ipc.boot.ProcessExit;

/**
 * What the exit status of {@code jvmm-supervisor} says, one meaning a number; those it shares with its processes are theirs. After
 * {@code --exec} it is the command's, if that has ended.
 */
public enum ExitCode {
    /** All went as asked: the guest powered off, reset with {@code on_reset = "exit"}, was ended by the escape key; or the question asked had a good answer. */
    DONE(
            0,
            "the guest powered off, reset (with on_reset = \"exit\") or was ended by the escape key; or --check found no fault"),
    /** The guest's fault: a triple fault, or an instruction that the engine cannot run. */
    GUEST_CRASHED(1, "the guest crashed"),
    /** The command line or the configuration: nothing was started. */
    CONFIGURATION(
            ProcessExit.BAD_CONFIGURATION.code(),
            "the command line or the configuration is wrong; nothing was started"),
    /** The host lacks something: no /dev/kvm, no user namespaces, not enough memory or uids. The message names the cure. */
    HOST(
            ProcessExit.HOST_ERROR.code(),
            "the host lacks something; the message says what, and the command that mends it"),
    /** Our fault: a process of the machine died or never became ready, broke the protocol, or the supervisor has a bug. */
    INTERNAL(
            ProcessExit.INTERNAL_ERROR.code(),
            "a process of the machine died, hung or broke the protocol, or the supervisor has a bug"),
    /** The guest was cut off: it did not heed the power button in time, or a second SIGINT said not to wait. */
    KILLED(5, "the machine was killed: no answer to the power button in time, or a second SIGINT");

    private final int status;
    private final String meaning;

    ExitCode(int status, String meaning) {
        this.status = status;
        this.meaning = meaning;
    }

    public int status() {
        return status;
    }

    public String meaning() {
        return meaning;
    }
}
