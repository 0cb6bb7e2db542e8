package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import java.io.Serial;

/** A journal cannot be written, or is not what it should be: a sentence for the user's terminal, which names of files that it quotes do not steer. */
public sealed class JournalException extends Exception permits NoRoomException {
    @Serial
    private static final long serialVersionUID = 1;

    public JournalException(String message) {
        super(Visible.of(message));
    }

    public JournalException(String message, Throwable cause) {
        super(Visible.of(message), cause);
    }
}
