package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A supervisor that may open nothing more while devices die, spares are due, and clients of every kind come: the machine goes on, and with
 * descriptors everything is there again.
 */
@Tag("fault")
class NoDescriptorsIT extends MachineTest {
    private static final String MACHINE = """
            [[vsock]]
            cid = 3
            path = "vsock"
            [rng]
            [[serial]]
            port = 2
            backend = "socket"
            path = "com2"
            [control]
            socket = "control"
            [lifecycle]
            standby = "all"
            restart_budget = 1000
            """;

    @Test
    void theSupervisorSurvivesWantOfDescriptors() throws Exception {
        try (Machine machine = Machine.with(dir, monitorToml(MACHINE)).run().awaitPrompt()) {
            try (ControlLine control = new ControlLine(dir.resolve("control"))) {
                await("spares", () -> control.devices().stream().allMatch(ControlLine.Device::spare));
                limit(machine, descriptors(machine));
                List<SocketChannel> clients = new ArrayList<>();
                for (int round = 0; round < 3; round++) {
                    for (String device : List.of("rng", "vsock", "serial")) {
                        long pid = control.device(device).pid();
                        if (pid != 0) {
                            Machine.kill(pid, 9);
                        }
                    }
                    for (String socket : List.of("vsock", "com2", "control")) {
                        clients.add(client(dir.resolve(socket)));
                    }
                    Transcript.pause(700);
                    assertTrue(machine.handle().isAlive(), machine.messages().text());
                }
                await("a word of it", () -> {
                    String said = machine.messages().text();
                    return said.contains("EMFILE") || said.contains("Too many open files");
                });
                limit(machine, 4096);
                await("everything", () -> control.devices().stream().allMatch(d -> d.serves() && d.spare()));
                for (SocketChannel client : clients) {
                    client.close();
                }
            }
            try (ControlLine again = new ControlLine(dir.resolve("control"))) {
                assertTrue(again.device("rng").serves());
            }
            machine.signal(15);
            machine.signal(2);
            machine.signal(2);
            machine.awaitExit();
            assertTrue(
                    machine.messages().text().lines().noneMatch(l -> l.contains("Exception")),
                    machine.messages().text());
        }
        assertEquals(List.of(), left());
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(String what, Condition condition) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < end, "never: " + what);
            Transcript.pause(100);
        }
    }

    private static SocketChannel client(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
    }

    /** How many it has: one more than the highest would leave it the gaps. */
    private static int descriptors(Machine machine) throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + machine.handle().pid() + "/fd"))) {
            return (int) all.count();
        }
    }

    private static void limit(Machine machine, int files) throws Exception {
        Process p = new ProcessBuilder(
                        "prlimit", "--pid", Long.toString(machine.handle().pid()), "--nofile=" + files + ":")
                .inheritIO()
                .start();
        assertEquals(0, p.waitFor());
    }

    private List<String> left() throws IOException {
        try (Stream<Path> all = Files.list(dir)) {
            return all.map(p -> p.getFileName().toString())
                    .filter(List.of("vsock", "com2", "control")::contains)
                    .toList();
        }
    }
}
