package io.jvmm.policy.jail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Looks at a process from outside, through /proc, and believes nothing it says about itself. The supervisor calls this between
 * READY and the guest's first access. Works for root and for the user who started the child.
 */
public final class JailAudit {
    private static final List<String> NAMESPACES = List.of("user", "mnt", "pid", "net", "ipc", "uts", "cgroup");

    private JailAudit() {}

    /**
     * Takes the picture. The process must be alive; what cannot be read is reported as unreadable, never as harmless.
     *
     * @param name process name, for the table
     * @param pid process id in our pid namespace
     * @throws IOException when the process is gone
     */
    public static JailReport inspect(String name, int pid) throws IOException {
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
                mounts(proc));
    }

    private static Map<String, String> status(Path proc) throws IOException {
        Map<String, String> fields = new LinkedHashMap<>();
        for (String line : Files.readAllLines(proc.resolve("status"))) {
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
            String ours = link(Path.of("/proc/self/ns").resolve(kind));
            all.put(kind, new JailReport.Namespace(theirs, theirs.startsWith(kind) && !theirs.equals(ours)));
        }
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
        for (String line : Files.readAllLines(proc.resolve("mountinfo"))) {
            String[] field = line.split(" ", -1);
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
