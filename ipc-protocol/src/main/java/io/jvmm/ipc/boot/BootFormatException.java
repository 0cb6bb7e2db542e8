package io.jvmm.ipc.boot;

/** What arrived on a control socket is no boot record, or ended early: the message says what is wrong. */
public final class BootFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BootFormatException(String message) {
        super(message);
    }

    BootFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
