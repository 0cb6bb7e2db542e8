package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.policy.bpf.PolicyCompiler;
import io.jvmm.policy.parse.PolicyParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
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
    private static final int INTERNAL = 4;
    /** Some hundred processes, on a busy machine. */
    private static final Duration PROBING = Duration.ofMinutes(5);

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

    /** One process of each class. */
    private static final String DEVICES = """
            [platform]
            debug_console = "debug.log"
            [[block]]
            path = "disk.img"
            [[net]]
            backend = "none"
            [console]
            backend = "file"
            path = "hvc0.log"
            [rng]
            [balloon]
            [[vsock]]
            cid = 3
            path = "v.sock"
            """;

    /** What must be refused in every process, whatever its work: some of it is answered with an error, most with death. */
    private static final List<String> REFUSED = List.of(
            "open /etc/passwd",
            "openat /etc/passwd",
            "openat /proc/self/maps",
            "openat2 /etc/passwd",
            "stat /",
            "socket unix",
            "socket inet",
            "connect, abstract unix name",
            "execve",
            "fork",
            "clone, a process",
            "clone, a thread",
            "unshare, user namespace",
            "setns",
            "ptrace, a sibling",
            "process_vm_readv",
            "kill a sibling",
            "kill the supervisor",
            "io_uring_setup",
            "memfd_create",
            "mmap, new code",
            "mprotect, data to code",
            "mmap of a descriptor",
            "mount",
            "keyctl",
            "bpf",
            "perf_event_open",
            "userfaultfd",
            "ioctl KVM_CREATE_VM",
            "int 0x80",
            "x32 getpid");

    /** Every process of a machine with all classes, looked at from outside and tried from inside. */
    @Test
    void jailReport() throws Exception {
        Files.write(dir.resolve("disk.img"), new byte[1 << 20]);
        String recorded = monitorToml("journal = true\n" + DEVICES + "[journal]\ndirectory = \"journal\"\n");
        try (Machine machine =
                Machine.with(dir, recorded).arguments("--jail-report").run()) {
            assertEquals(0, machine.awaitExit(PROBING), machine.messages().text());
            String report = machine.console().text();
            assertTrue(report.lines().anyMatch(line -> line.contains("recorder")), report);
            List<String> processes =
                    List.of("vcpu", "serial", "platform", "console", "rng", "balloon", "vsock", "block", "net");
            Map<String, List<String>> tried = triedFromInside(report);
            assertEquals(processes, tried.get("tried from inside"), report);
            for (String call : REFUSED) {
                assertEquals(
                        List.of(),
                        tried.getOrDefault(call, List.of("it was not tried")).stream()
                                .filter(cell -> !cell.equals("SIGSYS") && !cell.equals("EACCES"))
                                .toList(),
                        call);
            }
            assertEquals(processes.size(), tried.getOrDefault("read", List.of()).size());
            if (Host.isRoot()) {
                assertFalse(report.contains("not told"), "the filters were not read back from the kernel:\n" + report);
            }
        }
    }

    /**
     * A process whose filter allows one call more than the policy says is found, by its filter, by the call that succeeds and by the
     * descriptor that is open behind it; nothing is said of the other processes. With the software processor.
     */
    @Test
    void aJailWithAHoleIsFound() throws Exception {
        Path holed = BrokenDistribution.copy(dir.resolve("dist"));
        Path sources = Files.createDirectory(dir.resolve("policies"));
        try (Stream<Path> all = Files.list(holed.resolve("policies"))) {
            for (Path source : all.filter(p -> p.toString().endsWith(".policy")).toList()) {
                Files.copy(source, sources.resolve(String.valueOf(source.getFileName())));
            }
        }
        Path serial = sources.resolve("serial.policy");
        Files.writeString(
                serial, Files.readString(serial) + "\nallow memfd_create because \"a hole that is made for a test\"\n");
        Files.delete(holed.resolve("policies/serial.bpf"));
        Files.write(
                holed.resolve("policies/serial.bpf"),
                PolicyCompiler.compile(PolicyParser.parse(serial)).toBytes());
        String toml = monitorToml("[rng]\nenabled = false\n").replace("\"kvm\"", "\"x86\"");
        try (Machine machine = Machine.with(dir, toml)
                .distribution(holed)
                .arguments("--jail-report")
                .run()) {
            assertEquals(
                    INTERNAL, machine.awaitExit(PROBING), machine.messages().text());
            List<String> faults = machine.messages()
                    .text()
                    .lines()
                    .filter(line -> line.contains("is not what it should be"))
                    .toList();
            assertTrue(faults.stream().allMatch(line -> line.contains(": serial: ")), faults.toString());
            for (String fault : List.of(
                    "its filter is not what the policy serial compiles to",
                    "memfd_create succeeds, and no rule of the policy says so",
                    "inside the descriptors")) {
                assertTrue(faults.stream().anyMatch(line -> line.contains(fault)), fault + ": " + faults);
            }
            Map<String, List<String>> tried = triedFromInside(machine.console().text());
            assertEquals(List.of("SIGSYS", "ok", "SIGSYS"), tried.get("memfd_create"));
        }
    }

    /** The table of tries: a line's label to its cells. */
    private static Map<String, List<String>> triedFromInside(String report) {
        Map<String, List<String>> rows = new LinkedHashMap<>();
        report.lines()
                .dropWhile(line -> !line.startsWith("tried from inside"))
                .takeWhile(line -> !line.isBlank())
                .map(line -> line.strip().split(" {2,}", -1))
                .filter(cells -> cells.length > 1)
                .forEach(cells -> rows.put(cells[0], List.of(cells).subList(1, cells.length)));
        return rows;
    }
}
