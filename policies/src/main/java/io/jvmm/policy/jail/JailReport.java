package io.jvmm.policy.jail;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How jailed a process is, as {@link JailAudit} saw it.
 *
 * @param name process name
 * @param pid process id seen from the supervisor
 * @param namespaces by kind
 * @param status the fields of /proc/pid/status
 * @param descriptors number to what the kernel calls it
 * @param uidMap "inside outside count"
 * @param gidMap "inside outside count"
 * @param root what its root directory holds
 * @param mounts mount point and options
 * @param details everything else
 */
public record JailReport(
        String name,
        int pid,
        Map<String, Namespace> namespaces,
        Map<String, String> status,
        Map<Integer, String> descriptors,
        String uidMap,
        String gidMap,
        List<String> root,
        List<String> mounts,
        JailDetails details) {
    private static final int WIDEST_TABLE = 120;
    private static final int WIDEST_CELL = 30;
    private static final String GAP = "  ";
    private static final List<String> CAPABILITY_SETS = List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb");
    private static final String NO_CAPABILITIES = "0000000000000000";

    /**
     * One namespace of the process.
     *
     * @param inode "net:[4026532008]"
     * @param own whether it is another than ours
     */
    public record Namespace(String inode, boolean own) {}

    public JailReport {
        namespaces = Map.copyOf(namespaces);
        status = Map.copyOf(status);
        descriptors = new TreeMap<>(descriptors);
        root = List.copyOf(root);
        mounts = List.copyOf(mounts);
    }

    /** A field of /proc/pid/status, "" where the kernel has none. */
    public String field(String key) {
        return status.getOrDefault(key, "");
    }

    public int threads() {
        return number("Threads");
    }

    /** Number of seccomp filters on the first thread. */
    public int seccompFilters() {
        return number("Seccomp_filters");
    }

    /** Descriptors counted by kind: eventfd, memfd, socket, pipe, null, file ... */
    public Map<String, Integer> descriptorKinds() {
        Map<String, Integer> kinds = new TreeMap<>();
        descriptors.values().forEach(link -> kinds.merge(kindOf(link), 1, Integer::sum));
        return kinds;
    }

    /**
     * What is less jailed than it should be; empty when all is well.
     *
     * @param expectedFilters filters that must be installed: 1 (wide) before READY, 2 (wide and narrow) after
     */
    public List<String> weaknesses(int expectedFilters) {
        return weaknesses(expectedFilters, Set.of());
    }

    /**
     * The same of a process that has directories to write to.
     *
     * @param stores where its root has them
     */
    public List<String> weaknesses(int expectedFilters, Set<String> stores) {
        List<String> found = new ArrayList<>();
        namespaces.forEach((kind, namespace) -> {
            if (!namespace.own()) {
                found.add("shares the " + kind + " namespace (" + namespace.inode() + ")");
            }
        });
        for (String set : CAPABILITY_SETS) {
            if (!field(set).equals(NO_CAPABILITIES)) {
                found.add(set + " is " + field(set));
            }
        }
        if (!field("NoNewPrivs").equals("1")) {
            found.add("no_new_privs is not set");
        }
        if (!field("Seccomp").equals("2")) {
            found.add("seccomp mode is " + field("Seccomp") + ", not 2 (filter)");
        }
        int expected = expectedFilters + details.inheritedFilters();
        if (seccompFilters() != expected) {
            found.add("has " + seccompFilters() + " seccomp filters, not " + expected);
        }
        for (String id : List.of("Uid", "Gid")) {
            if (Stream.of(field(id).split(" ", -1)).anyMatch("0"::equals)) {
                found.add("runs as root: its " + id + " is " + field(id));
            } else if (Stream.of(field(id).split(" ", -1)).distinct().count() != 1) {
                found.add("could change its ids: its " + id + " is " + field(id));
            }
        }
        if (!uidMap.endsWith(" 1") || !gidMap.endsWith(" 1")) {
            found.add("more than one id is mapped (" + uidMap + "; " + gidMap + ")");
        }
        for (String mount : mounts) {
            if (writable(mount) && !stores.contains(mount.substring(0, mount.indexOf(' ')))) {
                found.add("a mount is writable: " + mount);
            }
        }
        found.addAll(details.weaknesses());
        return found;
    }

    /**
     * Several processes side by side, as many as there is room for, and the next below them.
     *
     * @param allowedCalls process name to the number of system calls its narrow filter allows, where known
     */
    public static String table(List<JailReport> reports, Map<String, Integer> allowedCalls) {
        List<Map<String, String>> columns =
                reports.stream().map(r -> r.rows(known(allowedCalls, r.name))).toList();
        int labels = columns.stream()
                .flatMap(c -> c.keySet().stream())
                .mapToInt(String::length)
                .max()
                .orElse(0);
        StringBuilder text = new StringBuilder();
        for (int from = 0; from < columns.size(); ) {
            int to = from;
            for (int width = labels; to < columns.size(); to++) {
                width += GAP.length() + width(columns.get(to));
                if (width > WIDEST_TABLE && to > from) {
                    break;
                }
            }
            text.append(from == 0 ? "" : "\n");
            sideBySide(columns.subList(from, to), labels, text);
            from = to;
        }
        return text.toString();
    }

    private static int width(Map<String, String> column) {
        return column.values().stream()
                .flatMap(cell -> wrapped(cell).stream())
                .mapToInt(String::length)
                .max()
                .orElse(0);
    }

    private static void sideBySide(List<Map<String, String>> columns, int labels, StringBuilder text) {
        Set<String> rows = new LinkedHashSet<>();
        columns.forEach(c -> rows.addAll(c.keySet()));
        for (String row : rows) {
            List<List<String>> cells =
                    columns.stream().map(c -> wrapped(c.getOrDefault(row, ""))).toList();
            int height = cells.stream().mapToInt(List::size).max().orElse(0);
            for (int n = 0; n < height; n++) {
                StringBuilder line = new StringBuilder(pad(n == 0 ? row : "", labels));
                for (int i = 0; i < cells.size(); i++) {
                    String part = n < cells.get(i).size() ? cells.get(i).get(n) : "";
                    line.append(GAP).append(pad(part, width(columns.get(i))));
                }
                text.append(line.toString().stripTrailing()).append('\n');
            }
        }
    }

    /** A cell in lines of words; a word is never cut. */
    private static List<String> wrapped(String cell) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : cell.split(" ", -1)) {
            if (!line.isEmpty() && line.length() + 1 + word.length() > WIDEST_CELL) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    private Map<String, String> rows(OptionalInt allowedCalls) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("process", name);
        rows.put("pid", Integer.toString(pid));
        rows.put("host uid, gid", firstWord(field("Uid")) + ", " + firstWord(field("Gid")));
        rows.put("groups", field("Groups").isEmpty() ? "none" : field("Groups"));
        rows.put("uid map", uidMap);
        rows.put("own namespaces", String.join(" ", kinds(true)));
        rows.put("shared namespaces", kinds(false).isEmpty() ? "none" : String.join(" ", kinds(false)));
        rows.put("pid inside", lastWord(field("NSpid")));
        boolean none = CAPABILITY_SETS.stream().allMatch(set -> field(set).equals(NO_CAPABILITIES));
        rows.put(
                "capabilities",
                none
                        ? "none in any set"
                        : CAPABILITY_SETS.stream().map(s -> s + "=" + field(s)).collect(Collectors.joining(" ")));
        rows.put("no_new_privs", field("NoNewPrivs").equals("1") ? "yes" : "NO");
        rows.put("seccomp", mode(field("Seccomp")) + ", " + seccompFilters() + " filters");
        rows.put("system calls allowed", allowedCalls.isPresent() ? Integer.toString(allowedCalls.getAsInt()) : "?");
        rows.put("threads", Integer.toString(threads()));
        rows.put("descriptors", descriptors.size() + ": " + count(descriptorKinds()));
        rows.put("root holds", String.join(" ", root));
        long writable = mounts.stream().filter(JailReport::writable).count();
        rows.put("mounts", mounts.size() + ", " + (writable == 0 ? "all read-only" : writable + " WRITABLE"));
        rows.putAll(details.rows());
        return rows;
    }

    private static boolean writable(String mount) {
        String options = lastWord(mount);
        return !options.equals("ro") && !options.startsWith("ro,");
    }

    private List<String> kinds(boolean own) {
        return namespaces.entrySet().stream()
                .filter(e -> e.getValue().own() == own)
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
    }

    private int number(String key) {
        String value = field(key);
        return value.isEmpty() ? 0 : Integer.parseInt(value);
    }

    private static OptionalInt known(Map<String, Integer> allowedCalls, String name) {
        Integer count = allowedCalls.get(name);
        return count == null ? OptionalInt.empty() : OptionalInt.of(count);
    }

    private static String kindOf(String link) {
        if (link.startsWith("anon_inode:")) {
            return link.substring("anon_inode:".length()).replace("[", "").replace("]", "");
        }
        if (link.startsWith("/memfd:")) {
            return "memfd";
        }
        if (link.startsWith("/dev/pts/") || link.equals("/dev/tty") || link.equals("/dev/ptmx")) {
            return "terminal";
        }
        if (link.startsWith("/dev/")) {
            return link;
        }
        if (link.startsWith("/")) {
            return "file";
        }
        int colon = link.indexOf(':');
        return colon > 0 ? link.substring(0, colon) : link;
    }

    private static String count(Map<String, Integer> kinds) {
        return kinds.entrySet().stream()
                .map(e -> e.getValue() + " " + e.getKey())
                .collect(Collectors.joining(", "));
    }

    private static String mode(String value) {
        return switch (value) {
            case "0" -> "OFF";
            case "1" -> "strict";
            case "2" -> "filter";
            default -> "unknown";
        };
    }

    private static String firstWord(String text) {
        return text.split(" ", 2)[0];
    }

    private static String lastWord(String text) {
        return text.substring(text.lastIndexOf(' ') + 1);
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(width - text.length());
    }
}
