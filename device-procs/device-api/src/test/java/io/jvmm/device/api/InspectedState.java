package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.state.StatePrinter;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.agrona.concurrent.UnsafeBuffer;

/** What every device's {@code --inspect} must be able to: read its own states and any that pretend to be, with names that exist. */
public final class InspectedState {
    private static final int RANDOM_STATES = 20;

    private final DeviceFactory factory;
    private final Map<String, String> entries = new TreeMap<>();
    private final DeviceIdentity identity;

    private InspectedState(DeviceFactory factory) {
        this.factory = factory;
        DeviceConfig example = factory.exampleConfig();
        DeviceConfig asked = key -> {
            Optional<String> value = example.find(key);
            value.ifPresent(text -> entries.put(key, text));
            return value;
        };
        this.identity = factory.identity(asked);
        factory.stateParts(asked);
    }

    /**
     * Checks a device.
     *
     * @param shown lines, each a path, {@code " = "} and a text, that a machine with the example configuration shows at power-on
     */
    public static void check(DeviceFactory factory, String... shown) throws IOException {
        InspectedState state = new InspectedState(factory);
        state.namesAreThose();
        state.ownStatesAreRead(List.of(shown));
        state.anyBytesHaveAText();
        state.othersAreRefused();
    }

    private byte[] powerOn() {
        UnsafeBuffer state = new ScratchMachine(factory, factory.exampleConfig()).state();
        byte[] bytes = new byte[state.capacity()];
        state.getBytes(0, bytes);
        return bytes;
    }

    private void namesAreThose() {
        Set<String> paths = new HashSet<>();
        StatePrinter.visit(
                identity.stateLayout(),
                StateFormats.NONE,
                new UnsafeBuffer(new byte[identity.stateLengthBytes()]),
                (path, raw, text) -> paths.add(StateFormats.withoutNumbers(path)));
        Set<String> unknown = new HashSet<>(factory.stateFormats().paths());
        unknown.removeAll(paths);
        assertEquals(Set.of(), unknown, "formats for fields that are none");
    }

    private List<String> run(String... states) throws IOException {
        String input = entries.entrySet().stream()
                        .map(e -> e.getKey() + "=" + e.getValue() + "\n")
                        .collect(Collectors.joining())
                + "\n" + String.join("\n", states) + "\n";
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        StateProgram.run(
                factory,
                new BufferedReader(new StringReader(input)),
                new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private String line(byte[] state) {
        return identity.stateVersion() + " " + Base64.getEncoder().encodeToString(state);
    }

    private void ownStatesAreRead(List<String> shown) throws IOException {
        byte[] state = powerOn();
        List<String> lines = run(line(state), line(state));
        assertEquals(
                "layout\t" + identity.name() + "\t" + identity.stateVersion() + "\t" + state.length, lines.getFirst());
        List<String> expected = new ArrayList<>();
        StatePrinter.visit(
                identity.stateLayout(),
                factory.stateFormats(),
                new UnsafeBuffer(state),
                (path, raw, text) -> expected.add("field\t" + path + "\t" + raw + "\t" + text));
        expected.add("end");
        List<String> parts = lines.stream()
                .filter(l -> l.startsWith("part\t"))
                .map(l -> l.substring(5))
                .toList();
        List<String> fields = lines.subList(1 + parts.size(), lines.size());
        assertEquals(expected, fields.subList(0, fields.size() / 2));
        assertEquals(expected, fields.subList(fields.size() / 2, fields.size()));
        for (String part : parts) {
            assertTrue(fields.stream().anyMatch(f -> f.startsWith("field\t" + part + ".")), part);
        }
        for (String line : shown) {
            String path = line.substring(0, line.indexOf(" = "));
            String text = line.substring(line.indexOf(" = ") + 3);
            List<String> found = fields.stream()
                    .filter(f -> f.startsWith("field\t" + path + "\t"))
                    .toList();
            assertFalse(found.isEmpty(), path);
            assertEquals(text, found.getFirst().substring(found.getFirst().lastIndexOf('\t') + 1), path);
        }
    }

    private void anyBytesHaveAText() throws IOException {
        Random random = new Random(TestSeed.next());
        for (int i = 0; i < RANDOM_STATES; i++) {
            byte[] state = new byte[identity.stateLengthBytes()];
            random.nextBytes(state);
            List<String> lines = run(line(state));
            assertEquals("end", lines.getLast());
            assertTrue(
                    lines.stream().filter(l -> l.startsWith("field\t")).allMatch(l -> l.split("\t", -1).length == 4),
                    () -> String.join("\n", lines));
        }
    }

    private void othersAreRefused() throws IOException {
        byte[] state = powerOn();
        String good = Base64.getEncoder().encodeToString(state);
        String version = Integer.toString(identity.stateVersion());
        for (String bad : List.of(
                "",
                "nonsense",
                version,
                version + " ?",
                version + " AAAA",
                "7" + version + " " + good,
                version + "  " + good)) {
            List<String> lines = run(bad, line(state));
            assertTrue(lines.stream().anyMatch(l -> l.startsWith("error\t")), bad);
            assertEquals("end", lines.getLast(), "the next one is read all the same");
        }
    }
}
