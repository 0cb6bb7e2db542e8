package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.VmToml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackendsTest {
    @TempDir
    Path dir;

    @BeforeEach
    void kernel() throws Exception {
        Files.writeString(dir.resolve("k"), "kernel");
    }

    private RuntimeDirectory runtime() throws HostLackException {
        return RuntimeDirectory.open(dir.resolve("r"));
    }

    private LoadedConfig config(String text) throws ConfigException {
        return VmToml.read(text, "vm.toml", dir, HostFacts.read(), VmToml.Options.STANDARD);
    }

    private List<String> problems(String text) throws Exception {
        LoadedConfig c = config(text);
        try (RuntimeDirectory runtime = runtime()) {
            ConfigException e = assertThrows(ConfigException.class, () -> Backends.open(c, runtime));
            return e.problems().stream().map(ConfigProblem::toString).toList();
        }
    }

    private static String serial(String port) {
        return "[boot]\nkernel = \"k\"\n[[serial]]\nport = 1\n" + port;
    }

    /** Output only; the serial process need not know them from a terminal that nobody types on. */
    @Test
    void standardOutputAndErrorAreForWriting() throws Exception {
        LoadedConfig c = config(serial("backend = \"stdout\"\n[[serial]]\nport = 2\nbackend = \"stderr\"\n"));
        try (RuntimeDirectory runtime = runtime();
                Backends backends = Backends.open(c, runtime)) {
            BootRecord.Builder builder = BootRecord.builder();
            DeviceRecords.serial(backends.ports(), builder);
            BootRecord record = builder.build();
            for (int n = 0; n < 2; n++) {
                assertEquals("terminal", record.text("port." + n + ".backend"));
                assertEquals("none", record.text("port." + n + ".escape"));
                assertTrue(record.findFd("backend." + n + ".in").isEmpty());
                assertEquals(
                        file(1 + n), file(record.fd("backend." + n + ".out").number()));
            }
        }
    }

    private static String file(int descriptor) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
    }

    /** Opening one would wait for its reader. */
    @Test
    void aNamedPipeThatNobodyReadsIsNotWaitedFor() throws Exception {
        Path pipe = dir.resolve("pipe");
        Files.writeString(dir.resolve("k"), "kernel");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        assertEquals(
                List.of("vm.toml:6:1: serial[1].path: nobody is at the other end of " + pipe
                        + ". Start its reader first (a named pipe), or choose a file."),
                problems(serial("backend = \"file\"\npath = \"pipe\"\n")));
    }

    @Test
    void whatCannotBeBootedIsLocated() throws Exception {
        assertEquals(
                List.of(
                        "vm.toml:2:1: boot.kernel: there is no " + dir.resolve("absent")
                                + ". Correct the path; it is relative to the configuration.",
                        "vm.toml:3:1: boot.initrd: " + dir + " is not a regular file. Name an image."),
                problems("[boot]\nkernel = \"absent\"\ninitrd = \".\"\n"));
        Files.writeString(dir.resolve("empty"), "");
        assertEquals(
                List.of("vm.toml:2:1: boot.kernel: " + dir.resolve("empty") + " is empty. Name an image."),
                problems("[boot]\nkernel = \"empty\"\n"));
    }

    @Test
    void anInitrdLargerThanMemoryIsRefused() throws Exception {
        Files.write(dir.resolve("big"), new byte[3 << 20]);
        assertEquals(
                List.of("vm.toml:5:1: boot.initrd: " + dir.resolve("big")
                        + " has 3 MiB, which does not fit into the guest's memory (2 MiB). Raise machine.memory."),
                problems("[machine]\nmemory = \"2M\"\n[boot]\nkernel = \"k\"\ninitrd = \"big\"\n"));
    }

    @Test
    void checkMakesNothing() throws Exception {
        LoadedConfig c = config(serial("backend = \"socket\"\npath = \"no/such/socket\"\n")
                + "[[serial]]\nport = 2\nbackend = \"file\"\npath = \"out\"\n[platform]\ndebug_console = \".\"\n");
        try (RuntimeDirectory runtime = runtime()) {
            assertEquals(
                    List.of(
                            "vm.toml:6:1: serial[1].path: there is no directory " + dir.resolve("no/such")
                                    + ". Make it: mkdir -p " + dir.resolve("no/such"),
                            "vm.toml:12:1: platform.debug_console: " + dir + " is a directory. Name a file."),
                    Backends.check(c, runtime).stream()
                            .map(ConfigProblem::toString)
                            .toList());
        }
        assertFalse(Files.exists(dir.resolve("out")));
    }

    @Test
    void aPtyIsNamedLinkedAndUnlinked() throws Exception {
        try (RuntimeDirectory runtime = runtime();
                Backends b = Backends.open(config(serial("backend = \"pty\"\npath = \"tty\"\n")), runtime)) {
            Path target = Files.readSymbolicLink(dir.resolve("tty"));
            assertTrue(target.startsWith("/dev/pts"), target::toString);
            assertEquals(List.of("COM1 is " + target + ", linked as " + dir.resolve("tty")), b.notices());
        }
        assertFalse(Files.exists(dir.resolve("tty"), LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void aSocketIsPrivateAndRemovedAtTheEnd() throws Exception {
        Path path = dir.resolve("s");
        try (RuntimeDirectory runtime = runtime();
                Backends b = Backends.open(config(serial("backend = \"socket\"\npath = \"s\"\n")), runtime);
                UnixSocket client = UnixSocket.connect(path)) {
            assertNotNull(b.ports().getFirst().stream().socket());
            assertTrue(client.fd().isOpen());
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void aSocketThatNobodyListensOnIsReplacedAndOneInUseIsNot() throws Exception {
        Path path = dir.resolve("s");
        UnixSocket.listen(path, 1).fd().close();
        assertTrue(Files.exists(path));
        try (RuntimeDirectory runtime = runtime();
                Backends b = Backends.open(config(serial("backend = \"socket\"\npath = \"s\"\n")), runtime)) {
            assertEquals(1, b.ports().size());
            ConfigException e = assertThrows(
                    ConfigException.class,
                    () -> Backends.open(
                            config(serial("backend = \"socket\"\npath = \"s\"\n") + "[control]\nsocket = \"none\"\n"),
                            runtime));
            assertEquals(
                    "vm.toml:6:1: serial[1].path: " + path + " is in use: somebody listens on it."
                            + " Choose another path, or stop that program.",
                    e.getMessage());
            assertTrue(Files.exists(path));
        }
    }

    @Test
    void somebodysFileIsNeverReplaced() throws Exception {
        Files.writeString(dir.resolve("s"), "data");
        assertEquals(
                List.of("vm.toml:6:1: serial[1].path: " + dir.resolve("s")
                        + " exists and is no socket of ours. Remove it, or choose another path."),
                problems(serial("backend = \"socket\"\npath = \"s\"\n")));
        assertEquals(
                List.of("vm.toml:6:1: serial[1].path: " + dir.resolve("s")
                        + " exists already. Remove it, or choose another path."),
                problems(serial("backend = \"pty\"\npath = \"s\"\n")));
        assertEquals("data", Files.readString(dir.resolve("s")));
    }

    /** One that listens and does not accept, its backlog full: looking must not wait for it. */
    @Test
    void aSocketWithAFullBacklogIsInUse() throws Exception {
        Path path = dir.resolve("s");
        try (UnixSocket _ = UnixSocket.listen(path, 0);
                UnixSocket _ = UnixSocket.connectNow(path)) {
            List<String> problems = assertTimeoutPreemptively(
                    java.time.Duration.ofSeconds(30), () -> problems(serial("backend = \"socket\"\npath = \"s\"\n")));
            assertTrue(problems.toString().contains("somebody listens on it"), problems::toString);
        }
        assertTrue(Files.exists(path));
    }

    @Test
    void aNamedPipeIsNotReplacedByASocket() throws Exception {
        Path path = dir.resolve("s");
        assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
        assertEquals(
                List.of("vm.toml:6:1: serial[1].path: " + path
                        + " exists and is no socket of ours. Remove it, or choose another path."),
                problems(serial("backend = \"socket\"\npath = \"s\"\n")));
        assertTrue(Files.exists(path));
    }

    @Test
    void portsHaveNoGaps() throws Exception {
        String text = "[boot]\nkernel = \"k\"\n[[serial]]\nport = 3\nbackend = \"file\"\npath = \"out\"\n";
        try (RuntimeDirectory runtime = runtime();
                Backends b = Backends.open(config(text), runtime)) {
            assertEquals(3, b.ports().size());
            assertNull(b.ports().getFirst().config());
            assertNotNull(b.ports().get(2).stream().out());
            assertNull(b.ports().get(2).stream().in());
        }
    }
}
