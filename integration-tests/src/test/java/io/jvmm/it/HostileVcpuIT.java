package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A vCPU process that has been taken over ({@link HostileVcpu}) against device processes of every class, all of them real, in their jails and
 * behind their filters: each reports what it saw and ends, the supervisor tells of it with the bytes and replaces it; nothing else happens, and
 * when the lies are over all are there and at rest.
 */
@Tag("jail")
@Tag("fault")
class HostileVcpuIT extends MachineTest {
    private static final List<String> DEVICES =
            List.of("serial", "platform", "console", "rng", "balloon", "vsock", "block", "net");

    private static final long LASTS_MS = Long.getLong("jvmm.hostile.lastsMs", 500);
    /** Longer than a device is without a process. */
    private static final Duration QUIET = Duration.ofSeconds(3);

    private static final Duration PATIENCE = Duration.ofMinutes(2).plusMillis(10 * LASTS_MS);

    /** Of a processor. */
    private static final double MOST_SHARE = 0.5;

    private static final double MOST_AT_REST = 0.2;

    /**
     * What processes must have reported that were told one lie again and again: PROTOCOL.md, "Violations", with the bytes at fault. A length of 1
     * to 7; a message of a type that there is not; accesses of any region, which this device has or has not, as fast as it goes.
     */
    private static final List<String> FOUND = List.of(
            "RECORD_LENGTH at ring position 0: 0[1-7] 00 00 00 .*",
            "UNKNOWN_MESSAGE at ring position 0: [0-9a-f]{2} .*",
            "MESSAGE_FIELD at ring position [0-9]+: .*");

    @Override
    protected void requirements() {
        // The software processor, which runs nothing here.
    }

    @Test
    void everyClassOfDeviceReportsAndEndsAndIsReplaced() throws Exception {
        HostileDistribution distribution = new HostileDistribution(dir);
        distribution.takeOverVcpu("seed=" + TestSeed.next(), "lastsMs=" + LASTS_MS);
        Files.write(dir.resolve("disk.img"), new byte[1 << 20]);
        String toml = monitorToml("""
                [[serial]]
                port = 2
                backend = "file"
                path = "com2.log"
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
                [lifecycle]
                standby = "none"
                restart_budget = 100000
                restart_backoff_ms = 0
                """).replace("\"kvm\"", "\"x86\"");
        // Else not every replacement is told of, once there are many.
        try (Machine machine = Machine.with(dir, toml)
                .arguments("--verbose")
                .distribution(distribution.home())
                .run()) {
            long endNs = System.nanoTime() + PATIENCE.toNanos();
            while (replaced(machine, DEVICES.getFirst()).isEmpty()) {
                goesOn(machine, endNs);
            }
            ProcessorShares supervisor = new ProcessorShares(machine.handle().pid());
            while (!DEVICES.stream().allMatch(d -> allFound(replaced(machine, d)))) {
                goesOn(machine, endNs);
                supervisor.look();
            }
            // The last of them hears lies of all kinds. It may report them, or wait for ever for a record that is never
            // finished.
            int ends = 0;
            for (long lastNs = 0;
                    System.nanoTime() < lastNs
                            || ends != replaced(machine, "[a-z]+").size(); ) {
                if (ends != replaced(machine, "[a-z]+").size()) {
                    ends = replaced(machine, "[a-z]+").size();
                    lastNs = System.nanoTime() + QUIET.plusMillis(LASTS_MS).toNanos();
                }
                goesOn(machine, endNs);
                supervisor.look();
            }
            atRest(machine, endNs);
            System.out.println("the supervisor's threads: " + supervisor);
            assertTrue(supervisor.most(machine.handle().pid(), "-") < MOST_SHARE, supervisor.toString());
            String text = machine.messages().text();
            System.out.println(text);
            assertEquals(
                    List.of(),
                    text.lines()
                            .filter(l ->
                                    l.contains("; replaced after") && !l.contains("says that the vCPU process broke"))
                            .toList());
        }
    }

    private static boolean allFound(List<String> said) {
        return FOUND.stream().allMatch(f -> said.stream().anyMatch(s -> s.matches(f)));
    }

    private static void goesOn(Machine machine, long endNs) throws InterruptedException {
        assertTrue(
                System.nanoTime() < endNs && machine.handle().isAlive(),
                machine.messages().text());
        Transcript.pause(50);
    }

    /** All are there, each of them once, and none does anything. */
    private static void atRest(Machine machine, long endNs) throws IOException, InterruptedException {
        while (DEVICES.stream().anyMatch(d -> machine.children(d).isEmpty())) {
            goesOn(machine, endNs);
        }
        long[] pids = DEVICES.stream().mapToLong(machine::child).toArray();
        ProcessorShares shares = new ProcessorShares(pids);
        for (int i = 0; i < 30; i++) {
            goesOn(machine, endNs);
            shares.look();
        }
        System.out.println("the devices' threads at rest: " + shares);
        for (long pid : pids) {
            assertTrue(shares.most(pid, "-") < MOST_AT_REST, shares.toString());
        }
    }

    /** What the processes of a device said of the vCPU process, and were replaced for. */
    private static List<String> replaced(Machine machine, String device) {
        Matcher lines = Pattern.compile(
                        "device " + device + " says that the vCPU process broke the protocol: (.*); replaced after")
                .matcher(machine.messages().text());
        return lines.results().map(r -> r.group(1)).toList();
    }
}
