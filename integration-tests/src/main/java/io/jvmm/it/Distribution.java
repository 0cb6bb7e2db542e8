package io.jvmm.it;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Where the built distribution is. */
public final class Distribution {
    private Distribution() {}

    /** The one that this build has assembled, or the one that the system property {@code jvmm.dist} names. */
    public static Path home() {
        String named = System.getProperty("jvmm.dist");
        Path home = named != null ? Path.of(named) : sourceTree().resolve("supervisor/target/jvmm");
        if (!Files.exists(home.resolve("complete"))) {
            throw new IllegalStateException("no distribution in " + home + "; build it: mvn -DskipTests package");
        }
        return home;
    }

    /** The top of the source tree that the current directory is in. */
    public static Path sourceTree() {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(at.resolve("ipc-protocol"))) {
            at = Objects.requireNonNull(at.getParent(), "run this inside the source tree");
        }
        return at;
    }
}
