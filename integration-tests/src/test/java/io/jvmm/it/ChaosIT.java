package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every device process is killed, or frozen, at random moments while a stock Linux works on all devices at once: nothing is lost, nothing is
 * wrong, and the guest's log is empty of complaints. 50 kills with a spare of each class, 50 without, a few freezes;
 * {@code -Djvmm.chaos.kills=1000 -Djvmm.chaos.freezes=100} for the long run, {@code -Djvmm.chaos.classes=block,net} for some only.
 */
@Tag("fault")
class ChaosIT extends MachineTest {
    private static final int SIGKILL = 9;
    private static final int SIGSTOP = 19;
    private static final List<String> CLASSES =
            List.of(System.getProperty("jvmm.chaos.classes", "serial,platform,block,net,console,rng,balloon,vsock")
                    .split(","));

    /** A budget that such a test does not use up, and no pause between attempts. */
    private static final String UNLIMITED = """
            restart_budget = 100000
            restart_backoff_ms = 0
            standby = "%s"
            """;

    @Override
    protected void requirements() {
        for (String program : new String[] {"ip", "busybox", "qemu-img"}) {
            if (!Host.has(program)) {
                throw new AssertionError(
                        "this test needs " + program + ": sudo apt-get install iproute2 busybox-static qemu-utils");
            }
        }
    }

    @Test
    void killedWithASpareOfEachClass() throws Exception {
        torment("all", SIGKILL, Integer.getInteger("jvmm.chaos.kills", 100) / 2, 300);
    }

    @Test
    void killedWithoutSpares() throws Exception {
        torment("none", SIGKILL, Integer.getInteger("jvmm.chaos.kills", 100) / 2, 300);
    }

    @Test
    void frozen() throws Exception {
        torment("all", SIGSTOP, Integer.getInteger("jvmm.chaos.freezes", 8), 300);
    }

    private void torment(String standby, int signal, int times, int longestPauseMillis) throws Exception {
        long seed = Long.getLong("jvmm.seed", System.nanoTime());
        System.out.println("seed " + seed + ", signal " + signal + " " + times + " times, spares: " + standby);
        NetworkNamespace.run(() -> {
            Path here = Files.createDirectories(dir.resolve(standby + signal));
            Random random = new Random(seed);
            Map<String, Integer> victims = new TreeMap<>();
            try (ChaosGuest guest = ChaosGuest.boot(here, UNLIMITED.formatted(standby), seed)) {
                Machine machine = guest.machine().machine();
                for (int i = 0; i < times; i++) {
                    Transcript.pause(random.nextInt(longestPauseMillis));
                    String victim = CLASSES.get(i % CLASSES.size());
                    List<Long> pids = new ArrayList<>(machine.children(victim));
                    long pid = pids.get(random.nextInt(pids.size()));
                    victims.merge(victim, 1, Integer::sum);
                    Machine.kill(pid, signal);
                    awaitSuccessor(machine, victim, pids, pid);
                    assertEquals("", guest.faults(), "after " + i + " times, the last " + victim);
                }
                Transcript.pause(1000);
                System.out.println(victims);
                guest.verify();
                System.out.println(guest.machine().messages());
            }
        });
    }

    /** Until the victim has gone and as many processes of its class are there as before. */
    private static void awaitSuccessor(Machine machine, String victim, List<Long> before, long pid)
            throws InterruptedException {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        while (machine.children(victim).contains(pid)
                || machine.children(victim).size() < before.size()) {
            if (System.nanoTime() - deadline > 0 || !machine.handle().isAlive()) {
                throw new AssertionError("no successor of " + victim + "; the supervisor said:\n"
                        + machine.messages().text());
            }
            Transcript.pause(5);
        }
    }
}
