package io.jvmm.supervisor.journal;

import io.jvmm.ipc.message.Visible;
import java.io.IOException;
import java.io.Serial;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.util.Map;

/** A journal cannot be written, or is not what it should be: a sentence for the user's terminal, which names of files that it quotes do not steer. */
public sealed class JournalException extends Exception permits NoRoomException {
    @Serial
    private static final long serialVersionUID = 1;

    /** By the names of their exceptions. */
    private static final Map<String, String> REASONS = Map.of(
            "NoSuchFile", "there is no such file or directory",
            "AccessDenied", "permission denied",
            "FileAlreadyExists", "it exists already");

    public JournalException(String message) {
        super(Visible.of(message));
    }

    public JournalException(String message, Throwable cause) {
        super(Visible.of(message), cause);
    }

    /**
     * Why a file cannot be used: of that Java's exceptions often say the name alone, where the reason is their class. In the recorder, too, whose
     * filter is closed: no {@code switch} over types, which makes classes.
     */
    static String reason(Exception e) {
        Exception why = e instanceof UncheckedIOException && e.getCause() instanceof IOException cause ? cause : e;
        if (why instanceof FileSystemException of && of.getReason() == null) {
            String name = of.getClass().getSimpleName().replace("Exception", "");
            return of.getFile() + ": " + REASONS.getOrDefault(name, name);
        }
        return String.valueOf(why.getMessage());
    }
}
