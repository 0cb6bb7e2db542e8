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
import java.util.HashSet;
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
    /** The wide filter and the narrow one. */
    private static final int FILTERS = 2;

    private static final int CONTROL = 3;

    /** What a process may make or keep for itself: its runtime's files, and what it waits with. (All eventfds have one name.) */
    private static final List<String> OWN =
            List.of("/jvmm/", "/dev/null", "anon_inode:[eventfd]", "anon_inode:[eventpoll]");

    private static final List<String> KVM = List.of("anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "/dev/kvm");

    private final Path home;

    public JailInspector(Distribution distribution) {
        this.home = distribution.home();
    }

    @Override
    public JailReport look(ChildProcess child) throws IOException {
        return JailAudit.inspect(child.instance().process(), child.pid());
    }

    @Override
    public List<String> faults(ChildProcess child, Optional<EngineKind> engine, JailReport report) {
        List<String> faults = new ArrayList<>(report.weaknesses(FILTERS));
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
        return faults;
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
