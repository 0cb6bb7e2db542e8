package io.jvmm.it;

import io.jvmm.device.api.HostileDevice;
import io.jvmm.ipc.hostile.HostilePeer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/**
 * A copy of the distribution in which a device's program is {@link HostileDevice}, the real device and an intruder in it, or the vCPU process's
 * is {@link HostileVcpu}.
 */
final class HostileDistribution {
    private static final String JAR = "jvmm-hostile.jar";
    private static final String ORDERS = "hostile.properties";

    private final Path home;

    HostileDistribution(Path directory) throws IOException, InterruptedException {
        home = BrokenDistribution.copy(directory.resolve("dist"));
    }

    Path home() {
        return home;
    }

    /**
     * Puts the intruder into a device's program.
     *
     * @param process {@code rng}
     * @param factory the class of the device
     * @param orders lines of {@code hostile.properties} beside that of the factory
     */
    void takeOver(String process, String factory, String... orders) throws IOException, URISyntaxException {
        Path library = home.resolve("lib").resolve(process);
        try (OutputStream file = Files.newOutputStream(library.resolve(JAR));
                JarOutputStream jar = new JarOutputStream(file)) {
            for (Class<?> of : List.of(HostileDevice.class, HostilePeer.class)) {
                copyPackage(of, jar);
            }
            jar.putNextEntry(new JarEntry(ORDERS));
            jar.write(
                    ("factory=" + factory + "\n" + String.join("\n", orders) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        Path program = library.resolve("program");
        List<String> lines = Files.readAllLines(program);
        Files.writeString(
                program,
                HostileDevice.class.getName() + "\n"
                        + String.join(
                                "\n",
                                lines.stream()
                                        .skip(1)
                                        .filter(l -> !l.endsWith(JAR))
                                        .toList())
                        + "\n" + process + "/" + JAR + "\n");
        // The archives of classes still fit: their class path is the beginning of this one.
    }

    /**
     * Puts {@link HostileVcpu} in the place of the vCPU process's program.
     *
     * @param orders lines of {@code hostile.properties}
     */
    void takeOverVcpu(String... orders) throws IOException, URISyntaxException {
        Path program = home.resolve("lib/vcpu/jvmm-vcpu.jar");
        Manifest manifest;
        try (JarFile real = new JarFile(program.toFile())) {
            manifest = real.getManifest();
        }
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, HostileVcpu.class.getName());
        try (OutputStream file = Files.newOutputStream(program);
                JarOutputStream jar = new JarOutputStream(file, manifest)) {
            copyPackage(HostileVcpu.class, jar);
            copyPackage(HostilePeer.class, jar);
            jar.putNextEntry(new JarEntry(ORDERS));
            jar.write((String.join("\n", orders) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        // Their classes are those of the program that was there.
        Files.writeString(home.resolve("aot/vcpu.aot"), "");
        Files.writeString(home.resolve("aot/vcpu-x86.aot"), "");
    }

    /** What the intruder needs, and nothing that only tests need. */
    private static void copyPackage(Class<?> of, JarOutputStream jar) throws IOException, URISyntaxException {
        Path place =
                Path.of(of.getProtectionDomain().getCodeSource().getLocation().toURI());
        String directory = of.getPackageName().replace('.', '/');
        if (Files.isDirectory(place)) {
            copy(place.resolve(directory), directory, jar);
        } else {
            try (FileSystem inside = FileSystems.newFileSystem(place)) {
                copy(inside.getPath("/" + directory), directory, jar);
            }
        }
    }

    private static void copy(Path from, String directory, JarOutputStream jar) throws IOException {
        List<Path> classes;
        try (Stream<Path> all = Files.list(from)) {
            classes = all.filter(f -> String.valueOf(f.getFileName())
                            .matches("(Hostile(Device|Deeds|Factory|Brake|Peer|Vcpu)|Lie)(\\$.*)?\\.class"))
                    .toList();
        }
        for (Path file : classes) {
            jar.putNextEntry(new JarEntry(directory + "/" + file.getFileName()));
            Files.copy(file, jar);
        }
    }
}
