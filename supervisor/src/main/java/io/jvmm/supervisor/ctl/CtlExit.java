package io.jvmm.supervisor.ctl;

/** The exit status of {@code jvmmctl}. */
enum CtlExit {
    DONE(0, "it has been done, or told"),
    REFUSED(1, "the machine did not do it, and has not changed"),
    USAGE(2, "the command line is wrong"),
    NO_MACHINE(3, "there is no such machine, or it cannot be reached"),
    NO_ANSWER(4, "the machine's answer did not come in time, or is none"),
    NO_OUTPUT(5, "it has been done, and standard output took no word of it");

    private final int status;
    private final String meaning;

    CtlExit(int status, String meaning) {
        this.status = status;
        this.meaning = meaning;
    }

    int status() {
        return status;
    }

    String meaning() {
        return meaning;
    }
}
