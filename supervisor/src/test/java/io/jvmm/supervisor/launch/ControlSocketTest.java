package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.VmToml;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the control socket is, and what is not mistaken for its place. */
class ControlSocketTest {
    @TempDir
    Path dir;

    @BeforeEach
    void kernel() throws Exception {
        Files.writeString(dir.resolve("k"), "kernel");
    }

    private LoadedConfig config(String control) throws ConfigException {
        return VmToml.read(
                "serial = []\n[machine]\nname = \"web\"\n[boot]\nkernel = \"k\"\n" + control,
                "vm.toml",
                dir,
                HostFacts.read(),
                VmToml.Options.STANDARD);
    }

    private RuntimeDirectory runtime() throws HostLackException {
        return RuntimeDirectory.open(dir.resolve("r"));
    }

    private static int mode(Path path) throws Exception {
        return (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    }

    private String refusal(String control) throws Exception {
        LoadedConfig c = config(control);
        try (RuntimeDirectory runtime = runtime()) {
            return assertThrows(ConfigException.class, () -> Backends.open(c, runtime))
                    .problems()
                    .toString();
        }
    }

    @Test
    void withoutTheKeyItIsFoundByTheMachinesName() throws Exception {
        Path socket;
        try (RuntimeDirectory runtime = runtime();
                Backends backends = Backends.open(config(""), runtime)) {
            socket = runtime.controlSocket();
            assertTrue(backends.control().isPresent());
            assertEquals(0140600, mode(socket));
            assertEquals("web\n" + socket + "\n", Files.readString(socket.resolveSibling("vm")));
            UnixSocket.connectNow(socket).close();
        }
        assertFalse(Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void atAPathOfTheUsersItGoesWithTheMachine() throws Exception {
        Path socket = dir.resolve("c");
        try (RuntimeDirectory runtime = runtime();
                Backends backends = Backends.open(config("[control]\nsocket = \"c\"\n"), runtime)) {
            assertTrue(backends.control().isPresent());
            assertEquals(0140600, mode(socket));
            assertEquals(
                    "web\n" + socket + "\n", Files.readString(runtime.scratch().resolve("vm")));
            assertTrue(refusal("[control]\nsocket = \"c\"\n").contains("somebody listens on it"));
        }
        assertFalse(Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void noneIsNone() throws Exception {
        try (RuntimeDirectory runtime = runtime();
                Backends backends = Backends.open(config("[control]\nsocket = \"none\"\n"), runtime)) {
            assertTrue(backends.control().isEmpty());
            assertFalse(Files.exists(runtime.controlSocket()));
            assertFalse(Files.exists(runtime.scratch().resolve("vm")));
        }
    }

    @Test
    void whatADeadSupervisorLeftIsReplaced() throws Exception {
        Path socket = dir.resolve("c");
        UnixSocket.listen(socket, 1).close();
        assertTrue(Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
        try (RuntimeDirectory runtime = runtime();
                Backends backends = Backends.open(config("[control]\nsocket = \"c\"\n"), runtime)) {
            assertTrue(backends.control().isPresent());
            UnixSocket.connectNow(socket).close();
        }
    }

    @Test
    void whatIsSomebodyElsesIsLeftAlone() throws Exception {
        Path precious = Files.writeString(dir.resolve("precious"), "data");
        Files.createSymbolicLink(dir.resolve("link"), precious);
        Files.createSymbolicLink(dir.resolve("dangling"), dir.resolve("nowhere"));
        for (String name : new String[] {"precious", "link", "dangling"}) {
            String said = refusal("[control]\nsocket = \"" + name + "\"\n");
            assertTrue(said.contains("control.socket") && said.contains("is no socket of ours"), said);
        }
        assertEquals("data", Files.readString(precious));
        assertTrue(Files.isSymbolicLink(dir.resolve("link")));
        assertFalse(Files.exists(dir.resolve("nowhere"), LinkOption.NOFOLLOW_LINKS));
    }

    private String checked(String control) throws Exception {
        LoadedConfig c = config(control);
        try (RuntimeDirectory runtime = runtime()) {
            return Backends.check(c, runtime).toString();
        }
    }

    /** What the start would say, {@code --check} says, and makes and removes nothing. */
    @Test
    void aCheckSaysTheSame() throws Exception {
        Path stale = dir.resolve("stale");
        UnixSocket.listen(stale, 1).close();
        assertEquals("[]", checked("[control]\nsocket = \"stale\"\n"));
        assertTrue(Files.exists(stale));
        assertEquals("[]", checked("[control]\nsocket = \"new\"\n"));
        assertFalse(Files.exists(dir.resolve("new")));
        try (UnixSocket _ = UnixSocket.listen(dir.resolve("busy"), 1)) {
            assertTrue(checked("[control]\nsocket = \"busy\"\n").contains("somebody listens on it"));
        }
        Files.writeString(dir.resolve("data"), "");
        assertTrue(checked("[control]\nsocket = \"data\"\n").contains("is no socket of ours"));
        assertTrue(checked("[control]\nsocket = \"no/where\"\n").contains("there is no directory"));
    }

    /** The guest of a vsock connects to PATH_N by asking for port N. */
    @Test
    void itIsNotWhereTheGuestOfAVsockCanReachIt() throws Exception {
        String vsock = "[[vsock]]\ncid = 3\npath = \"v\"\n";
        for (String name : new String[] {"v_1024", "x/../v_7"}) {
            String control = "[control]\nsocket = \"" + name + "\"\n" + vsock;
            String expected = "the guest could control its own machine";
            assertTrue(refusal(control).contains(expected), refusal(control));
            assertTrue(checked(control).contains(expected), checked(control));
        }
        ConfigException same = assertThrows(ConfigException.class, () -> config("[control]\nsocket = \"v\"\n" + vsock));
        assertTrue(same.problems().toString().contains("is the vsock's already"), same::getMessage);
        assertEquals("[]", checked("[control]\nsocket = \"v_x\"\n" + vsock));
    }

    @Test
    void aRuntimeDirectoryWithTooLongAPathCostsTheSocketOnly() throws Exception {
        Path deep = Files.createDirectories(dir.resolve("d".repeat(100)));
        try (RuntimeDirectory runtime = RuntimeDirectory.open(deep.resolve("r"));
                Backends backends = Backends.open(config(""), runtime)) {
            assertTrue(backends.control().isEmpty());
            assertTrue(backends.notices().toString().contains("is too long for one"), backends.notices()::toString);
        }
    }
}
