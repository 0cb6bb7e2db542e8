package io.jvmm.policy.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file or directory of the host that appears in the jail, read-only but for a {@link Kind#STORE}, without devices and set-uid.
 *
 * @param source absolute path on the host, links resolved
 * @param target absolute path in the jail
 * @param kind what may be done with it
 * @param directory whether the source is a directory
 */
public record Bind(Path source, String target, Kind kind, boolean directory) {
    /** What may be done with a bound file. */
    public enum Kind {
        /** Read. Cannot be executed or mapped as code. */
        DATA,
        /** Read and mapped as code (libraries, a runtime image). execve is refused by Landlock. */
        CODE,
        /** As CODE, and execve may start it (the dynamic loader). */
        PROGRAM,
        /** A directory in which files and directories are made, written, renamed and removed; nothing else, no code, no links. */
        STORE
    }

    public Bind {
        if (!source.isAbsolute()) {
            throw new IllegalArgumentException("bind source " + source + " is not absolute");
        }
        if (kind == Kind.STORE && !directory) {
            throw new IllegalArgumentException("bind source " + source + " is a store and no directory");
        }
        if (!target.startsWith("/") || target.endsWith("/") || target.contains("//") || target.contains("/.")) {
            throw new IllegalArgumentException("bind target " + target + " is not a plain absolute path");
        }
    }

    /** Looks at the source: it must exist. */
    public static Bind of(Path source, String target, Kind kind) throws IOException {
        Path real = source.toRealPath();
        return new Bind(real, target, kind, Files.isDirectory(real));
    }
}
