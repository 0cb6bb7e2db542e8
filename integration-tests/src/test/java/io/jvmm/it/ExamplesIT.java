package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The examples that come with the distribution are in order, and so is what they say. */
@Tag("kvm")
class ExamplesIT extends MachineTest {
    @Test
    void everyExampleIsInOrder() throws Exception {
        List<Path> examples;
        try (Stream<Path> all = Files.list(Distribution.home().resolve("examples"))) {
            examples = all.filter(p -> p.toString().endsWith(".toml")).sorted().toList();
        }
        assertTrue(examples.size() >= 2, "examples: " + examples);
        Files.copy(monitor(), dir.resolve("vmlinuz"));
        Files.write(dir.resolve("initrd.img"), new byte[512]);
        for (Path example : examples) {
            Path copy = Files.copy(example, dir.resolve(String.valueOf(example.getFileName())));
            try (Machine machine =
                    Machine.command("--check", "--config", copy.toString()).run()) {
                assertEquals(
                        0,
                        machine.awaitExit(),
                        example + ": " + machine.messages().text());
            }
        }
    }

    @Test
    void helpAndVersion() throws Exception {
        try (Machine machine = Machine.command("--help").run()) {
            assertEquals(0, machine.awaitExit());
            machine.console().awaitEnd(Machine.PATIENCE);
            assertTrue(machine.console().text().contains("--config"));
        }
        try (Machine machine = Machine.command("--version").run()) {
            assertEquals(0, machine.awaitExit());
            machine.console().awaitEnd(Machine.PATIENCE);
            assertTrue(machine.console().text().contains("0.1.0"));
        }
    }
}
