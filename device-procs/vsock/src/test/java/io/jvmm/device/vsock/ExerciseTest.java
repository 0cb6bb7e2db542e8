package io.jvmm.device.vsock;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The warm-up loads every class of the device: one that is loaded only later, behind the narrow filter, would be the end of the
 * process. It lives a training run in a process of its own and compares what that loaded with what there is.
 */
class ExerciseTest {
    /** Of a replay and of {@code --inspect}: a device process needs none of them. */
    private static final Set<String> OF_OTHER_PROGRAMS = Set.of("ReplayedHosts", "ReplayedHosts$1", "VsockFormats");

    @Test
    void nothingIsLeftToLoad() throws Exception {
        Path classes = Path.of("target", "classes").toAbsolutePath();
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xlog:class+load",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.jvmm.device.vsock.VsockMain",
                        "--train"))
                .redirectErrorStream(true)
                .start();
        String log = new String(process.getInputStream().readAllBytes(), US_ASCII);
        assertEquals(0, process.waitFor(), log);
        assertTrue(log.contains("vsock: trained"), log);
        Set<String> missing;
        try (Stream<Path> files = Files.list(classes.resolve("io/jvmm/device/vsock"))) {
            missing = files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(".class") && !name.equals("package-info.class"))
                    .map(name -> name.replace(".class", ""))
                    .filter(name -> !OF_OTHER_PROGRAMS.contains(name))
                    .map(name -> "io.jvmm.device.vsock." + name)
                    .filter(name -> !log.contains(" " + name + " "))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
        assertEquals(Set.of(), missing);
    }
}
