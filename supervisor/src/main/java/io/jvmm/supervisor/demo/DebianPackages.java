package io.jvmm.supervisor.demo;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Files out of Debian packages, from wherever apt on this machine gets its packages, with {@code apt-get download}: that needs no privilege and
 * installs nothing. A file is kept in a cache directory under its package and version, so it is fetched once.
 */
public final class DebianPackages {
    private static final String PACKAGE = "Package:";
    private static final String DEPENDS = "Depends:";
    private static final Pattern EXACTLY = Pattern.compile("([^ ]+) \\(= ([^)]+)\\)");
    private static final String VERSION = "Version:";
    private static final long PATIENCE_S = 300;

    private final Path cache;
    private final String aptCache;
    private final List<String> aptOptions;
    private final Consumer<String> progress;

    /** What apt has said of packages. */
    private final Map<String, String> stanzas = new HashMap<>();

    /** Exact versions that a package depends on. */
    private final Map<String, String> versions = new HashMap<>();

    /**
     * Packages kept in {@code cache}.
     *
     * @param progress told in a line what is about to take time
     */
    public DebianPackages(Path cache, Consumer<String> progress) {
        this(cache, List.of(), progress);
    }

    DebianPackages(Path cache, List<String> aptOptions, Consumer<String> progress) {
        this(cache, "apt-cache", aptOptions, progress);
    }

    /** With another program in the place of apt-cache. */
    DebianPackages(Path cache, String aptCache, List<String> aptOptions, Consumer<String> progress) {
        this.cache = cache;
        this.aptCache = aptCache;
        this.aptOptions = aptOptions;
        this.progress = progress;
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
     * The one file of package {@code name} whose path begins with {@code prefix}.
     *
     * @param prefix from the root, without a leading slash: {@code boot/vmlinuz-}
     * @param kept the name under which it is kept
     * @throws IOException with one line that says what to do: apt is missing, has no package lists, or cannot download
     */
    public Path file(String name, String prefix, String kept) throws IOException {
        Path directory = cache.resolve(name + "_" + version(name).replaceAll("[^A-Za-z0-9.+~-]", "_"));
        Path file = directory.resolve(kept);
        if (Files.isRegularFile(file)) {
            return file;
        }
        Path scratch = scratch();
        progress.accept("fetching " + name + " with apt (once; kept in " + cache + ")");
        try {
            run(scratch, withOptions("apt-get", "-q", "download", name));
            Path archive = only(scratch, name + "_", ".deb");
            run(scratch, List.of("dpkg-deb", "-x", archive.toString(), "tree"));
            Path wanted = scratch.resolve("tree").resolve(prefix);
            Path unpacked = only(wanted.resolveSibling("."), String.valueOf(wanted.getFileName()), "");
            makeDirectory(directory);
            // A rename within the cache: whoever looks sees a whole file or none.
            Files.move(unpacked, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            delete(scratch);
        }
        return file;
    }

    private Path scratch() throws IOException {
        try {
            Files.createDirectories(cache);
            return Files.createTempDirectory(cache, "fetch-");
        } catch (IOException e) {
            throw new IOException(
                    "nothing can be kept in " + cache + ". Name a directory of yours: export XDG_CACHE_HOME=/tmp/cache",
                    e);
        }
    }

    /** The package that meta package {@code name} stands for today: the first it depends on. */
    public String behind(String name) throws IOException {
        String first =
                field(stanza(name), DEPENDS).orElseThrow(() -> unknown(name)).split(",", 2)[0];
        Matcher exact = EXACTLY.matcher(first);
        if (exact.find()) {
            versions.put(exact.group(1), exact.group(2));
        }
        return first.strip().split(" ", 2)[0];
    }

    /** Asks about several packages at once: apt takes a second or two to answer whatever the question. */
    public void lookUp(String... names) throws IOException {
        List<String> command = withOptions(aptCache, "show", "--no-all-versions");
        command.addAll(List.of(names));
        for (String stanza : run(Path.of("/"), command).split("\n\n+", -1)) {
            field(stanza, PACKAGE).ifPresent(name -> stanzas.putIfAbsent(name, stanza));
        }
    }

    private String stanza(String name) throws IOException {
        if (!stanzas.containsKey(name)) {
            lookUp(name);
        }
        return stanzas.getOrDefault(name, "");
    }

    private String version(String name) throws IOException {
        String known = versions.get(name);
        return known != null ? known : field(stanza(name), VERSION).orElseThrow(() -> unknown(name));
    }

    private static Optional<String> field(String answer, String label) {
        return answer.lines()
                .filter(line -> line.startsWith(label))
                .map(line -> line.substring(label.length()).strip())
                .findFirst();
    }

    private static IOException unknown(String name) {
        return new IOException("apt knows no package " + name + ". Fetch the package lists: sudo apt-get update");
    }

    private static void makeDirectory(Path directory) throws IOException {
        try {
            Files.createDirectory(directory);
        } catch (FileAlreadyExistsException e) {
            // Somebody fetches the same at the same time; the rename that follows settles it.
            return;
        }
    }

    private List<String> withOptions(String... command) {
        List<String> all = new ArrayList<>();
        all.add(command[0]);
        all.addAll(aptOptions);
        all.addAll(List.of(command).subList(1, command.length));
        return all;
    }

    private static String run(Path directory, List<String> command) throws IOException {
        Path said = Files.createTempFile("jvmm-apt-", ".txt");
        try {
            return run(directory, command, said);
        } finally {
            Files.delete(said);
        }
    }

    /** What it says goes to a file: whoever read it from a pipe would wait for as long as the command likes. */
    private static String run(Path directory, List<String> command, Path said) throws IOException {
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
            builder.redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectOutput(said.toFile());
            builder.environment().put("LC_ALL", "C");
            process = builder.start();
        } catch (IOException e) {
            throw new IOException(command.get(0) + " is not here: this needs Debian or a relative of it", e);
        }
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
        String output = new String(Files.readAllBytes(said), StandardCharsets.UTF_8);
        if (process.exitValue() != 0) {
            if (output.contains("No packages found") || output.contains("Unable to locate package")) {
                throw unknown(command.getLast());
            }
            String last = output.strip().lines().reduce("(it said nothing)", (a, b) -> b);
            String cure = output.contains("No space left on device")
                    ? "Make room in " + directory + ": some 100 MB"
                    : "Old package lists? Renew them: sudo apt-get update";
            throw new IOException(String.join(" ", command) + ": " + last + ". " + cure);
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
}
