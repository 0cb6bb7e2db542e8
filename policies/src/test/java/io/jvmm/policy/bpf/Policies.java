package io.jvmm.policy.bpf;

import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The policies of this source tree. */
public final class Policies {
    public static final Path SOURCES = Path.of("src/main/policy/x86_64").toAbsolutePath();

    private Policies() {}

    /** Names of all that are no fragments. */
    public static List<String> names() throws Exception {
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<Path> all =
                    files.filter(f -> f.toString().endsWith(".policy")).sorted().toList();
            return all.stream()
                    .filter(Policies::isPolicy)
                    .map(f -> String.valueOf(f.getFileName()).replace(".policy", ""))
                    .toList();
        }
    }

    public static Policy parse(String name) throws Exception {
        return PolicyParser.parse(SOURCES.resolve(name + ".policy"));
    }

    /** As the build compiled it. */
    public static BpfProgram compiled(String name) throws IOException {
        return BpfProgram.fromBytes(Files.readAllBytes(Path.of("target/policies", name + ".bpf")));
    }

    private static boolean isPolicy(Path file) {
        try {
            return !PolicyParser.isFragment(file);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
