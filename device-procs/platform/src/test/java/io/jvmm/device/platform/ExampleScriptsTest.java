package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program itself, with its launch file, under the scripted peer: the examples of the README keep what they say. */
class ExampleScriptsTest {
    private static final int TIMEOUT_SECONDS = 60;

    @ParameterizedTest
    @ValueSource(strings = {"clock", "keyboard", "power"})
    void exampleHolds(String name) throws Exception {
        Finished finished = run("examples/" + name + ".script", "");
        assertEquals(0, finished.exitCode, finished.output);
    }

    @Test
    void aWrongExpectationIsLocatedAndGivesExitCode1() throws Exception {
        Finished finished = run("-", "out 64 aa\nin 60\nexpect 54\n");
        assertEquals(1, finished.exitCode, finished.output);
        assertTrue(finished.output.contains("-:3: port 60 gave 55, expected 54"), finished.output);
    }

    private record Finished(int exitCode, String output) {}

    private static Finished run(String script, String input) throws IOException, InterruptedException {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", ""));
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/launch/platform.launch",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                PlatformMain.class.getName(),
                "--script",
                script);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            process.getOutputStream().write(input.getBytes(StandardCharsets.ISO_8859_1));
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "still running: " + output);
            return new Finished(process.exitValue(), output);
        } finally {
            process.destroyForcibly();
        }
    }
}
