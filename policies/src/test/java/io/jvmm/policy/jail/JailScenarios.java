package io.jvmm.policy.jail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.policy.sys.Host;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

/**
 * What a jail must be, tried for real. Run by {@link JailTest} as whoever runs the tests, and as a program by
 * {@link JailAsNobodyTest} under another user.
 */
public final class JailScenarios {
    private static final long LOADED_WITHIN_NS = 10_000_000_000L;

    /** A scenario. */
    public interface Scenario {
        void run() throws Exception;
    }

    private JailScenarios() {}

    public static Map<String, Scenario> all() {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("the audit finds no weakness", JailScenarios::audit);
        all.put("the root holds what was bound and nothing else", JailScenarios::root);
        all.put("nothing can be written", JailScenarios::readOnly);
        all.put("data cannot be executed", JailScenarios::noExecution);
        all.put("a source below a closed directory is reachable", JailScenarios::closedDirectory);
        all.put("descriptors are those given, at their numbers", JailScenarios::descriptors);
        all.put("limits hold", JailScenarios::limits);
        all.put("signals are neither blocked nor handled", JailScenarios::signals);
        all.put("a failing step is named", JailScenarios::failingStep);
        all.put("a forbidden call in the start-up kills", JailScenarios::wideFilter);
        all.put("a Java process lives under its narrow filter", JailScenarios::java);
        all.put("a Java process dies of what the filter forbids", JailScenarios::javaDies);
        all.put("many at once", JailScenarios::many);
        all.put("without a jail", JailScenarios::unconfined);
        all.put("without a jail, a file in another's place", JailScenarios::unconfinedWithAFileInAnothersPlace);
        return all;
    }

    /** Runs all, one line each; exit code 1 when one fails. */
    public static void main(String[] args) {
        boolean good = true;
        for (Map.Entry<String, Scenario> entry : all().entrySet()) {
            try {
                entry.getValue().run();
                System.out.println("ok      " + entry.getKey());
            } catch (Throwable e) {
                good = false;
                System.out.println("FAILED  " + entry.getKey() + ": " + e);
                e.printStackTrace(System.out);
            }
        }
        Runtime.getRuntime().halt(good ? 0 : 1);
    }

    static void audit() throws Exception {
        try (Programs.Running shell = Programs.shell(Programs.spec("audited"), "echo here; read line")) {
            assertEquals("here", shell.line());
            JailReport report = JailAudit.inspect("audited", shell.process().pid());
            System.out.println(JailReport.table(List.of(report), Map.of("audited", 5)));
            assertEquals(List.of(), report.weaknesses(1));
            assertEquals(Set.of(0, 1, 2), report.descriptors().keySet());
            assertEquals(Map.of("pipe", 3), report.descriptorKinds());
            assertTrue(report.field("NSpid").endsWith(" 1"), "it is not the first process of its pid namespace");
            int uid = Programs.root() ? Programs.HOST_ID : Host.effectiveUid();
            assertTrue(report.field("Uid").startsWith(uid + " "), report.field("Uid"));
            assertEquals("1000 " + uid + " 1", report.uidMap());
            if (Programs.root()) {
                assertEquals("", report.field("Groups"));
            }
            assertEquals(1, report.threads());
            assertTrue(
                    report.root().containsAll(List.of("/bin", "/lib64")),
                    report.root().toString());
        }
    }

    static void root() throws Exception {
        String script =
                "for f in /proc /sys /dev /tmp /etc /home /root /run /var; do [ -e $f ] && echo \"there is $f\"; done; "
                        + "echo /*; echo /bin/*; [ -e /bin/sh ] && echo sh; cd /; pwd";
        assertEquals("/*\n/bin/*\nsh\n/\nexited with 0", run(script));
    }

    static void readOnly() throws Exception {
        Path directory = world(scratch());
        Files.writeString(directory.resolve("file"), "content\n");
        JailSpec.Builder spec = Programs.spec("writer").bind(Bind.of(directory, "/data", Bind.Kind.DATA));
        String script = "read x < /data/file; echo $x; for f in /new /bin/new /data/new /data/file; do "
                + "( echo x > $f ) 2>&- && echo \"wrote $f\"; done; true";
        try (Programs.Running shell = Programs.shell(spec, script)) {
            assertEquals("content\nexited with 0", shell.finish());
        }
        assertEquals("content\n", Files.readString(directory.resolve("file")));
    }

