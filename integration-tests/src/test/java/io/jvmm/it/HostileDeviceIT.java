package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A device process that is taken over behind its jail ({@link io.jvmm.device.api.HostileDevice}) and does one thing after the other: each
 * time it is found out, or ends, it is replaced by a process of the same program that does the next. Meanwhile the guest's serial line
 * echoes. The last process is the honest one again. {@code -Djvmm.hostile.processes=500} takes that many more over, {@code -Djvmm.seed=N} is the
 * seed of their lies.
 */
@Tag("kvm")
@Tag("fault")
class HostileDeviceIT extends MachineTest {
    private static final long SEED = TestSeed.next();
    /** Processes that tell all lies mixed, on one link or the other. */
    private static final int MIXED = Integer.getInteger("jvmm.hostile.processes", 2);

    private static final Duration PATIENCE = Duration.ofMinutes(6).plusSeconds(5L * MIXED);
    private static final String BOARD = "broke the protocol \\(noticed by vcpu\\): ";
    private static final String SUPERVISOR = "broke the protocol \\(noticed by the supervisor\\): ";
    /** It does no harm that anybody had to end, and ends by itself. */
    private static final String LEFT = "exited with 7";

    /** Its thread and the honest one, which answers the supervisor each second, write to one ring without knowing of each other. */
    private static final String RACE = LEFT + "|" + SUPERVISOR + "RECORD_(LENGTH|TYPE)|did not answer";

    /** Of a processor, for listening to a flood: far more than it takes (a tenth), and far less than all of it. */
    private static final double MOST_SHARE = 0.5;

    /** What the intruder does, and by what the supervisor tells that its process was replaced. */
    private record Deed(String name, String found) {}

    private static final List<Deed> EACH = List.of(
            new Deed("LINK_VIOLATION", BOARD + "RECORD_LENGTH"),
            new Deed("SUPERVISOR_VIOLATION", SUPERVISOR + "RECORD_LENGTH"),
            new Deed("EVENTS", LEFT),
            new Deed("LOGS", RACE),
            new Deed("BELLS", LEFT),
            new Deed("INTERRUPTS", LEFT),
            new Deed("EVERYTHING", RACE),
            new Deed("READY_TWICE", SUPERVISOR + "it sent more than 1000 events"),
            new Deed("UNASKED_ACK", SUPERVISOR + "it acknowledged .*, which it had not been asked"),
            new Deed("ACCUSE", "."),
            new Deed("SAY_HUNG", SUPERVISOR + "it sent DEVICE_HUNG, which is not its to say"),
            new Deed("SAY_STOPPED", SUPERVISOR + "it sent GUEST_STOPPED, which is not its to say"),
            new Deed("SAY_ENGINE", SUPERVISOR + "it sent ENGINE, which is not its to say"),
            new Deed("SAY_ESCAPE", SUPERVISOR + "it sent ESCAPE, which is not its to say"),
            new Deed("POWER", BOARD + "UNKNOWN_MESSAGE"),
            new Deed("DECLARE", BOARD + "UNKNOWN_MESSAGE"),
            new Deed("FREEZE", "did not answer for"),
            new Deed("THREADS", "was killed by SIG(SYS|SEGV)"),
            new Deed("HEAP", "."),
            new Deed("EXIT", LEFT));

    private static final List<Deed> DEEDS = Stream.concat(
                    EACH.stream(),
                    IntStream.range(0, MIXED).mapToObj(i -> new Deed(i % 2 == 0 ? "LINK" : "SUPERVISOR", ".")))
            .toList();

    private static final Pattern REPLACED = Pattern.compile("device rng (.*); replaced after .*");

    @Test
    void everythingItCanDo() throws Exception {
        HostileDistribution distribution = new HostileDistribution(dir);
        distribution.takeOver(
                "rng",
                "io.jvmm.device.rng.RngDevice",
                "deeds=" + DEEDS.stream().map(Deed::name).collect(Collectors.joining(",")),
                "delayMs=50",
                "lastsMs=2700",
                "seed=" + SEED);
        String toml = monitorToml("""
                [rng]
                [lifecycle]
                standby = "none"
                restart_budget = 100000
                restart_backoff_ms = 0
                hang_timeout_ms = 1200
                """);
        try (Machine machine = Machine.with(dir, toml)
                .arguments("--verbose")
                .distribution(distribution.home())
                .run()) {
            machine.awaitPrompt();
            ProcessorShares shares = new ProcessorShares(machine.handle().pid(), machine.child("vcpu"));
            List<String> replaced = List.of();
            long endNs = System.nanoTime() + PATIENCE.toNanos();
            while (replaced.size() < DEEDS.size()) {
                assertEquals("ff", machine.ask("in 1f7").strip());
                shares.look();
                replaced = replaced(machine);
                if (System.nanoTime() > endNs) {
                    throw new AssertionError("only " + replaced.size() + " deeds:\n"
                            + machine.messages().text());
                }
                Transcript.pause(50);
            }
            System.out.println("processors' shares, thread by thread: " + shares);
            assertTrue(shares.most(machine.child("vcpu"), "vcpu-") < MOST_SHARE, shares.toString());
            assertTrue(shares.most(machine.handle().pid(), "-") < MOST_SHARE, shares.toString());
            for (int i = 0; i < DEEDS.size(); i++) {
                System.out.println(DEEDS.get(i).name() + ": " + replaced.get(i));
            }
            for (int i = 0; i < DEEDS.size(); i++) {
                assertTrue(
                        Pattern.compile(DEEDS.get(i).found())
                                .matcher(replaced.get(i))
                                .find(),
                        DEEDS.get(i) + ", but: " + replaced.get(i));
            }
            machine.type("off\r");
            assertEquals(0, machine.awaitExit(), machine.messages().text());
            String said = machine.messages().text();
            assertTrue(said.chars().noneMatch(c -> c == 0x1b), "control characters reached the user");
        }
    }

    private static List<String> replaced(Machine machine) {
        Matcher lines = REPLACED.matcher(machine.messages().text());
        return lines.results().map(r -> r.group(1)).toList();
    }
}
