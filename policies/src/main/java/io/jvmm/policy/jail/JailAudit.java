package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.InstalledFilters;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Looks at a process from outside, through /proc, and believes nothing it says about itself. The supervisor calls this between
 * READY and the guest's first access. Works for root and for the user who started the child.
 */
public final class JailAudit {
    private static final List<String> NAMESPACES = List.of("user", "mnt", "pid", "net", "ipc", "uts", "cgroup");
    private static final List<String> OF_EVERY_THREAD =
            List.of("Seccomp", "Seccomp_filters", "NoNewPrivs", "CapPrm", "CapEff", "CapBnd");
    private static final Map<String, String> OURS = ours();
    private static final String MEMFD = "/memfd:";
    private static final int LIMIT_SOFT = 26;
    private static final int LIMIT_HARD = 47;
    private static final long STAND_STILL_NS = 1_000_000_000L;
    private static final int INHERITED_FILTERS = inheritedFilters();

    private JailAudit() {}

    /**
     * Takes the picture. The process must be alive; what cannot be read is reported as unreadable, never as harmless.
     *
     * @param name process name, for the table
     * @param pid process id in our pid namespace
     * @throws IOException when the process is gone
     */
    public static JailReport inspect(String name, int pid) throws IOException {
        return inspect(name, pid, true);
    }

    /**
     * The same; {@code filters}: whether the filters are read back from the kernel. The process must stand still for that, which takes
     * as long as a busy host lets it wait for a processor.
     */
    public static JailReport inspect(String name, int pid, boolean filters) throws IOException {
        Path proc = Path.of("/proc/" + pid);
        Map<String, String> status = status(proc);
        return new JailReport(
                name,
                pid,
                namespaces(proc),
                status,
                descriptors(proc),
                Files.readString(proc.resolve("uid_map")).strip().replaceAll("\\s+", " "),
                Files.readString(proc.resolve("gid_map")).strip().replaceAll("\\s+", " "),
                root(proc),
                mounts(proc),
                new JailDetails(
                        limits(proc),
                        cgroup(proc),
                        owner(proc).equals(status.getOrDefault("Uid", "").split(" ", 2)[0]),
                        sharedMemory(proc),
                        looseThreads(proc, status),
                        INHERITED_FILTERS,
                        filters ? filterHashes(pid) : List.of()));
    }

    /** Filters that the supervisor itself is under, in a container: its children have them too. */
    private static int inheritedFilters() {
        try {
            return Integer.parseInt(status(Path.of("/proc/self")).getOrDefault("Seccomp_filters", "0"));
        } catch (IOException e) {
            throw new UncheckedIOException("/proc is not there, and without it no jail can be looked at", e);
        }
    }

    /** "Max open files" to "128 128": soft and hard. */
    private static Map<String, String> limits(Path proc) throws IOException {
        Map<String, String> limits = new LinkedHashMap<>();
        for (String line : read(proc.resolve("limits")).split("\n", -1)) {
            // Columns of fixed width: name 26, soft 21, hard 21.
            if (line.startsWith("Max ") && line.length() > LIMIT_HARD) {
                String soft = line.substring(LIMIT_SOFT, LIMIT_HARD).strip();
                String rest = line.substring(LIMIT_HARD).strip();
                int space = rest.indexOf(' ');
                limits.put(
                        line.substring(0, LIMIT_SOFT).strip(),
                        soft + " " + (space < 0 ? rest : rest.substring(0, space)));
            }
        }
        return limits;
    }

    /** Where it is in the hierarchy of version 2, or in that of the memory controller. */
    private static String cgroup(Path proc) throws IOException {
        String found = "";
        for (String line : read(proc.resolve("cgroup")).split("\n", -1)) {
            if (line.startsWith("0::") && found.isEmpty()) {
                found = line.substring(3);
            } else if (line.contains(":memory:")) {
                found = "memory:" + line.substring(line.lastIndexOf(':') + 1);
            }
        }
        return found;
    }

    /** The files of a process that cannot be dumped belong to root (proc(5)). */
    private static String owner(Path proc) throws IOException {
        return String.valueOf(Files.getAttribute(proc, "unix:uid"));
    }