    static void noExecution() throws Exception {
        Path copy = world(scratch()).resolve("sh");
        Files.copy(Path.of("/bin/sh"), copy);
        Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rwxr-xr-x"));
        JailSpec.Builder spec = Programs.spec("executor")
                .bind(Bind.of(Path.of("/bin/sh"), "/data/sh", Bind.Kind.DATA))
                .bind(Bind.of(copy, "/code/sh", Bind.Kind.CODE));
        // The mount refuses the first; Landlock, which knows files and not names, the second.
        String script = "/data/sh -c 'echo ran' 2>&- || echo refused; /code/sh -c 'echo ran' 2>&- || echo refused";
        try (Programs.Running shell = Programs.shell(spec, script)) {
            assertEquals("refused\nrefused\nexited with 0", shell.finish());
        }
    }

    static void closedDirectory() throws Exception {
        Path closed = scratch();
        Path inside = world(Files.createDirectories(closed.resolve("checkout/lib")));
        Files.writeString(inside.resolve("file"), "reached\n");
        JailSpec.Builder spec = Programs.spec("reader")
                .bind(Bind.of(inside, "/lib-of-it", Bind.Kind.DATA))
                .bind(Bind.of(inside.resolve("file"), "/one/file", Bind.Kind.DATA));
        String script = "read a < /lib-of-it/file; read b < /one/file; echo $a $b";
        try (Programs.Running shell = Programs.shell(spec, script)) {
            assertEquals("reached reached\nexited with 0", shell.finish());
        }
    }

    static void descriptors() throws Exception {
        try (MemFd memory = MemFd.create("leak-or-not", 4096);
                EventFd bell = EventFd.create();
                Pipe silence = Pipe.create();
                Fd nothing = Programs.devNull()) {
            JailSpec spec = Programs.spec("holder")
                    .bind(Bind.of(Path.of("/bin/sh"), "/bin/sh", Bind.Kind.PROGRAM))
                    .build();
            // A permutation: 7 goes where 3 comes from, whatever the numbers are here; and a gap.
            JailedProcess child = Jail.spawn(
                    spec,
                    List.of("/bin/sh", "-c", "read x"),
                    Map.of(),
                    List.of(
                            FdMapping.of(silence.reader(), 0),
                            FdMapping.of(nothing, 1),
                            FdMapping.of(nothing, 2),
                            FdMapping.of(memory.fd(), 3),
                            FdMapping.of(bell.fd(), 9)));
            try {
                JailReport report = JailAudit.inspect("holder", child.pid());
                long endNs = System.nanoTime() + LOADED_WITHIN_NS;
                // Until the dynamic linker has what it needs, a library is open for a moment.
                while (!report.descriptors().keySet().equals(Set.of(0, 1, 2, 3, 9)) && System.nanoTime() < endNs) {
                    report = JailAudit.inspect("holder", child.pid());
                }
                assertEquals(Set.of(0, 1, 2, 3, 9), report.descriptors().keySet());
                assertEquals(Map.of("pipe", 1, "/dev/null", 2, "memfd", 1, "eventfd", 1), report.descriptorKinds());
            } finally {
                child.kill();
                assertEquals("killed by SIGKILL", child.pidfd().await().toString());
                child.pidfd().close();
            }
        }
    }

    static void limits() throws Exception {
        JailSpec.Builder spec = Programs.spec("limited")
                .limits(new Limits(20, 3, 0, 65_536, Limits.UNLIMITED))
                .hostName("cell");
        String script = "echo $(ulimit -n) $(ulimit -c) $(ulimit -f) $(ulimit -l); umask";
        try (Programs.Running shell = Programs.shell(spec, script)) {
            assertEquals("20 0 0 64\n0077\nexited with 0", shell.finish());
        }
    }

    static void signals() throws Exception {
        try (Programs.Running shell = Programs.shell(Programs.spec("signalled"), "echo here; read line")) {
            assertEquals("here", shell.line());
            JailReport report = JailAudit.inspect("signalled", shell.process().pid());
            assertEquals("0000000000000000", report.field("SigBlk"));
            assertTrue(report.field("NSsid").endsWith(" 1"), "it is not in a session of its own");
        }
    }

    static void failingStep() throws Exception {
        JailSpec spec = Programs.spec("lost").build();
        JailException e = assertThrows(
                JailException.class,
                () -> Programs.start(spec, List.of("/bin/nothing"), Map.of()).close());
        assertEquals("execve /bin/nothing", e.step());
        assertEquals(2, e.errno());
        assertTrue(
                String.valueOf(e.getMessage()).contains("jail of lost, step \"execve /bin/nothing\": ENOENT"),
                e.getMessage());
        assertFalse(e.cure().isEmpty());
    }

