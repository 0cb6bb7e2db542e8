package io.jvmm.ipc;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Runs the jcstress tests of this module ({@code LinkStress}, {@code StateStress}) for a short while: one flavour of VM,
 * a fraction of a second each. README.md has the command for the long run, which is the one to use after a change of
 * what processes share.
 */
class ConcurrencyTest {
    private static final String JVM_ARGUMENTS =
            "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC";

    @Test
    void noForbiddenOutcome() throws IOException, InterruptedException {
        Path results = Path.of("target", "jcstress");
        Files.createDirectories(results);
        Path output = results.resolve("output.txt");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "org.openjdk.jcstress.Main",
                        "-v",
                        "-f",
                        "1",
                        "-fsm",
                        "1",
                        "-iters",
                        "1",
                        "-time",
                        "200",
                        "-sc",
                        "false",
                        "-r",
                        ".",
                        "-jvmArgs",
                        JVM_ARGUMENTS))
                .directory(results.toFile()) // it leaves a file in its working directory
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertTrue(process.waitFor(5, TimeUnit.MINUTES), "jcstress did not end; see " + output);
        } finally {
            process.destroyForcibly();
        }
        String text = Files.readString(output);
        assertTrue(text.contains("Failed tests: No matches."), text);
        assertTrue(text.contains("Error tests: No matches."), text);
        assertTrue(text.contains("[OK] io.jvmm.ipc.link.LinkStress.DoorbellSleep"), text);
        assertTrue(text.contains("[OK] io.jvmm.ipc.state.StateStress.SlotBeforeSequence"), text);
    }
}
