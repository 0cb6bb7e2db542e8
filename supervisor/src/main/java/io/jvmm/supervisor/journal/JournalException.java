package io.jvmm.supervisor.journal;

import java.io.Serial;

/** A journal cannot be written, or is not what it should be: a sentence for the user. */
public sealed class JournalException extends Exception permits NoRoomException {
    @Serial
    private static final long serialVersionUID = 1;

    public JournalException(String message) {
        super(message);
    }

    public JournalException(String message, Throwable cause) {
        super(message, cause);
    }
}
