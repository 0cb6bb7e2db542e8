package io.jvmm.fuzz.engine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/**
 * What is kept of a finding, in a directory of its own: {@code input} (the smallest that shows it), {@code original}, {@code finding.txt} (the error and what the input
 * means), for a device {@code finding.jtrace}, which the device's own program plays, and
 * {@code FindingTest.java}, a test that keeps it.
 */
public final class Finding {
    private static final int NAME_LENGTH = 12;

    private final String target;
    private final byte[] original;
    private final byte[] input;
    private final Throwable error;

    public Finding(String target, byte[] original, byte[] input, Throwable error) {
        this.target = target;
        this.original = original;
        this.input = input;
        this.error = error;
    }

    /** Writes it; where to. */
    public Path save(FuzzTarget made, Path directory) throws IOException {
        Path own = directory.resolve(target + "-"
                + Corpus.name(Signature.of(error).toString().getBytes(java.nio.charset.StandardCharsets.UTF_8))
                        .substring(0, NAME_LENGTH));
        Files.createDirectories(own);
        Files.write(own.resolve("input"), input);
        Files.write(own.resolve("original"), original);
        Files.write(own.resolve("finding.txt"), text(made.describe(input)));
        Files.writeString(own.resolve("FindingTest.java"), test());
        made.keep(input, own);
        return own;
    }

    private List<String> text(List<String> described) {
        StringWriter trace = new StringWriter();
        error.printStackTrace(new PrintWriter(trace));
        List<String> lines = new java.util.ArrayList<>();
        lines.add("target " + target + ", " + input.length + " bytes of " + original.length);
        lines.addAll(described);
        lines.add("");
        lines.addAll(trace.toString().lines().toList());
        return lines;
    }

    private String test() {
        return """
                package io.jvmm.fuzz;

                import java.util.HexFormat;
                import org.junit.jupiter.api.Test;

                /** Found by jvmm-fuzz: %s */
                class FindingTest {

                    @Test
                    void doesNotHappenAgain() throws Exception {
                        Targets.named("%s").make().run(HexFormat.of().parseHex("%s"));
                    }
                }
                """.formatted(
                        String.valueOf(error).lines().findFirst().orElse("").replace("*/", "* /"),
                        target,
                        HexFormat.of().formatHex(input));
    }
}
