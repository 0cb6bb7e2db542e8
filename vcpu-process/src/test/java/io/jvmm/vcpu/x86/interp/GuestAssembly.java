package io.jvmm.vcpu.x86.interp;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Guest code written as text, assembled and linked to its address by binutils. */
public final class GuestAssembly {
    private GuestAssembly() {}

    /** The bytes of {@code source} (GNU syntax) linked to run at {@code address}. */
    public static byte[] assemble(String source, long address) throws IOException, InterruptedException {
        final Path directory = Files.createTempDirectory("jvmm-guest");
        try {
            Files.writeString(directory.resolve("guest.s"), source);
            run(directory, List.of("as", "--64", "-o", "guest.o", "guest.s"));
            run(
                    directory,
                    List.of(
                            "ld",
                            "-Ttext=0x" + Long.toHexString(address),
                            "-e",
                            "0",
                            "--oformat=binary",
                            "-o",
                            "guest.bin",
                            "guest.o"));
            return Files.readAllBytes(directory.resolve("guest.bin"));
        } finally {
            for (String name : List.of("guest.s", "guest.o", "guest.bin")) {
                Files.deleteIfExists(directory.resolve(name));
            }
            Files.deleteIfExists(directory);
        }
    }

    private static void run(Path directory, List<String> command) throws IOException, InterruptedException {
        final Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        final String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(command.getFirst() + " (apt-get install binutils): " + said);
        }
    }
}
