package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The walk that {@code supervisor/README.md} shows, command by command: a stock Linux with every device recorded is booted from the example, works, loses a
 * device, and is switched off; then each life is lived again, ten times, to the same state and outputs each time. {@code -Djvmm.replay.times=N}.
 */
@Tag("boot")
@Tag("jail")
class ReplayIT extends MachineTest {
    private static final Set<String> DEVICES =
            Set.of("balloon", "block", "console", "net", "platform", "rng", "serial", "vsock");
    private static final Pattern ROW = Pattern.compile(
            "(?<device>\\w+) +(?<life>\\d+) +(?<records>\\d+) +\\d+ +(?<checked>\\d+) +[0-9a-f]{16} +(?<outputs>\\d+) +[0-9a-f]+ +"
                    + "(?<same>\\d+) of (?<times>\\d+) +(?<end>.*)");

    private static final Pattern BROKE =
            Pattern.compile("port\\[0\\]\\.LCR was 0x[0-9a-f]{2} and is 0x[0-9a-f]{2} behind transaction [0-9]+");

    @Override
    protected void requirements() {
        // The software processor needs nothing of the host.
    }

    @Test
    void theWalkOfTheManual() throws Exception {
        int times = Integer.getInteger("jvmm.replay.times", 10);
        program("jvmm-debian-root", dir.toString());
        String example = Files.readString(Distribution.home().resolve("examples/journal.toml"));
        try (DebianMachine m = DebianMachine.booted(Machine.with(dir, example))) {
            work(m);
            new Ctl(dir.resolve("control")).done("device", "kill", "block");
            work(m);
            m.powerOff();
        }
        String journal = dir.resolve("journal").toString();
        String verified = program("jvmm-journal", "verify", journal);
        assertTrue(verified.lines().allMatch(l -> l.contains(": whole: ") && !l.contains("a gap")), verified);

        String table = program("jvmm-replay", "--journal", journal, "--times", Integer.toString(times));
        System.out.println(verified + table);
        List<String> lines = table.lines().toList();
        assertEquals(verified.lines().count() + 2, lines.size(), table);
        Set<String> devices = new TreeSet<>();
        for (String line : lines.subList(1, lines.size() - 1)) {
            Matcher row = ROW.matcher(line);
            assertTrue(row.matches(), line);
            devices.add(row.group("device"));
            assertEquals(Integer.toString(times), row.group("same"), line);
            assertTrue(Long.parseLong(row.group("outputs")) > 0, line);
            boolean left = verified.lines()
                    .anyMatch(l -> l.startsWith(row.group("device") + ", life " + row.group("life") + ": ")
                            && l.contains(", final state "));
            boolean ended = row.group("end").startsWith("ended with 0");
            // Its own last check point, and what the supervisor saw.
            assertTrue(Long.parseLong(row.group("checked")) >= (ended ? 1 : 0) + (left ? 1 : 0), line);
            assertTrue(!ended || left, line);
        }
        assertEquals(DEVICES, devices);
        assertTrue(table.contains("killed"), table);
        assertTrue(verified.contains("killed"), verified);
        assertTrue(lines.getLast().endsWith("the same states, the same outputs"), table);
        theOtherWaysToLookAtOne(journal);
    }

    private static void work(DebianMachine m) throws IOException {
        m.run("dd if=/dev/urandom of=/root/x bs=64k count=16 conv=fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches;"
                + " md5sum /root/x; head -c 64 /dev/hwrng | md5sum; echo hello >/dev/hvc0");
    }

    private static void theOtherWaysToLookAtOne(String journal) throws Exception {
        String jailed = program("jvmm-replay", "--journal", journal, "--device", "rng", "--times", "2", "--jail");
        assertTrue(jailed.contains("2 of 2"), jailed);
        String until =
                program("jvmm-replay", "--journal", journal, "--device", "block", "--times", "2", "--until", "9");
        assertEquals(2, until.lines().filter(l -> l.endsWith("goes on")).count(), until);
        String lcr = program(
                "jvmm-replay", "--journal", journal, "--device", "serial", "--life", "1", "--break-on", "port[0].LCR");
        assertTrue(lcr.lines().anyMatch(l -> BROKE.matcher(l).matches()), lcr);
        Path kept = Path.of(journal).resolveSibling("rng.jtrace");
        program("jvmm-replay", "--journal", journal, "--device", "rng", "--jail", "--keep", kept.toString());
        String flat = program("jvmm-replay", "--journal", kept.toString(), "--times", "3");
        assertTrue(flat.contains("3 of 3"), flat);
    }

    /** What a program of the distribution that must succeed said. */
    private static String program(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(words));
        command.set(0, Distribution.home().resolve("bin").resolve(words[0]).toString());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> command + ": " + text);
        return text;
    }
}
