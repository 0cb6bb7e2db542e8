package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.ProcessExit;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Three bugs planted in the source of devices, compiled in front of the class path: each is found from the shipped seeds, made small, and happens again in a replay
 * by the device's own program, where it is the device that fails. Minutes: {@code -Djvmm.fuzz.long=true}, and {@code -Djvmm.fuzz.runs=3} for three times each.
 */
@EnabledIfSystemProperty(named = "jvmm.fuzz.long", matches = "true")
class PlantedBugsTest {
    private static final int RUNS = Integer.getInteger("jvmm.fuzz.runs", 1);

    /** What is done to which file. */
    enum Bug {
        /** Without FIFOs a second character that nobody has read is added to the first: in loop-back, or with a break of the host's. */
        SERIAL_OVERRUN(
                "serial",
                "io/jvmm/device/serial/Uart16550.java",
                "            state.dropTopReceived();\n",
                "",
                "io.jvmm.device.serial.SerialMain"),
        /** A frame for which the host has no room is forgotten: its buffer never comes back. */
        NET_FORGOTTEN_FRAME(
                "net",
                "io/jvmm/device/net/Transmitter.java",
                "                queue.unpop(chain);\n",
                "",
                "io.jvmm.device.net.NetMain"),
        /** A request that a reset has cancelled is answered all the same, when a worker is done with it. */
        BLOCK_ANSWERS_CANCELLED(
                "block",
                "io/jvmm/device/block/BlockDevice.java",
                "} else if (request.cancelled) {",
                "} else if (request.cancelled && request.lengthBytes < 0) {",
                "io.jvmm.device.block.BlockMain");

        private final String device;
        private final String file;
        private final String from;
        private final String to;
        private final String program;

        Bug(String device, String file, String from, String to, String program) {
            this.device = device;
            this.file = file;
            this.from = from;
            this.to = to;
            this.program = program;
        }
    }

    @TempDir
    Path directory;

    /** Compiles the patched source; the directory of its classes. */
    private Path plant(Bug bug) throws IOException {
        Path module = Path.of("").toAbsolutePath();
        Path source = module.resolveSibling(bug.device).resolve("src/main/java").resolve(bug.file);
        String text = Files.readString(source);
        assertTrue(text.contains(bug.from), "the place of the bug is gone from " + source);
        Path patched = directory.resolve("source").resolve(bug.file);
        Files.createDirectories(patched.getParent());
        Files.writeString(patched, text.replace(bug.from, bug.to));
        Path classes = Files.createDirectories(directory.resolve("classes"));
        JavaCompiler compiler = assertNotNullCompiler();
        assertEquals(
                0,
                compiler.run(
                        null,
                        null,
                        null,
                        "-parameters",
                        "-d",
                        classes.toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        patched.toString()));
        return classes;
    }

    private static JavaCompiler assertNotNullCompiler() {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assertNotNull(compiler, "a JDK runs the tests");
        return compiler;
    }

    private int run(Path classes, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!argument.startsWith("-agentlib") && !argument.startsWith("-javaagent")) {
                command.add(argument);
            }
        }
        command.addAll(List.of("-XX:+EnableDynamicAgentLoading", "--sun-misc-unsafe-memory-access=allow"));
        command.addAll(List.of("-cp", classes + File.pathSeparator + System.getProperty("java.class.path")));
        command.addAll(Arrays.asList(arguments));
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    private Path only(Path findings) throws IOException {
        try (Stream<Path> found = Files.list(findings)) {
            return found.filter(Files::isDirectory).findFirst().orElseThrow();
        }
    }

    @ParameterizedTest
    @EnumSource
    void isFoundMadeSmallAndLivedAgain(Bug bug) throws Exception {
        Path classes = plant(bug);
        for (int seed = 1; seed <= RUNS; seed++) {
            Path findings = directory.resolve("findings" + seed);
            long beginNs = System.nanoTime();
            int code = run(
                    classes,
                    "io.jvmm.fuzz.FuzzMain",
                    "--device",
                    bug.device,
                    "--time",
                    "10m",
                    "--jobs",
                    "2",
                    "--seed",
                    "" + seed,
                    "--findings",
                    findings.toString());
            long seconds = (System.nanoTime() - beginNs) / 1_000_000_000;
            assertEquals(FuzzMain.FOUND, code, bug + " is found within ten minutes");
            Path finding = only(findings);
            long small = Files.size(finding.resolve("input"));
            System.out.println(bug + ", seed " + seed + ": found and made small in " + seconds + " s, " + small
                    + " bytes of " + Files.size(finding.resolve("original")));
            assertTrue(small <= 200, "small: " + small + " bytes");
            int replayed = run(
                    classes,
                    bug.program,
                    "--replay",
                    finding.resolve("finding.jtrace").toString());
            assertTrue(
                    Set.of(ProcessExit.STOPPED.code(), ProcessExit.INTERNAL_ERROR.code())
                            .contains(replayed),
                    "the life is lived again, up to its bug: " + replayed);
            int again = run(
                    classes,
                    "io.jvmm.fuzz.FuzzMain",
                    "--device",
                    bug.device,
                    "--reproduce",
                    finding.resolve("input").toString());
            assertEquals(FuzzMain.FOUND, again, "the small input shows it");
            Path sound = Files.createDirectories(directory.resolve("nothing"));
            assertEquals(
                    FuzzMain.NOTHING_FOUND,
                    run(
                            sound,
                            "io.jvmm.fuzz.FuzzMain",
                            "--device",
                            bug.device,
                            "--reproduce",
                            finding.resolve("input").toString()),
                    "the shipped device does not have it");
        }
    }
}
