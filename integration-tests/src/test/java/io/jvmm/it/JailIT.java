package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The jails of a running machine, looked at from outside through /proc, independently of the supervisor's own audit. */
@Tag("kvm")
@Tag("jail")
class JailIT extends MachineTest {
    private static final List<String> PROCESSES = List.of("vcpu", "serial", "platform");
    private static final List<String> NAMESPACES = List.of("user", "mnt", "pid", "net", "ipc", "uts");

    @Test
    void everyProcessIsJailed() throws Exception {
        try (Machine machine = startMonitor().awaitPrompt()) {
            for (String process : PROCESSES) {
                long pid = machine.child(process);
                Map<String, String> status = LinuxProcess.fields(pid, "status");
                assertEquals("2", status.getOrDefault("Seccomp", ""), process);
                assertTrue(
                        Integer.parseInt(status.getOrDefault("Seccomp_filters", "0")) >= 2,
                        process + ": wide and narrow");
                assertEquals("1", status.getOrDefault("NoNewPrivs", ""), process);
                for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
                    assertEquals("0000000000000000", status.getOrDefault(set, ""), process + " " + set);
                }
                for (String kind : NAMESPACES) {
                    assertNotEquals(
                            LinuxProcess.namespace(ProcessHandle.current().pid(), kind),
                            LinuxProcess.namespace(pid, kind),
                            process + " " + kind);
                }
                assertFalse(namesOf(pid, "").contains("proc"), process + " sees /proc");
                assertTrue(namesOf(pid, "").contains("jvmm"), process + ": " + namesOf(pid, ""));
                assertEquals(
                        Set.of(),
                        intersection(namesOf(pid, ""), Set.of("etc", "home", "root", "sys", "tmp", "var", "run")));
                descriptors(process, pid);
                everyThreadIsFiltered(process, pid);
            }
            machine.type("off\r");
            assertEquals(0, machine.awaitExit());
        }
    }

    /** Every open file is an anonymous one, a pipe, the control socket, /dev/null, or the program itself. */
    private static void descriptors(String process, long pid) throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            for (Path fd : all.toList()) {
                String target;
                try {
                    target = Files.readSymbolicLink(fd).toString();
                } catch (IOException e) {
                    continue;
                }
                boolean fine = target.startsWith("anon_inode:")
                        || target.startsWith("pipe:")
                        || target.startsWith("socket:")
                        || target.startsWith("/memfd:")
                        || target.contains("/jvmm/")
                        || target.startsWith("/jvmm")
                        || target.equals("/dev/null")
                        || (process.equals("vcpu") && target.equals("/dev/kvm"));
                assertTrue(fine, process + " holds " + target);
            }
        }
    }

    private static void everyThreadIsFiltered(String process, long pid) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks.toList()) {
                String status = Files.readString(task.resolve("status"));
                assertTrue(status.contains("Seccomp:\t2"), process + " " + task);
                assertTrue(status.contains("NoNewPrivs:\t1"), process + " " + task);
            }
        }
    }

    /** Only root may look into the root directory of another user's process. */
    private static Set<String> namesOf(long pid, String directory) throws IOException {
        Host.requireRoot();
        try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/root/" + directory))) {
            return all.map(p -> p.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static Set<String> intersection(Set<String> a, Set<String> b) {
        Set<String> both = new TreeSet<>(a);
        both.retainAll(b);
        return both;
    }

    /** The command that prints the jail of each process. */
    @Test
    void jailReport() throws Exception {
        try (Machine machine =
                Machine.with(dir, monitorToml("")).arguments("--jail-report").run()) {
            assertEquals(0, machine.awaitExit(), machine.messages().text());
            String table = machine.console().text();
            for (String process : PROCESSES) {
                assertTrue(table.contains(process), table);
            }
        }
    }
}
