package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.policy.jail.JailAudit;
import io.jvmm.policy.jail.JailReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Looks at a process from outside, between its READY and the guest's first access, and believes nothing that it says. What
 * policies' {@link JailReport#weaknesses} knows of jails in general is completed here with what this process in particular must
 * be: its uid, and no descriptor that it was not given.
 */
public final class JailInspector implements ProcessInspector {
    private static final int CONTROL = 3;

    /** What a process may make or keep for itself: its runtime's files, and what it waits with. (All eventfds have one name.) */
    private static final List<String> OWN =
            List.of("/jvmm/", "/dev/null", "anon_inode:[eventfd]", "anon_inode:[eventpoll]");

    private static final List<String> KVM = List.of("anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "/dev/kvm");

    /** A machine's processes and their spares have fewer namespaces; with more of them on record, those of the dead are forgotten. */
    private static final int MANY_NAMESPACES = 1024;

    private final Path home;
    /** Whose a namespace is, or was: by kind and number. */
    private final Map<String, Integer> namespaces = new HashMap<>();

    private int forgetAt = MANY_NAMESPACES;

    /** For the processes of one machine. */
    public JailInspector(Distribution distribution) {
        this.home = distribution.home();
    }

    @Override
    public JailReport look(ChildProcess child) throws IOException {
        // A spare was looked at as a whole when it became one; while the guest waits for it, its filters are counted
        // only.
        boolean filters = child.filters() != ChildProcess.OF_A_SPARE_THAT_SERVES;
        return JailAudit.inspect(child.instance().process(), child.pid(), filters);
    }

    @Override
    public List<String> faults(ChildProcess child, Optional<EngineKind> engine, JailReport report) {
        List<String> faults = new ArrayList<>(report.weaknesses(child.filters()));
        child.hostUid().ifPresent(uid -> {
            String real = report.field("Uid").split("\\s+", 2)[0];
            if (!real.equals(Integer.toString(uid))) {
                faults.add("runs under uid " + real + ", not " + uid);
            }
        });
        report.descriptors().forEach((number, what) -> {
            if (isKvm(what)) {
                // Given or not: who does without KVM must have closed it.
                if (!engine.equals(Optional.of(EngineKind.KVM))) {
                    faults.add("holds descriptor " + number + ", which is KVM's: " + what);
                }
            } else if (!child.given().contains(what) && !permitted(number, what)) {
                faults.add("holds descriptor " + number + ", which it was not given: " + what);
            }
        });
        report.details()
                .foreignMemory(child.given())
                .forEach(name -> faults.add("has mapped memory that it was not given: " + name));
        sharedNamespaces(child, report, faults);
        checkRoot(child, report, faults);
        checkFilters(child, engine, report, faults);
        return faults;
    }

    /** No two processes share a namespace: each alone in its network, its processes, its names. */
    private void sharedNamespaces(ChildProcess child, JailReport report, List<String> faults) {
        if (namespaces.size() >= forgetAt) {
            namespaces.values().removeIf(pid -> !Files.exists(Path.of("/proc/" + pid)));
            forgetAt = 2 * namespaces.size() + MANY_NAMESPACES;
        }
        report.namespaces().forEach((kind, namespace) -> {
            Integer other = namespaces.put(namespace.inode(), child.pid());
            // The kernel gives the number of a namespace that has gone to a new one.
            if (other != null
                    && other != child.pid()
                    && JailAudit.namespace(other, kind).equals(namespace.inode())) {
                faults.add("shares the " + kind + " namespace (" + namespace.inode() + ") with process " + other);
            }
        });
    }

    /** Its root holds the read-only binds that it was started with and nothing else. */
    private static void checkRoot(ChildProcess child, JailReport report, List<String> faults) {
        for (String mount : report.mounts()) {
            String place = mount.substring(0, mount.indexOf(' '));
            if (!place.equals("/") && !child.mounts().contains(place)) {
                faults.add("has a mount that its jail does not have: " + mount);
            }
        }
    }

    /** The first and the last filter as the kernel has them, where it tells: the policies', byte for byte. */
    private static void checkFilters(
            ChildProcess child, Optional<EngineKind> engine, JailReport report, List<String> faults) {
        List<String> installed = report.details().filterHashes();
        if (installed.isEmpty()) {
            return;
        }
        byte[] first = HexFormat.of().parseHex(installed.getFirst());
        if (child.variants().stream().noneMatch(v -> v.filter().follows(first))) {
            faults.add("its first filter is not the compiled policy of its start, but " + installed.getFirst());
        }
        byte[] last = HexFormat.of().parseHex(installed.getLast());
        if (child.variants().stream()
                .noneMatch(v -> v.engine().equals(engine) && v.filter().hasHash(last))) {
            faults.add("its last filter is not the compiled policy of its class, but " + installed.getLast());
        }
    }

    private static boolean isKvm(String what) {
        return KVM.stream().anyMatch(what::startsWith);
    }

    private boolean permitted(int number, String what) {
        return OWN.stream().anyMatch(what::startsWith)
                || what.startsWith(home + "/")
                || (number == CONTROL && what.startsWith("socket:"));
    }

    /** What the kernel calls the descriptors of a boot record, and a pipe: the same here as there. */
    static Set<String> namesOf(BootRecord record, Fd pipe) {
        Set<String> names = new HashSet<>();
        names.add(nameOf(pipe));
        record.fdNames().forEach(name -> names.add(nameOf(record.fd(name))));
        return names;
    }

    private static String nameOf(Fd fd) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd.number()))
                    .toString();
        } catch (IOException e) {
            throw new UncheckedIOException("/proc is not there, and without it no jail can be looked at", e);
        }
    }

    /** Several reports as one table, with the number of system calls each narrow filter lets through. */
    public static String table(List<JailReport> reports, Map<String, Integer> allowedCalls) {
        return JailReport.table(reports, allowedCalls);
    }
}
