package io.jvmm.supervisor.launch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The program of a class of devices, from what the build has written down. There is no {@code -jar}, because the own jar would come first on the class path
 * and the archive that all classes share would not fit; so what the manifest would say of modules is said here.
 *
 * @param jars of its class path, below the distribution's {@code lib}
 */
public record DeviceProgram(String mainClass, List<String> jars) {
    /** Of a distribution's {@code lib/CLASS/program}. */
    public static DeviceProgram read(Path program) throws IOException {
        List<String> lines = Files.readAllLines(program);
        if (lines.isEmpty()) {
            throw new IOException(program + " is empty");
        }
        return new DeviceProgram(lines.getFirst(), List.copyOf(lines.subList(1, lines.size())));
    }

    /**
     * The end of Java's command line; the program's own words come behind it.
     *
     * @param library where the process finds the distribution's {@code lib}
     */
    public List<String> command(String library) {
        return List.of(
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                jars.stream().map(jar -> library + "/" + jar).collect(Collectors.joining(":")),
                mainClass);
    }
}
