package io.jvmm.supervisor.upgrade;

/** A directory is no distribution that a running machine can take a program from; the message says why, and the cure. */
public final class UnfitException extends Exception {
    private static final long serialVersionUID = 1L;

    UnfitException(String message) {
        super(message);
    }

    UnfitException(String message, Throwable cause) {
        super(message, cause);
    }
}
