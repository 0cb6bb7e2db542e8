package io.jvmm.policy.jail;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What {@link JailAudit} finds besides the fields of /proc/pid/status.
 *
 * @param limits "Max open files" to "128 128", soft and hard
 * @param cgroup where it is in the hierarchy
 * @param dumpable whether a process of the same user could look into it, if it could do so much
 * @param sharedMemory what the kernel calls the memfds that it has mapped
 * @param looseThreads threads that are under less than the first one
 * @param inheritedFilters filters that the supervisor is under too
 * @param filterHashes SHA-256 of each installed filter in the order of their installation, as the kernel has them; empty where the kernel
 *     does not tell this supervisor
 */
public record JailDetails(
        Map<String, String> limits,
        String cgroup,
        boolean dumpable,
        List<String> sharedMemory,
        List<String> looseThreads,
        int inheritedFilters,
        List<String> filterHashes) {
    /** What no process of ours needs; the jail sets them to nothing. */
    private static final List<String> NOTHING = List.of(
            "Max core file size", "Max file locks", "Max msgqueue size", "Max nice priority", "Max realtime priority");

    /** What must have a bound, whichever. */
    private static final List<String> BOUNDED = List.of("Max processes", "Max open files", "Max locked memory");

    public JailDetails {
        limits = Map.copyOf(limits);
        sharedMemory = List.copyOf(sharedMemory);
        looseThreads = List.copyOf(looseThreads);
        filterHashes = List.copyOf(filterHashes);
    }

    /** What is less jailed than it should be; empty when all is well. */
    List<String> weaknesses() {
        List<String> found = new ArrayList<>();
        for (String limit : NOTHING) {
            if (!limit(limit).equals("0 0")) {
                found.add("the limit \"" + limit + "\" is " + limit(limit));
            }
        }
        for (String limit : BOUNDED) {
            String[] values = limit(limit).split(" ", 2);
            if (values.length < 2 || !values[0].equals(values[1]) || values[0].equals("unlimited")) {
                found.add("the limit \"" + limit + "\" is " + limit(limit));
            }
        }
        if (!looseThreads.isEmpty()) {
            found.add("threads are under less than the first one: " + String.join(", ", looseThreads));
        }
        return found;
    }

    /** What it has mapped and was not given. */
    public List<String> foreignMemory(Set<String> given) {
        return sharedMemory.stream().filter(name -> !given.contains(name)).toList();
    }

    Map<String, String> rows() {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("shared memory", sharedMemory.size() + " memfds");
        rows.put(
                "limits",
                soft("Max open files") + " files, " + soft("Max processes") + " threads, file size "
                        + soft("Max file size") + ", no core, no locks");
        rows.put("dumpable", dumpable ? "yes" : "no");
        rows.put("cgroup", cgroup.isEmpty() ? "?" : cgroup);
        rows.put(
                "kernel's filters",
                filterHashes.isEmpty()
                        ? "not told"
                        : String.join(
                                " ",
                                filterHashes.stream()
                                        .map(h -> h.substring(0, 8))
                                        .toList()));
        return rows;
    }

    private String limit(String name) {
        return limits.getOrDefault(name, "unreadable");
    }

    private String soft(String name) {
        return limit(name).split(" ", 2)[0];
    }
}
