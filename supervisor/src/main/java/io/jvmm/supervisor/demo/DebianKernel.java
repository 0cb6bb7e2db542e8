package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Debian's stock kernel for virtual machines, a real guest that nobody here wrote. It comes from wherever apt on this
 * machine gets its packages, with {@code apt-get download}, which needs no privilege and installs nothing, and is kept in
 * a cache directory.
 */
public final class DebianKernel {
    /** Depends on the kernel of the day, which has its version in its name. */
    private static final String META_PACKAGE = "linux-image-cloud-amd64";

    private static final String DEPENDS = "Depends:";
    private static final long PATIENCE_S = 300;

    private final Path cache;
    private final List<String> aptOptions;

    /** Kernels kept in {@code cache}. */
    public DebianKernel(Path cache) {
        this(cache, List.of());
    }

    DebianKernel(Path cache, List<String> aptOptions) {
        this.cache = cache;
        this.aptOptions = aptOptions;
    }

    /** {@code $XDG_CACHE_HOME/jvmm}, by default {@code ~/.cache/jvmm} (XDG base directory specification). */
    public static Path standardCache(Map<String, String> environment) {
        String base = environment.getOrDefault("XDG_CACHE_HOME", "");
        if (!base.startsWith("/")) {
            base = environment.getOrDefault("HOME", "/tmp") + "/.cache";
        }
        return Path.of(base, "jvmm");
    }

    /**
     * The kernel image (a bzImage), downloaded unless it is in the cache.
     *
     * @throws IOException with one line that says what to do: apt is missing, has no package lists, or cannot download
     */
    public Path vmlinuz() throws IOException {
        String packageName = currentPackage();
        Path directory = cache.resolve(packageName);
        Path image = directory.resolve("vmlinuz");
        if (Files.isRegularFile(image)) {
            return image;
        }
        Files.createDirectories(cache);
        Path scratch = Files.createTempDirectory(cache, "fetch-");
        try {
            run(scratch, withOptions("apt-get", "-q", "download", packageName));
            Path archive = only(scratch, packageName, ".deb");
            run(scratch, List.of("dpkg-deb", "-x", archive.toString(), "tree"));
            Path unpacked = only(scratch.resolve("tree/boot"), "vmlinuz-", "");
            Files.createDirectories(directory);
            // A rename within the cache: whoever looks sees a whole image or none.
            Files.move(unpacked, image, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            delete(scratch);
        }
        return image;
    }

    private String currentPackage() throws IOException {
        String answer = run(Path.of("/"), withOptions("apt-cache", "depends", "--important", META_PACKAGE));
        return answer.lines()
                .map(String::strip)
                .filter(line -> line.startsWith(DEPENDS))
                .map(line -> line.substring(DEPENDS.length()).strip())
                .findFirst()
                .orElseThrow(DebianKernel::noLists);
    }

    private static IOException noLists() {
        return new IOException(
                "apt knows no package " + META_PACKAGE + ". Fetch the package lists: sudo apt-get update");
    }

    private List<String> withOptions(String... command) {
        List<String> all = new ArrayList<>();
        all.add(command[0]);
        all.addAll(aptOptions);
        all.addAll(List.of(command).subList(1, command.length));
        return all;
    }

    private static String run(Path directory, List<String> command) throws IOException {
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
            builder.redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
            builder.environment().put("LC_ALL", "C");
            process = builder.start();
        } catch (IOException e) {
            throw new IOException(command.get(0) + " is not here: this needs Debian or a relative of it", e);
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(String.join(" ", command) + " took longer than " + PATIENCE_S + " s");
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (process.exitValue() != 0) {
            if (output.contains("No packages found") || output.contains("Unable to locate package")) {
                throw noLists();
            }
            String last = output.strip().lines().reduce("", (a, b) -> b);
            throw new IOException(
                    String.join(" ", command) + ": " + last + ". Old package lists? Renew them: sudo apt-get update");
        }
        return output;
    }

    private static Path only(Path directory, String prefix, String suffix) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            Optional<Path> found = entries.filter(p -> {
                        String name = p.getFileName().toString();
                        return name.startsWith(prefix) && name.endsWith(suffix);
                    })
                    .findFirst();
            return found.orElseThrow(() -> new IOException(directory + " holds no " + prefix + "*" + suffix));
        }
    }

    private static void delete(Path tree) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(tree)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.deleteIfExists(path);
        }
    }

    /** Prints where the kernel is; with an argument, makes that a symbolic link to it. */
    static void main(String[] args) {
        try {
            Path image = new DebianKernel(standardCache(System.getenv())).vmlinuz();
            if (args.length > 0) {
                Files.createSymbolicLink(Path.of(args[0]), image);
            }
            System.out.println(image);
        } catch (FileAlreadyExistsException e) {
            System.err.println(e.getFile() + " exists already");
            System.exit(2);
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(3);
        }
    }
}