    static void wideFilter() throws Exception {
        JailSpec.Builder spec = Programs.spec("forker").wideFilter(Programs.filter("wide"));
        // A pipeline needs fork.
        try (Programs.Running shell = Programs.shell(spec, "echo start; echo x | read y; echo not reached")) {
            String text = shell.finish();
            assertTrue(text.endsWith("killed by SIGSYS"), text);
            assertFalse(text.contains("not reached"), text);
        }
    }

    static void java() throws Exception {
        try (Programs.Running java = javaUntil("halt")) {
            assertEquals("ready", java.line());
            JailReport report = JailAudit.inspect("java", java.process().pid());
            System.out.println(JailReport.table(List.of(report), Map.of()));
            assertEquals(List.of(), report.weaknesses(2));
            assertEquals(List.of(), report.details().looseThreads());
            if (Programs.root()) {
                assertEquals(
                        List.of(JailAudit.hash(Programs.filter("wide")), JailAudit.hash(Programs.filter("platform"))),
                        report.details().filterHashes(),
                        "the filters as the kernel has them");
            }
            assertEquals("exited with 7", java.finish());
        }
    }

    static void javaDies() throws Exception {
        for (String what : List.of("execve", "socket", "mmap-exec")) {
            try (Programs.Running java = javaUntil(what)) {
                assertEquals("ready\nkilled by SIGSYS", java.finish());
            }
        }
    }

    static void many() throws Exception {
        try (var pool = Executors.newFixedThreadPool(8)) {
            List<Callable<String>> calls = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                String word = "word" + i;
                calls.add(() -> {
                    try (Programs.Running shell = Programs.shell(Programs.spec(word), "read x; echo " + word)) {
                        return word.equals(shell.finish().split("\n", 2)[0]) ? "" : word;
                    }
                });
            }
            for (var result : pool.invokeAll(calls)) {
                assertEquals("", result.get());
            }
        }
    }

    static void unconfined() throws Exception {
        try (Fd nothing = Programs.devNull()) {
            JailedProcess child = Jail.spawnUnconfined(
                    "free",
                    List.of("/bin/sh", "-c", "exit 5"),
                    Map.of(),
                    List.of(FdMapping.of(nothing, 0), FdMapping.of(nothing, 1), FdMapping.of(nothing, 2)));
            assertEquals(new ExitStatus.Exited(5), child.pidfd().await());
            child.pidfd().close();
        }
    }

    static void unconfinedWithAFileInAnothersPlace() throws Exception {
        Path scratch = scratch();
        Path file = Files.writeString(scratch.resolve("file"), "this one\n");
        Path place = Files.writeString(scratch.resolve("place"), "that one\n");
        try (Fd nothing = Programs.devNull()) {
            JailedProcess child = Jail.spawnUnconfined(
                    "free",
                    List.of("/bin/sh", "-c", "read line <" + place + "; test \"$line\" = 'this one' && exit 5"),
                    Map.of(),
                    List.of(FdMapping.of(nothing, 0), FdMapping.of(nothing, 1), FdMapping.of(nothing, 2)),
                    file,
                    place);
            Files.delete(file);
            assertEquals(new ExitStatus.Exited(5), child.pidfd().await());
            child.pidfd().close();
        }
        assertEquals("that one\n", Files.readString(place));
    }

    private static Programs.Running javaUntil(String end) throws Exception {
        JailSpec.Builder spec = Programs.spec("java")
                .wideFilter(Programs.filter("wide"))
                .bind(Bind.of(Path.of("target/policies/platform.bpf"), "/jvmm/narrow.bpf", Bind.Kind.DATA));
        return Programs.java(spec, JailedJava.class.getName(), List.of("/jvmm/narrow.bpf", end));
    }

    private static String run(String script) throws Exception {
        try (Programs.Running shell = Programs.shell(Programs.spec("shell"), script)) {
            return shell.finish();
        }
    }

    /** A directory that only its owner may enter, in the build's own. */
    private static Path scratch() throws Exception {
        Path parent = Path.of("target").toAbsolutePath();
        return Files.createTempDirectory(
                parent, "jail", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }

    /** Readable for any uid. */
    private static Path world(Path directory) throws Exception {
        return Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
