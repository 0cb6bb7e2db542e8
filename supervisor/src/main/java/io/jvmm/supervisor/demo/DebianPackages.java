package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
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
    private static final Pattern ALTERNATIVE = Pattern.compile("([a-z0-9][a-z0-9+.-]+)");
    private static final String PRE_DEPENDS = "Pre-Depends:";
    private static final int LONGEST_CLOSURE = 200;

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

    /** Makes something of unpacked packages. */
    interface Maker {
        /**
         * Makes it.
         *
         * @param tree what the packages hold
         * @param result does not exist yet, in a directory that may be used otherwise
         */
        void make(Path tree, Path result) throws IOException;
    }

    /**
     * The one file of package {@code name} whose path begins with {@code prefix}.
     *
     * @param prefix from the root, without a leading slash: {@code boot/vmlinuz-}
     * @param kept the name under which it is kept
     * @throws IOException with one line that says what to do: apt is missing, has no package lists, or cannot download
     */
    public Path file(String name, String prefix, String kept) throws IOException {
        return made(List.of(name), name + "_" + version(name), kept, (tree, result) -> {
            Path wanted = tree.resolve(prefix);
            Files.move(only(wanted.resolveSibling("."), String.valueOf(wanted.getFileName()), ""), result);
        });
    }

    /** What {@code maker} makes of one package, made once for each version of it. */
    Path made(String name, String kept, Maker maker) throws IOException {
        return made(List.of(name), name + "_" + version(name), kept, maker);
    }

    /**
     * What {@code maker} makes of packages and of all they depend on, made once for each set of versions.
     *
     * @param without packages that are left out, and with them what only they depend on
     * @param recipe changes when {@code maker} does
     */
    Path made(String title, List<String> names, Set<String> without, String recipe, String kept, Maker maker)
            throws IOException {
        List<String> all = closure(names, without);
        StringBuilder versions = new StringBuilder(recipe);
        for (String name : all) {
            versions.append(name).append(' ').append(version(name)).append('\n');
        }
        String digest = UUID.nameUUIDFromBytes(versions.toString().getBytes(StandardCharsets.UTF_8))
                .toString();
        return made(all, title + "_" + digest, kept, maker);
    }

    private Path made(List<String> names, String place, String kept, Maker maker) throws IOException {
        Path directory = cache.resolve(place.replaceAll("[^A-Za-z0-9.+~_-]", "_"));
        Path file = directory.resolve(kept);
        if (Files.exists(file)) {
            return file;
        }
        Path scratch = scratch();
        progress.accept("fetching " + (names.size() == 1 ? names.getFirst() : names.size() + " packages")
                + " with apt (once; kept in " + cache + ")");
        try {
            List<String> download = withOptions("apt-get", "-q", "download");
            download.addAll(names);
            run(scratch, download);
            Path tree = Files.createDirectory(scratch.resolve("tree"));
            for (String name : names) {
                unpack(only(scratch, name + "_", ".deb"), tree);
            }
            maker.make(tree, scratch.resolve("result"));
            makeDirectory(directory);
            // A rename within the cache: whoever looks sees a whole file or none.
            Files.move(scratch.resolve("result"), file, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            // Somebody made the same directory at the same time; the kernel says so in several ways.
            if (!Files.exists(file)) {
                throw e;
            }
        } finally {
            delete(scratch);
        }
        return file;
    }

    /** As dpkg does it: a directory of the archive goes where a link to a directory stands. */
    private static void unpack(Path archive, Path tree) throws IOException {
        HostCommand.check(
                tree,
                List.of(
                        "sh",
                        "-c",
                        "dpkg-deb --fsys-tarfile \"$1\" | tar -x --keep-directory-symlink --no-same-owner",
                        "sh",
                        archive.toString()));
    }

    /** The packages and all they depend on; of alternatives the first. */
    private List<String> closure(List<String> names, Set<String> without) throws IOException {
        Set<String> all = new LinkedHashSet<>(names);
        List<String> next = List.copyOf(names);
        while (!next.isEmpty()) {
            lookUp(next.toArray(String[]::new));
            Set<String> wanted = new LinkedHashSet<>();
            for (String name : next) {
                String stanza = stanzas.getOrDefault(name, "");
                for (String label : List.of(PRE_DEPENDS, DEPENDS)) {
                    for (String dependency : field(stanza, label).orElse("").split(",", -1)) {
                        Matcher first = ALTERNATIVE.matcher(dependency);
                        if (first.find() && !without.contains(first.group())) {
                            wanted.add(first.group());
                        }
                    }
                }
            }
            wanted.removeAll(all);
            all.addAll(wanted);
            next = List.copyOf(wanted);
            if (all.size() > LONGEST_CLOSURE) {
                throw new IOException("the packages of the root file system depend on too many others");
            }
        }
        return List.copyOf(all);
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
        HostCommand done = HostCommand.run(directory, command);
        if (done.status() != 0) {
            String output = done.said();
            if (output.contains("No packages found") || output.contains("Unable to locate package")) {
                throw unknown(command.getLast());
            }
            String cure = output.contains("No space left on device")
                    ? "Make room in " + directory + ": some 100 MB"
                    : "Old package lists? Renew them: sudo apt-get update";
            throw new IOException(String.join(" ", command) + ": " + done.lastLine() + ". " + cure);
        }
        return done.said();
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

    static void delete(Path tree) throws IOException {
        if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> walk = Files.walk(tree)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.deleteIfExists(path);
        }
    }
}
