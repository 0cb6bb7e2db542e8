package io.jvmm.policy.jail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same scenarios in a JVM of an ordinary user, and what happens where the kernel forbids user namespaces. */
@Tag("jail")
public final class JailAsNobodyTest {
    private static final String NOBODY = "65534";
    private static final int ROUNDS = 12;
    private static final List<FdMapping> STANDARD =
            List.of(new FdMapping(0, 0), new FdMapping(1, 1), new FdMapping(2, 2));

    @TempDir
    static Path copy;

    private static final List<String> classPath = new ArrayList<>();

    /** nobody may not be able to read this checkout, so it gets a copy of what it needs. */
    @BeforeAll
    static void copyClassPath() throws Exception {
        open(copy);
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            Path from = Path.of(entry);
            if (Files.exists(from)) {
                Path to = copy.resolve("cp" + classPath.size() + (Files.isDirectory(from) ? "" : ".jar"));
                copyTree(from, to);
                classPath.add(to.toString());
            }
        }
        copyTree(
                Path.of("target/policies"),
                Files.createDirectories(copy.resolve("target")).resolve("policies"));
        // The scenarios make their scratch directories here, whoever runs them.
        Files.setPosixFilePermissions(copy.resolve("target"), PosixFilePermissions.fromString("rwxrwxrwx"));
    }

    @Test
    void theScenariosAsAnOrdinaryUser() throws Exception {
        List<String> command = new ArrayList<>();
        if (Programs.root()) {
            command.addAll(List.of("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"));
        }
        command.addAll(java(JailScenarios.class));
        Process process = start(command);
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        System.out.println(text);
        assertEquals(0, process.waitFor(), text);
        assertEquals(
                JailScenarios.all().size(),
                text.lines().filter(l -> l.startsWith("ok ")).count(),
                text);
    }

    @Test
    void whereUserNamespacesAreForbiddenNothingStartsAndTheCureIsNamed() throws Exception {
        // The limit belongs to a user namespace: a new one is made for this test, and the host keeps its own.
        List<String> command = new ArrayList<>(List.of(
                "unshare", "-Urm", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"));
        command.addAll(java(Refused.class));
        Process process = start(command);
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(3, process.waitFor(), text);
        assertTrue(text.contains("step \"clone3\": ENOSPC"), text);
        assertTrue(text.contains("sysctl -w user.max_user_namespaces=10000 (it is 0)"), text);
    }

    @Test
    void aChildDiesWithItsSupervisorHoweverThatDies() throws Exception {
        Process supervisor = start(java(Holder.class));
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(supervisor.getInputStream(), StandardCharsets.UTF_8))) {
            String line = lines.readLine();
            assertTrue(line != null && line.startsWith("child "), line);
            try (Pidfd child = Pidfd.open(Integer.parseInt(line.substring(6)))) {
                Poller poller = new Poller(1);
                poller.add(child.fd(), Poller.READABLE);
                assertFalse(supervisor.destroyForcibly().waitFor() == 0);
                int ready = poller.await(TimeUnit.SECONDS.toNanos(20));
                assertEquals(1, ready, "the child outlives its supervisor");
            }
        }
    }

    @Test
    void aSupervisorKilledWhileItStartsChildrenLeavesNone() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int children = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String marker = "jvmm-storm-" + seed + "-" + round;
            List<String> command = new ArrayList<>(java(Storm.class));
            command.add(marker);
            Process supervisor = start(command);
            // The first byte says that it has begun.
            assertEquals('!', supervisor.getInputStream().read());
            Thread.sleep(random.nextInt(150));
            supervisor.destroyForcibly().waitFor();
            for (int pid : withMarker(marker)) {
                children++;
                try (Pidfd child = Pidfd.open(pid)) {
                    Poller poller = new Poller(1);
                    poller.add(child.fd(), Poller.READABLE);
                    assertEquals(1, poller.await(TimeUnit.SECONDS.toNanos(20)), "process " + pid + " stays");
                } catch (SysException.Missing gone) {
                    // Between the look and the touch.
                }
            }
            assertEquals(List.of(), withMarker(marker));
        }
        System.out.println(children + " children were still there at the first look");
    }

    /** Processes whose command line has the marker, be it as jailed shell or still as a copy of the supervisor. */
    private static List<Integer> withMarker(String marker) throws Exception {
        List<Integer> found = new ArrayList<>();
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            for (Path process : processes.toList()) {
                String pid = String.valueOf(process.getFileName());
                try {
                    if (pid.matches("[0-9]+")
                            && Files.readString(process.resolve("cmdline")).contains(marker)) {
                        found.add(Integer.parseInt(pid));
                    }
                } catch (IOException gone) {
                    // It ended meanwhile.
                }
            }
        }
        return found;
    }

    /** Starts children without end, several at once, that would stay for ever. */
    public static final class Storm {
        private Storm() {}

        public static void main(String[] args) throws Exception {
            JailSpec spec = Programs.spec("storm")
                    .bind(Bind.of(Path.of("/bin/sh"), "/bin/sh", Bind.Kind.PROGRAM))
                    .build();
            Jail.rehearse(spec, List.of("/bin/sh"), Map.of(), STANDARD);
            System.out.print('!');
            System.out.flush();
            for (int i = 0; i < 3; i++) {
                Thread.ofPlatform().start(() -> {
                    for (int n = 0; n < 100; n++) {
                        // It holds both ends of its standard input, which therefore never ends.
                        Pipe endless = Pipe.create();
                        Jail.spawn(
                                spec,
                                List.of("/bin/sh", "-c", "read x", args[0]),
                                Map.of(),
                                List.of(
                                        FdMapping.of(endless.reader(), 0),
                                        new FdMapping(1, 1),
                                        new FdMapping(2, 2),
                                        FdMapping.of(endless.writer(), 3)));
                        endless.close();
                    }
                });
            }
            Thread.currentThread().join();
        }
    }

    /** Tries to start something; 3 and the message when refused. */
    public static final class Refused {
        private Refused() {}

        public static void main(String[] args) throws Exception {
            try (Programs.Running running = Programs.shell(Programs.spec("refused"), "echo not so")) {
                System.out.println(running.finish());
                Runtime.getRuntime().halt(0);
            } catch (JailException e) {
                System.out.println(e.getMessage());
                Runtime.getRuntime().halt(3);
            }
        }
    }

    /** Starts a child and waits to be killed. */
    public static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws Exception {
            Programs.Running running = Programs.shell(Programs.spec("held"), "echo here; read x");
            if (running.line().equals("here")) {
                System.out.println("child " + running.process().pid());
            }
            Thread.currentThread().join();
        }
    }

    private static List<String> java(Class<?> main) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-ea",
                "--enable-native-access=ALL-UNNAMED",
                "--add-exports",
                "java.base/jdk.internal.misc=ALL-UNNAMED",
                "-cp",
                String.join(File.pathSeparator, classPath),
                main.getName());
    }

    private static Process start(List<String> command) throws Exception {
        return new ProcessBuilder(command)
                .directory(copy.toFile())
                .redirectErrorStream(true)
                .start();
    }

    private static void copyTree(Path from, Path to) throws Exception {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                Files.copy(file, target);
                open(target);
            }
        }
    }

    private static void open(Path path) throws Exception {
        String mode = Files.isDirectory(path) ? "rwxr-xr-x" : "rw-r--r--";
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }
}
