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
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every session of device-procs/BENCH.md, typed at the distribution's {@code jvmm-device}, says what the page says. */
@Tag("jail")
class BenchPageIT {
    private static final String SESSION = "    $ jvmm-device ";
    /** Tells where the output of one command ends. */
    private static final String MARK = "help quit";

    private static final Set<String> DEVICES =
            new TreeSet<>(Set.of("serial", "platform", "block", "net", "console", "rng", "balloon", "vsock"));

    private record Said(int status, String text) {}

    private static Said run(String input, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Distribution.home().resolve("bin/jvmm-device").toString()));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (var in = process.outputWriter(StandardCharsets.UTF_8)) {
            in.write(input);
        }
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Said(process.waitFor(), text);
    }

    private static Path page() {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(root.resolve("device-procs"))) {
            root = root.resolveSibling("");
        }
        return root.resolve("device-procs/BENCH.md");
    }

    @Test
    void thePageSaysWhatHappens() throws Exception {
        List<String> lines = Files.readAllLines(page());
        Set<String> shown = new TreeSet<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).startsWith(SESSION)) {
                continue;
            }
            List<String> session = lines.subList(i + 1, lines.size()).stream()
                    .takeWhile(l -> l.startsWith("    "))
                    .map(l -> l.substring(4))
                    .toList();
            String device = lines.get(i).substring(SESSION.length());
            shown.add(device);
            play(device, session);
        }
        assertEquals(DEVICES, shown);
    }

    private static void play(String device, List<String> session) throws IOException, InterruptedException {
        String prompt = device + "> ";
        String script = session.stream()
                .filter(l -> l.startsWith(prompt))
                .map(l -> l.substring(prompt.length()) + "\n" + MARK + "\n")
                .collect(Collectors.joining());
        Said said = run(script, device);
        assertEquals(0, said.status(), said.text());
        List<String> told = new ArrayList<>();
        List<String> commands = new ArrayList<>(
                session.stream().filter(l -> l.startsWith(prompt)).toList());
        told.add(commands.removeFirst());
        for (String line : said.text().lines().toList()) {
            if (!line.startsWith("  quit ")) {
                told.add(line);
            } else if (!commands.isEmpty()) {
                told.add(commands.removeFirst());
            }
        }
        assertEquals(session.size(), told.size(), () -> device + ":\n" + String.join("\n", told));
        for (int i = 0; i < session.size(); i++) {
            String expected = session.get(i);
            boolean fits = expected.endsWith("...")
                    ? told.get(i).startsWith(expected.substring(0, expected.length() - 3))
                    : told.get(i).equals(expected);
            assertTrue(fits, device + ": the page says\n" + expected + "\nand it said\n" + told.get(i));
        }
    }

    /** All that a script may do, behind the device's own filter, to the end. */
    @Test
    void theFilterAllowsAWholeScript() throws Exception {
        for (String device : DEVICES) {
            boolean virtio = !device.equals("serial") && !device.equals("platform");
            String script = virtio
                    ? "setup\noffer 0 \"x\" 64\nreap\nirq?\nmem 0: 16:1\nmem 0 10\nget device_status\nexpect f\n"
                    : "irq?\nsleep 10ms\nstate\n" + (device.equals("serial") ? "in 3fd\nexpect 60\n" : "");
            script += device.equals("console") ? "offer 1 \"hi\" 0\nexpect-host \"hi\"\nhost 1 \"x\"\n" : "";
            Said said = run(script, device, "--jail=enforce");
            assertEquals(0, said.status(), device + ": " + said.text());
            assertTrue(said.text().startsWith("jail: enforce\n"), said.text());
        }
    }

    @Test
    void mistakesAreToldWithTheCure() throws Exception {
        Said none = run("", "disk");
        assertEquals(2, none.status());
        assertTrue(none.text().contains("'disk' is no device; there are balloon block console"), none.text());
        Said wrong = run("mem 0: 5\n", "rng");
        assertEquals(2, wrong.status());
        assertTrue(wrong.text().contains("-:1: '5' is no bytes: write 00ff, a \"text\", or a number"), wrong.text());
        Said file = run("host 0 \"x\"\n", "console", "--open", "0.0.in=/dev/null", "--open", "0.0.out=/dev/null");
        assertEquals(2, file.status());
        assertTrue(file.text().contains("-:1: port 0 is a file of yours"), file.text());
        Said unmet = run("mem 0: 16:1\nexpect-mem 0: 0200\n", "rng");
        assertEquals(1, unmet.status());
        assertTrue(unmet.text().contains("memory at 0 holds 01 00, expected 02 00"), unmet.text());
    }
}
