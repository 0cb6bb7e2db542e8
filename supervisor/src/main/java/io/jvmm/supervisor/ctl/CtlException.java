package io.jvmm.supervisor.ctl;

/** What was asked for cannot be done, with the exit status that says so and a message that names the cure. */
final class CtlException extends Exception {
    private static final long serialVersionUID = 1L;

    private final CtlExit exit;

    CtlException(CtlExit exit, String message) {
        super(message);
        this.exit = exit;
    }

    CtlException(CtlExit exit, String message, Throwable cause) {
        super(message, cause);
        this.exit = exit;
    }

    CtlExit exit() {
        return exit;
    }
}
