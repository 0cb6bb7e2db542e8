package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Who watches a machine: events, table, metrics and traces against a real guest and a device that is killed; observers that are stopped, and what
 * the guest notices of them. {@code -Djvmm.stopped.seconds=60} for the long run.
 */
@Tag("kvm")
@Tag("fault")
class TelemetryIT extends MachineTest {
    private static final Duration PATIENCE = Machine.PATIENCE;
    private static final int SIGSTOP = 19;
    private static final int SIGCONT = 18;
    private static final int SIGTERM = 15;
    private static final Pattern ANSWER = Pattern.compile("(\\d+) reads, (\\d+) ticks");

    private Ctl ctl() {
        return new Ctl(dir.resolve("control"));
    }

    private Machine start() throws IOException {
        return Machine.with(dir, monitorToml("[control]\nsocket = \"control\"\n[metrics]\nlisten = \"./metrics\"\n"))
                .run()
                .awaitPrompt();
    }

    private Machine observer(String... words) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Distribution.home().resolve("bin/jvmmctl").toString(),
                "--socket",
                dir.resolve("control").toString()));
        command.addAll(List.of(words));
        return Machine.program(command.toArray(String[]::new)).run();
    }

    private static void off(Machine machine) throws Exception {
        machine.type("off\r");
        assertEquals(0, machine.awaitExit());
    }

    @Test
    void aKilledDeviceIsSeenInEventsTableAndMetrics() throws Exception {
        try (Machine machine = start();
                Machine follow = observer("events", "--follow", "--level", "debug")) {
            follow.console().await("the guest runs", PATIENCE);
            long before = machine.child("platform");
            ctl().done("device", "trace", "serial", "--every", "50");
            ctl().done("device", "kill", "platform");
            follow.console().await("replaced", PATIENCE);
            machine.ask("bench 3fd 5000");
            follow.console().await("trace", PATIENCE);

            String events = ctl().done("events").text();
            assertTrue(events.contains("was killed by SIGKILL [" + before + "]"), events);
            assertTrue(events.contains("replaced"), events);
            String table = ctl().done("top", "--once").text();
            System.out.println(events + table);
            long after = machine.child("platform");
            assertTrue(
                    Pattern.compile("platform +serving +" + after + " +\\S+ +\\S+ +\\S+ +\\S+ +\\S+ +1 ")
                            .matcher(table)
                            .find(),
                    table);
            assertTrue(Pattern.compile("vcpu +running").matcher(table).find(), table);

            String metrics = ctl().done("metrics").text();
            String ofPlatform = "{vm=\"vm\",process=\"platform\",class=\"platform\"} ";
            assertTrue(metrics.contains("jvmm_process_restarts_total" + ofPlatform + "1\n"), metrics);
            Matcher reads = Pattern.compile("jvmm_device_reads_total\\{[^}]*process=\"serial\"[^}]*} (\\d+)")
                    .matcher(metrics);
            assertTrue(reads.find() && Long.parseLong(reads.group(1)) >= 5_000, metrics);
            assertFalse(
                    Pattern.compile("implausible_counters_total\\{[^}]*} [1-9]")
                            .matcher(metrics)
                            .find(),
                    metrics);
            String scraped = get("/metrics");
            assertTrue(scraped.startsWith("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"), scraped);
            assertTrue(scraped.endsWith("# EOF\n"), scraped);
            assertTrue(get("/").startsWith("HTTP/1.1 404 "));

            ctl().done("device", "restart", "platform");
            follow.console().await("was restarted on request [" + after + "]", PATIENCE);
            follow.console().await("was restarted on request (", PATIENCE);
            String wanted = ctl().done("events").text();
            assertTrue(
                    Pattern.compile("INFO +platform +ended +was restarted on request \\[")
                            .matcher(wanted)
                            .find(),
                    wanted);
            assertTrue(
                    Pattern.compile("INFO +platform +replaced .*, was restarted on request \\(")
                            .matcher(wanted)
                            .find(),
                    wanted);
            off(machine);
            assertEquals(0, follow.awaitExit(), "who follows ends with the machine");
            assertFalse(
                    follow.console().text().contains("missed"), follow.console().text());
        }
    }

    /** Nothing changes, and nothing happens: they would have to write before they saw it themselves. */
    @Test
    void whoWatchesEndsWithItsReader() throws Exception {
        try (Machine machine = start()) {
            for (String words : List.of("device inspect platform --watch 10s", "events --follow")) {
                Process pipeline = new ProcessBuilder(
                                "sh",
                                "-c",
                                Distribution.home().resolve("bin/jvmmctl") + " --socket " + dir.resolve("control") + " "
                                        + words + " | head -n 1")
                        .redirectErrorStream(true)
                        .start();
                try {
                    assertTrue(pipeline.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), words);
                    assertFalse(new String(pipeline.getInputStream().readAllBytes(), StandardCharsets.UTF_8).isEmpty());
                } finally {
                    pipeline.descendants().forEach(ProcessHandle::destroyForcibly);
                    pipeline.destroyForcibly();
                }
            }
            off(machine);
        }
    }

    private String get(String path) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(dir.resolve("metrics")))) {
            channel.write(ByteBuffer.wrap(
                    ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer all = ByteBuffer.allocate(1 << 20);
            while (channel.read(all) >= 0) {
                assertTrue(all.hasRemaining(), "an endless answer");
            }
            return new String(all.array(), 0, all.position(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void theTableLivesOnATerminalAndLeavesItAsItWas() throws Exception {
        try (Machine machine = start()) {
            for (boolean killed : new boolean[] {false, true}) {
                try (Machine top = Machine.program(
                                Distribution.home().resolve("bin/jvmmctl").toString(),
                                "--socket",
                                dir.resolve("control").toString(),
                                "top")
                        .onTerminal()
                        .run()) {
                    String before = top.terminal().originalSettings();
                    top.console().await("RESTARTS", PATIENCE);
                    top.console().await("serial", PATIENCE);
                    assertFalse(top.terminal().settings().equals(before), "raw while it lives");
                    if (killed) {
                        top.signal(9);
                    } else {
                        top.type("q");
                    }
                    assertEquals(killed ? 128 + 9 : 0, top.awaitExit());
                    long endNs = System.nanoTime() + PATIENCE.toNanos();
                    while (!top.terminal().settings().equals(before)) {
                        assertTrue(System.nanoTime() < endNs, "the guard restores what it was");
                        Transcript.pause(20);
                    }
                }
            }
            off(machine);
        }
    }

    /** The bus: there while somebody observes, the user's alone, and gone afterwards. */
    @Test
    void whoGoesLeavesNothing() throws Exception {
        try (Machine machine = start()) {
            assertEquals(List.of(), busDirectories(machine));
            ctl().done("top", "--once");
            List<Path> made = busDirectories(machine);
            assertEquals(1, made.size(), made::toString);
            assertEquals(PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(made.getFirst()));
            long endNs = System.nanoTime() + PATIENCE.toNanos();
            while (!busDirectories(machine).isEmpty()) {
                assertTrue(System.nanoTime() < endNs, "the stream does not end");
                Transcript.pause(100);
            }
            off(machine);
        }
    }

    private static List<Path> busDirectories(Machine machine) throws IOException {
        Path vms = Path.of(Files.isDirectory(Path.of("/run/jvmm/vms")) ? "/run/jvmm/vms" : "/tmp");
        List<Path> found = new ArrayList<>();
        try (Stream<Path> all = Files.list(vms)) {
            for (Path vm : all.filter(p -> String.valueOf(p.getFileName())
                            .startsWith(machine.handle().pid() + "-"))
                    .toList()) {
                try (Stream<Path> own = Files.list(vm)) {
                    own.filter(p -> String.valueOf(p.getFileName()).startsWith("bus-"))
                            .forEach(found::add);
                }
            }
        }
        return found;
    }

    /**
     * How long the guest's reads take without observer, with one, and with one that is stopped, in turns. The ratios are printed; the processors are the host's
     * and an observer's own work is on them too, so only a gross effect fails.
     */
    @Test
    void theGuestDoesNotNoticeWhoWatches() throws Exception {
        int seconds = Integer.getInteger("jvmm.stopped.seconds", 3);
        int rounds = Integer.getInteger("jvmm.telemetry.rounds", 3);
        List<Double> watched = new ArrayList<>();
        List<Double> stopped = new ArrayList<>();
        try (Machine machine = start()) {
            bench(machine);
            for (int i = 0; i < rounds; i++) {
                double alone = bench(machine);
                try (Machine follow = observer("events", "--follow", "--level", "debug")) {
                    follow.console().await("the guest runs", PATIENCE);
                    watched.add(bench(machine) / alone);
                    Machine.kill(follow.handle().pid(), SIGSTOP);
                    if (i == 0) {
                        Transcript.pause(seconds * 1000L);
                    }
                    stopped.add(bench(machine) / alone);
                    Machine.kill(follow.handle().pid(), SIGCONT);
                    ctl().done("device", "restart", "platform");
                    follow.console().await("restarted on request", PATIENCE);
                    follow.signal(SIGTERM);
                    follow.awaitExit();
                }
            }
            off(machine);
        }
        System.out.printf(
                "a read of COM1 by the guest, in terms of one without an observer: with one %.2f, with one that is stopped"
                        + " %.2f (medians of %d)%n",
                median(watched), median(stopped), rounds);
        // What slows the guest down is in every round; another test's load, beside which this one may run, is not.
        assertTrue(Collections.min(stopped) < 2, () -> "ratios " + stopped);
    }

    private static double bench(Machine machine) throws IOException {
        Matcher answer = ANSWER.matcher(machine.ask("bench 3fd 10000"));
        assertTrue(answer.find(), "the guest did not answer");
        return Double.parseDouble(answer.group(2)) / Double.parseDouble(answer.group(1));
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
