package io.jvmm.supervisor.journal;

import java.io.Serial;

/** A journal cannot be written, or is not what it should be: a sentence for the user. */
public final class JournalException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    public JournalException(String message) {
        super(message);
    }

    public JournalException(String message, Throwable cause) {
        super(message, cause);
    }
}