    /** What it has mapped that another process may have mapped too, by name, each once: the memfds. */
    private static List<String> sharedMemory(Path proc) throws IOException {
        Set<String> found = new TreeSet<>();
        String maps = read(proc.resolve("maps"));
        for (int at = maps.indexOf(MEMFD); at >= 0; at = maps.indexOf(MEMFD, at + 1)) {
            int end = maps.indexOf('\n', at);
            found.add(maps.substring(at, end < 0 ? maps.length() : end));
        }
        return List.copyOf(found);
    }

    /** Threads that are not under what the first one is under. */
    private static List<String> looseThreads(Path proc, Map<String, String> first) throws IOException {
        List<String> loose = new ArrayList<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(proc.resolve("task"))) {
            for (Path thread : threads) {
                String status;
                try {
                    status = read(thread.resolve("status"));
                } catch (NoSuchFileException e) {
                    continue; // it has ended
                }
                for (String field : OF_EVERY_THREAD) {
                    String value = first.getOrDefault(field, "");
                    if (!value.isEmpty() && !status.contains("\n" + field + ":\t" + value + "\n")) {
                        loose.add(thread.getFileName() + " (" + field + ")");
                    }
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return loose;
    }

    private static List<String> filterHashes(int pid) throws IOException {
        try {
            return InstalledFilters.of(pid, STAND_STILL_NS).orElse(List.of()).stream()
                    .map(JailAudit::hash)
                    .toList();
        } catch (SysException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** SHA-256 of a filter, in hexadecimal: as a process reports it in READY. */
    public static String hash(byte[] filter) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(filter));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** A file of /proc, in as few calls as it has pages. */
    private static String read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    private static Map<String, String> status(Path proc) throws IOException {
        Map<String, String> fields = new LinkedHashMap<>();
        for (String line : read(proc.resolve("status")).split("\n", -1)) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                fields.put(
                        line.substring(0, colon),
                        line.substring(colon + 1).strip().replace('\t', ' '));
            }
        }
        return fields;
    }

    private static Map<String, JailReport.Namespace> namespaces(Path proc) {
        Map<String, JailReport.Namespace> all = new LinkedHashMap<>();
        for (String kind : NAMESPACES) {
            String theirs = link(proc.resolve("ns").resolve(kind));
            boolean own = theirs.startsWith(kind) && !theirs.equals(OURS.get(kind));
            all.put(kind, new JailReport.Namespace(theirs, own));
        }
        return all;
    }

    /** A namespace of a process, "net:[4026532008]"; "unreadable" for one that has ended. */
    public static String namespace(int pid, String kind) {
        return link(Path.of("/proc/" + pid + "/ns/" + kind));
    }

    /** The namespaces of this process, which never change. */
    private static Map<String, String> ours() {
        Map<String, String> all = new LinkedHashMap<>();
        NAMESPACES.forEach(kind -> all.put(kind, link(Path.of("/proc/self/ns").resolve(kind))));
        return all;
    }

    private static Map<Integer, String> descriptors(Path proc) throws IOException {
        Map<Integer, String> all = new TreeMap<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(proc.resolve("fd"))) {
            for (Path entry : entries) {
                all.put(Integer.parseInt(entry.getFileName().toString()), link(entry));
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return all;
    }

    private static List<String> root(Path proc) {
        try (Stream<Path> entries = Files.list(proc.resolve("root"))) {
            return entries.map(p -> "/" + p.getFileName()).sorted().toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of("unreadable: " + e.getMessage());
        }
    }

    /** Mount point and options of each mount. mountinfo: id, parent, device, root, mount point, options, ... */
    private static List<String> mounts(Path proc) throws IOException {
        List<String> all = new ArrayList<>();
        for (String line : read(proc.resolve("mountinfo")).split("\n", -1)) {
            String[] field = line.split(" ", 7);
            if (field.length < 7) {
                continue;
            }
            all.add(field[4] + " " + field[5]);
        }
        return all;
    }

    private static String link(Path path) {
        try {
            return Files.readSymbolicLink(path).toString();
        } catch (IOException e) {
            return "unreadable";
        }
    }
}
