package io.jvmm.it;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** Programs to be put in the place of a device process: each misbehaves in its own way. They use the JDK only. */
final class RogueProgram {
    private RogueProgram() {}

    /** Says nothing, for ever. */
    static final class Silent {
        private Silent() {}

        public static void main(String[] args) {
            while (true) {
                LockSupport.park();
            }
        }
    }

    /** Fills its standard error as fast as it can, for ever. */
    static final class Babbling {
        private Babbling() {}

        public static void main(String[] args) {
            while (true) {
                System.err.println("\u001b[2J\u0007 nonsense from a rogue process ".repeat(20));
            }
        }
    }

    /** Ends at once, with a status of its own. */
    static final class Leaving {
        private Leaving() {}

        public static void main(String[] args) {
            Runtime.getRuntime().halt(77);
        }
    }

    /** Replaces the main jar of a process in a copy of the distribution. */
    static void replace(Path distribution, String jar, Class<?> program) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, program.getName());
        String entry = program.getName().replace('.', '/') + ".class";
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(distribution.resolve(jar)), manifest);
                InputStream in = Objects.requireNonNull(program.getClassLoader().getResourceAsStream(entry))) {
            out.putNextEntry(new JarEntry(entry));
            in.transferTo(out);
        }
    }
}
