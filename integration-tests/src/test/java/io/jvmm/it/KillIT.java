package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * {@code kill -9} of any process of a machine at a random moment, from its first millisecond on. A device's process is replaced
 * once the guest runs, and the guest works on; else the machine ends, nothing stays behind, the terminal is as it was, and where
 * the supervisor lives it says who died of what. 30 times; {@code -Djvmm.kills=200} for the long run.
 */
@Tag("kvm")
@Tag("fault")
class KillIT extends MachineTest {
    private static final String[] VICTIMS = {"supervisor", "vcpu", "serial", "platform"};
    private static final int SIGKILL = 9;
    private static final int INTERNAL = 4;
    private static final Path RUNTIME = Path.of("/run/jvmm/vms");
    private static final Duration RESTORED = Duration.ofSeconds(10);
    /** The longest random delay: start-up takes about half of it. */
    private static final int LONGEST_DELAY_MILLIS = 2000;

    @Test
    void killAtRandomMoments() throws Exception {
        int times = Integer.getInteger("jvmm.kills", 30);
        long seed = TestSeed.next();
        System.out.println("seed " + seed + ", " + times + " times");
        Random random = new Random(seed);
        Leaks leaks = Leaks.before();
        String toml = monitorToml("");
        Set<Long> supervisors = new HashSet<>();
        for (int i = 0; i < times; i++) {
            String victim = VICTIMS[random.nextInt(VICTIMS.length)];
            int delay = random.nextInt(LONGEST_DELAY_MILLIS);
            String what = "kill " + i + ": " + victim + " after " + delay + " ms (seed " + seed + ")";
            System.out.println(what);
            try (Machine machine = Machine.with(dir, toml).onTerminal().run()) {
                supervisors.add(machine.handle().pid());
                kill(machine, victim, delay, what);
            }
            leaks.assertNone();
        }
        assertRuntimeDirectoriesAreCleared(supervisors);
    }

    /** What a killed supervisor could not remove, the next one does. */
    private void assertRuntimeDirectoriesAreCleared(Set<Long> supervisors) throws Exception {
        try (Machine next = Machine.with(dir, monitorToml("")).run().awaitPrompt()) {
            next.type("off\r");
            assertEquals(0, next.awaitExit());
        }
        if (!Files.isDirectory(RUNTIME)) {
            return;
        }
        try (Stream<Path> all = Files.list(RUNTIME)) {
            List<String> left = all.map(p -> String.valueOf(p.getFileName()))
                    .filter(name -> supervisors.contains(Long.valueOf(name.substring(0, name.indexOf('-')))))
                    .toList();
            assertEquals(List.of(), left, "directories of dead supervisors");
        }
    }

    private static void kill(Machine machine, String victim, int delayMillis, String what) throws Exception {
        Transcript.pause(delayMillis);
        if (victim.equals("supervisor")) {
            machine.signal(SIGKILL);
            assertEquals(128 + SIGKILL, machine.awaitExit(), what);
        } else {
            long pid = awaitChild(machine, victim);
            Machine.kill(pid, SIGKILL);
            boolean replaced = !victim.equals("vcpu") && isReplaced(machine, victim, what);
            if (replaced) {
                machine.awaitPrompt();
                machine.type("off\r");
            }
            int status = machine.awaitExit();
            String said = machine.messages().text();
            assertEquals(replaced ? 0 : INTERNAL, status, what + ": " + said);
            assertTrue(
                    said.lines().anyMatch(line -> line.contains(victim) && line.contains("SIGKILL")),
                    what + ": " + said);
        }
        Terminal terminal = machine.terminal();
        long deadline = System.nanoTime() + RESTORED.toNanos();
        while (!terminal.settings().equals(terminal.originalSettings()) && System.nanoTime() - deadline < 0) {
            Transcript.pause(10);
        }
        assertEquals(terminal.originalSettings(), terminal.settings(), what);
    }

    /** Whether the guest ran already: then it runs on. */
    private static boolean isReplaced(Machine machine, String victim, String what) throws InterruptedException {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        while (machine.handle().isAlive()) {
            if (machine.messages().text().contains("device " + victim + " was killed by SIGKILL; replaced after ")) {
                return true;
            }
            assertTrue(
                    System.nanoTime() - deadline < 0,
                    what + ": " + machine.messages().text());
            Transcript.pause(5);
        }
        return false;
    }

    /** The supervisor killed while spares wait and a successor is under way: none of them stays. */
    @Test
    void noSpareOutlivesTheSupervisor() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Leaks leaks = Leaks.before();
        for (int i = 0; i < 3; i++) {
            int delay = random.nextInt(60);
            String what = "seed " + seed + ", kill " + i + " after " + delay + " ms";
            System.out.println(what);
            try (Machine machine = Machine.with(dir, monitorToml("[lifecycle]\nstandby = \"all\"\n"))
                    .run()
                    .awaitPrompt()) {
                long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
                while (machine.children("serial").size() < 2
                        || machine.children("platform").size() < 2) {
                    assertTrue(System.nanoTime() - deadline < 0, what + ": no spares came");
                    Transcript.pause(20);
                }
                for (String victim : new String[] {"serial", "platform"}) {
                    Machine.kill(machine.children(victim).getFirst(), SIGKILL);
                }
                Transcript.pause(delay);
                machine.signal(SIGKILL);
                assertEquals(128 + SIGKILL, machine.awaitExit(), what);
            }
            leaks.assertNone();
        }
    }

    /** It may not have been started yet. */
    private static long awaitChild(Machine machine, String name) throws InterruptedException {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        while (true) {
            try {
                return machine.child(name);
            } catch (AssertionError e) {
                if (!machine.handle().isAlive() || System.nanoTime() - deadline > 0) {
                    throw e;
                }
                Transcript.pause(5);
            }
        }
    }
}
