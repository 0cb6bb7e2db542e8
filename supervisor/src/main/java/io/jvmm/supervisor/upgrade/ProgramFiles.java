package io.jvmm.supervisor.upgrade;

import io.jvmm.policy.bpf.BpfProgram;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/**
 * Whether what a device program is made of is as a build leaves it: the jars of its class path and its filters. A copy that was cut short
 * would otherwise come up as a process that ends with words of the Java runtime's, or the kernel's, which name no file.
 */
final class ProgramFiles {
    private static final int LONGEST_FILTER = 8 * 4096;
    private static final int LONGEST_PROGRAM = 65_536;

    private ProgramFiles() {}

    static void check(Path home, String process) throws UnfitException {
        Path program = home.resolve("lib").resolve(process).resolve("program");
        List<String> lines = new String(bytes(program, LONGEST_PROGRAM), StandardCharsets.UTF_8)
                .lines()
                .toList();
        if (lines.size() < 2 || lines.stream().anyMatch(String::isBlank)) {
            throw damaged(program, "it does not name a class and the jars of its class path");
        }
        for (String jar : lines.subList(1, lines.size())) {
            checkJar(home.resolve("lib").resolve(jar));
        }
        Path policies = home.resolve("policies");
        for (String filter : List.of("wide.bpf", process + ".bpf", "standby.bpf")) {
            if (!filter.startsWith("standby") || Files.exists(policies.resolve(filter))) {
                checkFilter(policies.resolve(filter));
            }
        }
    }

    /** Its directory is there, and what every entry holds is what it says. */
    private static void checkJar(Path jar) throws UnfitException {
        try (ZipFile directory = new ZipFile(jar.toFile());
                ZipInputStream entries = new ZipInputStream(Files.newInputStream(jar))) {
            int read = 0;
            while (entries.getNextEntry() != null) {
                entries.transferTo(OutputStream.nullOutputStream());
                read++;
            }
            if (read != directory.size()) {
                throw damaged(jar, "it has " + read + " entries of " + directory.size());
            }
        } catch (IOException | IllegalArgumentException e) {
            throw damaged(jar, String.valueOf(e.getMessage()));
        }
    }

    private static void checkFilter(Path filter) throws UnfitException {
        try {
            var _ = BpfProgram.fromBytes(bytes(filter, LONGEST_FILTER));
        } catch (IllegalArgumentException e) {
            throw damaged(filter, String.valueOf(e.getMessage()));
        }
    }

    private static byte[] bytes(Path file, int longest) throws UnfitException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(longest + 1);
            if (bytes.length > longest) {
                throw damaged(file, "it is longer than any");
            }
            return bytes;
        } catch (IOException e) {
            throw damaged(file, String.valueOf(e.getMessage()));
        }
    }

    private static UnfitException damaged(Path file, String why) {
        return new UnfitException(file + " is missing or damaged: " + why + ". Copy or build the distribution anew.");
    }
}
