package io.jvmm.it;

import io.jvmm.it.rngv2.RngV2Main;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** Copies of the distribution that a running machine can take programs from; all but what differs is shared by links. */
final class SecondDistribution {
    private static final String PACKAGE = "io/jvmm/it/rngv2";

    private SecondDistribution() {}

    /** The same once more, in another place. */
    static Path copy(Path to) throws IOException, InterruptedException {
        run(List.of("cp", "-al", Distribution.home().toString(), to.toString()));
        return to;
    }

    /** One whose entropy device is of version 2. */
    static Path withSecondRng(Path to) throws IOException, InterruptedException {
        copy(to);
        Path library = to.resolve("lib/rng");
        try (OutputStream file = Files.newOutputStream(library.resolve("rng-v2.jar"));
                JarOutputStream jar = new JarOutputStream(file)) {
            for (Path c : classes()) {
                jar.putNextEntry(new JarEntry(PACKAGE + "/" + c.getFileName()));
                Files.copy(c, jar);
                jar.closeEntry();
            }
        }
        List<String> program = new ArrayList<>(Files.readAllLines(library.resolve("program")));
        program.set(0, RngV2Main.class.getName());
        program.add("rng/rng-v2.jar");
        replace(library.resolve("program"), String.join("\n", program) + "\n");
        // Made for the class path of version 1.
        Files.delete(to.resolve("aot/rng.jsa"));
        writeVersions(to, program);
        return to;
    }

    private static void writeVersions(Path home, List<String> program) throws IOException, InterruptedException {
        String classPath = String.join(
                ":",
                program.stream()
                        .skip(1)
                        .map(jar -> home.resolve("lib").resolve(jar).toString())
                        .toList());
        Process java = new ProcessBuilder(
                        home.resolve("runtime/bin/java").toString(),
                        "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath,
                        program.getFirst(),
                        "--versions")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String said = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        java.waitFor(60, TimeUnit.SECONDS);
        replace(home.resolve("lib/rng/versions"), said);
    }

    /** A new file: the old one is the other distribution's too. */
    static void replace(Path file, String text) throws IOException {
        Files.deleteIfExists(file);
        Files.writeString(file, text);
    }

    private static List<Path> classes() throws IOException {
        try {
            Path top = Path.of(RngV2Main.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            try (Stream<Path> all = Files.list(top.resolve(PACKAGE))) {
                return all.filter(f ->
                                f.toString().endsWith(".class") && !f.toString().contains("Test"))
                        .toList();
            }
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    private static void run(List<String> command) throws IOException, InterruptedException {
        int status = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (status != 0) {
            throw new IOException(command + " ended with " + status);
        }
    }
}
