package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Machines side by side, of root and of an ordinary user. */
@Tag("kvm")
@Tag("jail")
class TwoMachinesIT extends MachineTest {
    private static final String[] PROCESSES = {"vcpu", "serial", "platform"};
    private static final String[] NAMESPACES = {"user", "mnt", "pid", "net", "ipc", "uts"};

    @Test
    void asRootTheyShareNothing() throws Exception {
        Host.requireRoot();
        Path other = Files.createDirectory(dir.resolve("other"));
        String toml = monitorToml("");
        try (Machine a = Machine.with(dir, toml).run();
                Machine b = Machine.with(other, toml).run()) {
            a.awaitPrompt();
            b.awaitPrompt();
            Set<String> uids = new HashSet<>();
            Set<String> namespaces = new HashSet<>();
            for (Machine machine : new Machine[] {a, b}) {
                for (String process : PROCESSES) {
                    long pid = machine.child(process);
                    String uid = uid(pid);
                    assertTrue(Integer.parseInt(uid) >= 100_000, process + " runs as " + uid);
                    assertTrue(uids.add(uid), process + " shares uid " + uid);
                    for (String kind : NAMESPACES) {
                        String namespace = LinuxProcess.namespace(pid, kind);
                        assertTrue(namespaces.add(namespace), process + " shares its namespace " + namespace);
                    }
                }
            }
            assertTrue(a.ask("uart").contains("LSR"));
            assertTrue(b.ask("uart").contains("LSR"));
            a.type("off\r");
            assertEquals(0, a.awaitExit());
            assertTrue(b.ask("uart").contains("LSR"), "the other one goes on");
            b.type("off\r");
            assertEquals(0, b.awaitExit());
        }
    }

    @Test
    void asAnOrdinaryUser() throws Exception {
        Host.requireRoot();
        Object modeOfKvm = Files.getAttribute(Path.of("/dev/kvm"), "unix:mode");
        BadInputIT.openToEveryone(dir);
        Path first = ownedByNobody("first");
        Path second = ownedByNobody("second");
        String toml = monitorToml("");
        try (Machine a = Machine.with(first, toml)
                        .under(OtherUser.nobodyWithKvm())
                        .run();
                Machine b = Machine.with(second, toml)
                        .under(OtherUser.nobodyWithKvm())
                        .run()) {
            a.awaitPrompt();
            b.awaitPrompt();
            for (Machine machine : new Machine[] {a, b}) {
                assertEquals("65534", uid(machine.handle().pid()), "the supervisor");
                for (String process : PROCESSES) {
                    long pid = machine.child(process);
                    assertEquals("65534", uid(pid), process);
                    for (String kind : NAMESPACES) {
                        assertNotEquals(
                                LinuxProcess.namespace(machine.handle().pid(), kind),
                                LinuxProcess.namespace(pid, kind),
                                process + " " + kind);
                    }
                }
                machine.type("off\r");
                assertEquals(0, machine.awaitExit(), machine.messages().text());
            }
        }
        assertEquals(modeOfKvm, Files.getAttribute(Path.of("/dev/kvm"), "unix:mode"), "the host's node is untouched");
    }

    private Path ownedByNobody(String name) throws IOException, InterruptedException {
        Path directory = Files.createDirectories(dir.resolve(name));
        new ProcessBuilder("chown", "65534:65534", directory.toString()).start().waitFor();
        return directory;
    }

    private static String uid(long pid) {
        return LinuxProcess.fields(pid, "status").getOrDefault("Uid", "").split("\t", -1)[0];
    }
}
