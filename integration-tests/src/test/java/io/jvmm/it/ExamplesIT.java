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
        Files.write(dir.resolve("disk.img"), new byte[1 << 20]);
        DebianMachine.host(
                "qemu-img",
                "create",
                "-q",
                "-f",
                "qcow2",
                dir.resolve("disk.qcow2").toString(),
                "1M");
        for (Path example : examples) {
            // A tap of that name is the host's business; a new one is made without it.
            String text = Files.readString(example).replaceAll("(?m)^tap = .*$", "");
            Path copy = Files.writeString(dir.resolve(String.valueOf(example.getFileName())), text);
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
