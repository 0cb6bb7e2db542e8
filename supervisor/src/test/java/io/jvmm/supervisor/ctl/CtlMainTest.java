package io.jvmm.supervisor.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command against a socket that answers what the test says. */
class CtlMainTest {
    @TempDir
    Path dir;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... args) {
        return new CtlMain(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8))
                .run(args);
    }

    private String said() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String complained() {
        return err.toString(StandardCharsets.UTF_8);
    }

    /** Answers a client for each reply; what the last one asked. */
    private CompletableFuture<String> answer(Path socket, String... replies) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        return CompletableFuture.supplyAsync(() -> {
            String last = "";
            try (server) {
                for (String reply : replies) {
                    last = answerOne(server, reply);
                }
                return last;
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static String answerOne(ServerSocketChannel server, String reply) throws IOException {
        try (SocketChannel client = server.accept()) {
            ByteBuffer asked = ByteBuffer.allocate(4096);
            while (client.read(asked) > 0 && asked.get(asked.position() - 1) != '\n') {
                // The rest of the line.
            }
            client.write(ByteBuffer.wrap(reply.getBytes(StandardCharsets.UTF_8)));
            return new String(asked.array(), 0, asked.position(), StandardCharsets.UTF_8);
        }
    }

    @ParameterizedTest
    @CsvSource({"nope, 1", "serial, 0", "recorder, 0"})
    void eventsOfAProcessThatIsNot(String name, int exit) throws IOException {
        Path socket = dir.resolve("s");
        String devices = "{\"ok\":true,\"devices\":[{\"name\":\"serial\"},{\"name\":\"block\"}]}\n";
        String none = "{\"ok\":true,\"events\":[]}\n";
        CompletableFuture<String> last =
                exit == 0 ? answer(socket, devices, none, none) : answer(socket, devices, none);
        assertEquals(exit, run("events", "--device", name, "--socket", socket.toString()), this::complained);
        if (exit != 0) {
            assertTrue(
                    complained().contains("no process \"nope\"; there are block, recorder, serial, supervisor, vcpu."),
                    complained());
        } else {
            assertEquals("{\"do\":\"events\"}\n", last.join());
        }
    }

    @Test
    void statusInWords() throws IOException, InterruptedException, ExecutionException {
        Path socket = dir.resolve("s");
        CompletableFuture<String> asked = answer(
                socket,
                "{\"ok\":true,\"vm\":\"web\",\"phase\":\"running\",\"uptimeMs\":12345,\"engine\":\"kvm\",\"vcpus\":2,"
                        + "\"memoryBytes\":536870912,\"pid\":42}\n");
        assertEquals(0, run("status", "--socket", socket.toString()), this::complained);
        assertEquals("{\"do\":\"status\"}\n", asked.get());
        assertEquals("""
                vm      web
                phase   running
                uptime  12.3s
                engine  kvm
                vcpus   2
                memory  512M
                pid     42
                """, said());
    }

    /** It ends the program when the time is over, and a program may do more than ask: the training run does, and so does this one. */
    @Test
    void whoHasAnAnswerIsNotTimedAnyMore() throws Exception {
        Path socket = dir.resolve("s");
        CompletableFuture<String> asked = answer(socket, "{\"ok\":true,\"message\":\"done\"}\n");
        assertEquals(0, run("pause", "--socket", socket.toString()), this::complained);
        assertEquals("{\"do\":\"pause\"}\n", asked.get());
        for (Thread t : Thread.getAllStackTraces().keySet()) {
            if (t.getName().equals("jvmmctl-timeout")) {
                t.join(10_000);
                assertFalse(t.isAlive());
            }
        }
    }

    @Test
    void devicesInColumns() throws IOException, InterruptedException, ExecutionException {
        Path socket = dir.resolve("s");
        CompletableFuture<String> asked = answer(
                socket,
                "{\"ok\":true,\"devices\":[{\"name\":\"block-a\",\"class\":\"block\",\"devices\":[\"block0\",\"block1\"],"
                        + "\"pid\":9,\"state\":\"serving\",\"restarts\":1,\"spare\":true,\"stateVersion\":65537,"
                        + "\"program\":\"0.1.0\",\"links\":\"connected\",\"distribution\":\"/opt\"}]}\n");
        assertEquals(0, run("--socket=" + socket, "device", "list"), this::complained);
        assertEquals("{\"do\":\"device-list\"}\n", asked.get());
        assertEquals("""
                NAME     CLASS  PID  STATE    RESTARTS  SPARE  VERSION  PROGRAM  LINKS      DEVICES        DISTRIBUTION
                block-a  block  9    serving  1         yes    65537    0.1.0    connected  block0,block1  /opt
                """, said());
    }

    @Test
    void linksInColumnsWithTheirFaults() throws IOException, InterruptedException, ExecutionException {
        String ring = "{\"produced\":96,\"consumed\":64,\"capacityBytes\":4096,\"depthBytes\":32,\"messages\":2}";
        String link =
                "{\"process\":\"rng\",\"devices\":[\"rng0\"],\"with\":\"vcpu\",\"health\":\"connected\",\"request\":"
                        + ring
                        + ",\"event\":" + ring.replace("\"messages\":2", "\"messages\":0,\"fault\":\"it lies\"")
                        + ",\"requestConsumerAsleep\":false,\"eventConsumerAsleep\":true,\"producersWaiting\":0,"
                        + "\"replySlots\":2,\"readersWaiting\":1}";
        Path socket = dir.resolve("s");
        CompletableFuture<String> asked = answer(socket, "{\"ok\":true,\"links\":[" + link + "]}\n");
        assertEquals(0, run("device", "links", "rng0", "--socket", socket.toString()), this::complained);
        assertEquals("{\"do\":\"device-links\"}\n", asked.get());
        assertEquals("""
                PROCESS  WITH  HEALTH     REQUESTS  DEPTH    IN_RING  READER  EVENTS  DEPTH    IN_RING  READER  READS  ROOM_WAITERS
                rng      vcpu  connected  64        32/4096  2        awake   64      32/4096  0        asleep  1/2    0
                rng with vcpu: event ring: it lies
                """, said());
    }

    private static String stateReply(String deviceClass, Path distribution) {
        return "{\"ok\":true,\"device\":\"rng0\",\"process\":\"rng\",\"class\":\"" + deviceClass
                + "\",\"part\":0,\"pid\":9,\"distribution\":\"" + distribution
                + "\",\"stateVersion\":65537,\"sequence\":3,\"ringPosition\":64,\"entries\":{},\"state\":\"AQI=\"}\n";
    }

    /** A state is read by the program of the distribution that the machine names, if that can be believed: root may ask anybody's machine. */
    @Test
    void aProgramThatOthersCanWriteIsNotRun() throws IOException {
        Path socket = dir.resolve("s");
        Path dist = Files.createDirectories(dir.resolve("dist"));
        var _ = answer(socket, stateReply("rng", dist));
        assertEquals(4, run("device", "inspect", "rng0", "--socket", socket.toString()));
        assertTrue(complained().contains("is no distribution, or not a whole one"), complained());
        Path other = dir.resolve("t");
        var _ = answer(other, stateReply("../../tmp/rng", dist));
        assertEquals(4, run("device", "inspect", "rng0", "--socket", other.toString()));
        assertTrue(complained().contains("what answers there is no supervisor of jvmm's"), complained());
    }

    @Test
    void upgradeAsksWithAnAbsolutePath() throws IOException, InterruptedException, ExecutionException {
        Path socket = dir.resolve("s");
        CompletableFuture<String> asked = answer(
                socket,
                "{\"ok\":true,\"upgrades\":[{\"device\":\"rng\",\"fromVersion\":1,\"toVersion\":2,\"blackoutNs\":2500000}]}\n");
        assertEquals(0, run("device", "upgrade", "rng", "--dist", "x/../y", "--socket", socket.toString()));
        assertEquals(
                "{\"do\":\"device-upgrade\",\"device\":\"rng\",\"dist\":\""
                        + Path.of("y").toAbsolutePath() + "\"}\n",
                asked.get());
        assertEquals("rng: upgraded, state version 1 to 2, blackout 2.5 ms\n", said());
    }

    @Test
    void aRefusalIsOneLineThatNoTerminalObeys() throws IOException {
        Path socket = dir.resolve("s");
        var _ = answer(socket, "{\"ok\":false,\"field\":\"device\",\"error\":\"no such \\u001b[31mthing\"}\n");
        assertEquals(1, run("device", "kill", "x", "--socket", socket.toString()));
        assertEquals("jvmmctl: device: no such ?[31mthing\n", complained());
        assertEquals("", said());
    }

    @Test
    void metricsAreLinesThatNoTerminalObeys() throws IOException {
        Path socket = dir.resolve("s");
        var _ = answer(socket, "{\"ok\":true,\"metrics\":\"a 1\\nb\\u001b[2J 2\\n\"}\n");
        assertEquals(0, run("metrics", "--socket", socket.toString()));
        assertEquals("a 1\nb?[2J 2\n", said());
    }

    @Test
    void jsonIsTheMachinesOwn() throws IOException {
        Path socket = dir.resolve("s");
        var _ = answer(socket, "{\"ok\":false,\"error\":\"no\"}\n");
        assertEquals(1, run("--json", "stop", "--socket", socket.toString()));
        assertEquals("{\"ok\":false,\"error\":\"no\"}\n", said());
    }

    @Test
    void whoIsNoSupervisorIsNotBelieved() throws IOException {
        for (String reply : List.of(
                "hello\n",
                "[]\n",
                "{}\n",
                "{\"ok\":false}\n",
                "{\"ok\":false,\"error\":7}\n",
                "{\"ok\":\"no\",\"error\":\"x\"}\n",
                "{\"ok\":false,\"error\":\"x\",\"field\":[]}\n",
                "{\"ok\":true}\n",
                "{\"ok\":true,\"devices\":[1]}\n")) {
            Path socket = dir.resolve("s" + Integer.toHexString(reply.hashCode()));
            var _ = answer(socket, reply);
            assertEquals(4, run("status", "--socket", socket.toString()), reply);
        }
        Path socket = dir.resolve("silent");
        var _ = answer(socket, "");
        assertEquals(4, run("status", "--socket", socket.toString()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "reboot | there is no command \"reboot\"",
                "device | device what? It is one of list, inspect,",
                "journal | journal what? It is one of status, start, stop, rotate.",
                "device trace rng --every x | --every x: it is a number of requests",
                "device kill | needs the name of a device",
                "device kill a b | does not take \"b\"",
                "device upgrade a | needs --dist DIR",
                "status --dist x | does not take --dist",
                "status --vm | --vm needs the name of a machine",
                "status --vm a --socket b | both say which machine",
                "device inspect | needs the name of a device",
                "device inspect a b c | does not take \"c\"",
                "device links a b | does not take \"b\"",
                "device inspect a --watch=fast | --watch is a time",
                "device inspect a --watch 1ms | --watch is a time from 10ms",
                "status --watch | does not take --watch",
                "status --timeout 0 | 1 to 86400 seconds",
                "status --jsno | there is no option --jsno",
                "--json | a command is missing",
            })
    void aWrongCommandLineIsExplained(String line, String expected) {
        assertEquals(2, run(line.split(" ", -1)));
        assertTrue(complained().contains(expected), complained());
        assertTrue(complained().contains("See: jvmmctl --help"), complained());
    }

    @Test
    void withoutWordsTheCommandLineIsWrong() {
        assertEquals(2, run());
        assertEquals("jvmmctl: a command is missing. See: jvmmctl --help\n", complained());
    }

    @Test
    void helpOfOneCommandIsOfThatCommand() {
        assertEquals(0, run("journal", "--help"));
        String journal = said();
        assertTrue(journal.startsWith("Usage: jvmmctl [options] journal ...\n"), journal);
        assertTrue(journal.contains("\n  journal rotate NAME") && journal.contains("\n  jvmmctl journal st"), journal);
        assertTrue(journal.contains("NAME is that of a process"), journal);
        assertFalse(
                journal.contains("PREFIX") || journal.contains("\n  pause") || journal.contains("--follow"), journal);
        out.reset();
        assertEquals(0, run("device", "inspect", "rng0", "-h"));
        assertTrue(said().startsWith("Usage: jvmmctl [options] device inspect NAME [PREFIX]"), said());
        assertTrue(said().contains("--watch") && said().contains("PREFIX chooses"), said());
        assertFalse(said().contains("device kill") || said().contains("--dist DIR  "), said());
        out.reset();
        assertEquals(0, run("top", "--help"));
        assertTrue(said().contains("--once") && said().contains("P99") && !said().contains("PREFIX"), said());
        assertTrue(said().lines().allMatch(l -> l.length() <= 120), said());
        assertEquals("", complained());
    }

    @Test
    void theHelpOfEachCommandFitsOnATerminal() {
        for (CtlCommand c : CtlCommand.values()) {
            out.reset();
            assertEquals(
                    0,
                    run(Stream.concat(Stream.of(c.words().split(" ")), Stream.of("--help"))
                            .toArray(String[]::new)));
            assertTrue(said().startsWith("Usage: jvmmctl [options] " + c.words()), said());
            assertTrue(said().lines().allMatch(l -> l.length() <= 120), said());
        }
    }

    @Test
    void helpTellsEveryCommandAndStatus() {
        assertEquals(0, run("--help"));
        for (CtlCommand c : CtlCommand.values()) {
            assertTrue(said().contains("\n  " + c.synopsis()), said());
        }
        for (CtlExit e : CtlExit.values()) {
            assertTrue(said().contains(e.meaning()), said());
        }
        assertTrue(said().lines().allMatch(l -> l.length() <= 120), said());
    }

    @Test
    void nobodyThereIsSaidWithTheCure() throws IOException {
        assertEquals(3, run("status", "--socket", dir.resolve("none").toString()));
        assertTrue(complained().contains("there is no"), complained());
        Path socket = dir.resolve("dead");
        ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(socket))
                .close();
        assertEquals(3, run("status", "--socket", socket.toString()));
        assertTrue(complained().contains("nobody listens on"), complained());
        Path file = Files.writeString(dir.resolve("file"), "");
        assertEquals(3, run("status", "--socket", file.toString()));
        assertTrue(complained().contains("file is no socket. Name what [control] socket names"), complained());
    }

    @Test
    void machinesAreFoundByName() throws IOException, CtlException {
        long pid = ProcessHandle.current().pid();
        announce(pid + "-1", "web");
        announce(pid + "-2", "db");
        announce("999999999-3", "dead");
        Files.createDirectories(dir.resolve("vms/" + pid + "-4"));
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwx------"));
        int uid = (Integer) Files.getAttribute(dir, "unix:uid");
        RunningMachines machines = new RunningMachines(dir, uid);
        assertEquals(
                List.of("db", "web"),
                machines.all().stream().map(RunningMachines.Machine::name).toList());
        assertEquals("web", machines.find(Optional.of("web")).name());
        assertTrue(refusal(machines, Optional.empty()).contains("several machines fit: db@" + pid + ", web@" + pid));
        assertTrue(refusal(machines, Optional.of("dead")).contains("no machine is called dead; there are db@"));
        announce(pid + "-5", "web");
        assertTrue(refusal(machines, Optional.of("web")).contains("several machines fit"));
        assertTrue(refusal(new RunningMachines(dir.resolve("x"), uid), Optional.empty())
                .contains("no machine of this user"));
    }

    /** Anybody can make /tmp/jvmm-UID first, and announce what he likes there. */
    @Test
    void aDirectoryThatIsNotOursAloneIsNotBelieved() throws IOException {
        announce(ProcessHandle.current().pid() + "-1", "web");
        int uid = (Integer) Files.getAttribute(dir, "unix:uid");
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertTrue(refusal(new RunningMachines(dir, uid), Optional.empty())
                .contains(dir
                        + ", where machines are announced, can be used by others (mode 0755): it is not believed."));
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwx------"));
        assertTrue(refusal(new RunningMachines(dir, uid + 1), Optional.empty())
                .contains("belongs to uid " + uid + ", not to uid " + (uid + 1)));
        Path link = Files.createSymbolicLink(dir.resolve("link"), dir);
        assertTrue(refusal(new RunningMachines(link, uid), Optional.empty()).contains("is a symbolic link"));
        Path file = Files.writeString(dir.resolve("file"), "");
        assertTrue(refusal(new RunningMachines(file, uid), Optional.empty()).contains("is no directory"));
    }

    private static String refusal(RunningMachines machines, Optional<String> name) {
        try {
            return "found " + machines.find(name);
        } catch (CtlException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private void announce(String directory, String name) throws IOException {
        Path mine = Files.createDirectories(dir.resolve("vms").resolve(directory));
        Path socket = Files.writeString(mine.resolve("control"), "");
        Files.writeString(mine.resolve("vm"), name + "\n" + socket + "\n");
    }
}
