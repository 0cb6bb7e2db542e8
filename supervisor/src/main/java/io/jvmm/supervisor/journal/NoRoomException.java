package io.jvmm.supervisor.journal;

import java.io.Serial;

/** The disk has no room for what is to be written next. Nothing of it has been written: it can be tried again. */
final class NoRoomException extends JournalException {
    @Serial
    private static final long serialVersionUID = 1;

    NoRoomException(String message) {
        super(message);
    }
}
