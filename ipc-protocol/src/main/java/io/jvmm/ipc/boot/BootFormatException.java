package io.jvmm.ipc.boot;

/** What arrived on a control socket is no boot record, or ended early: the message says what is wrong. */
public final class BootFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean end;

    BootFormatException(String message) {
        this(message, false);
    }

    private BootFormatException(String message, boolean end) {
        super(message);
        this.end = end;
    }

    /** The other end has closed. */
    static BootFormatException end(String message) {
        return new BootFormatException(message, true);
    }

    BootFormatException(String message, Throwable cause) {
        super(message, cause);
        this.end = false;
    }

    /** Whether nothing is wrong but that the other end has closed. */
    public boolean isEnd() {
        return end;
    }
}
