package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every device process is killed, or frozen, at random moments while a stock Linux works on all devices at once: nothing is lost, nothing is
 * wrong, and the guest's log is empty of complaints. 60 kills with a spare of each class, 40 without, a few freezes;
 * {@code -Djvmm.chaos.kills=1000 -Djvmm.chaos.freezes=100} for the long run, {@code -Djvmm.chaos.classes=block,net} for some only,
 * {@code -Djvmm.chaos.pause=4000} for longer random pauses (milliseconds at most): a spare is ready again before the next kill.
 */
@Tag("fault")
class ChaosIT extends MachineTest {
    private static final int SIGKILL = 9;
    private static final int SIGSTOP = 19;
    private static final int LONGEST_PAUSE_MILLIS = Integer.getInteger("jvmm.chaos.pause", 300);
    private static final int KILLS = Integer.getInteger("jvmm.chaos.kills", 100);
    private static final int FREEZES = Integer.getInteger("jvmm.chaos.freezes", 9);
    private static final List<String> CLASSES =
            List.of(System.getProperty("jvmm.chaos.classes", "serial,platform,block,net,console,rng,balloon,vsock")
                    .split(","));

    /**
     * A budget that such a test does not use up, no pause between attempts, and a wait for a successor that ends on no host, however busy: after it a
     * read gives all ones, which a serial driver takes for a byte.
     */
    private static String unlimited(String standby) {
        return """
                restart_budget = 100000
                restart_backoff_ms = 0
                replace_timeout_ms = 60000
                standby = "%s"
                """.formatted(standby);
    }

    private final long seed = TestSeed.next();
    private final Random random = new Random(seed);

    @Override
    protected void requirements() {
        Host.requireRoot();
        for (String program : new String[] {"ip", "busybox", "qemu-img"}) {
            if (!Host.has(program)) {
                throw new AssertionError(
                        "this test needs " + program + ": sudo apt-get install iproute2 busybox-static qemu-utils");
            }
        }
    }

    @Test
    void killedAndFrozenWithASpareOfEachClass() throws Exception {
        torment("all", KILLS * 3 / 5, FREEZES);
    }

    @Test
    void killedWithoutSpares() throws Exception {
        torment("none", KILLS * 2 / 5, 0);
    }

    private void torment(String standby, int kills, int freezes) throws Exception {
        System.out.println("seed " + seed + ", spares: " + standby);
        NetworkNamespace.run(() -> {
            Path here = Files.createDirectories(dir.resolve(standby));
            try (ChaosGuest guest = ChaosGuest.boot(here, unlimited(standby), seed);
                    ControlLine control = new ControlLine(here.resolve("control"))) {
                Map<String, Integer> killed = strike(guest, control, SIGKILL, kills);
                Transcript.pause(1000);
                System.out.println("killed " + killed + "\n" + control.stalls());
                if (freezes > 0) {
                    guest.expectAllOnes();
                    Map<String, Integer> frozen = strike(guest, control, SIGSTOP, freezes);
                    Transcript.pause(1000);
                    System.out.println("and frozen " + frozen + "; both together\n" + control.stalls());
                }
                guest.verify();
            }
        });
    }

    /** So many times; how often whom. */
    private Map<String, Integer> strike(ChaosGuest guest, ControlLine control, int signal, int times) throws Exception {
        Map<String, Integer> victims = new TreeMap<>();
        List<String> names = control.devices().stream()
                .filter(d -> CLASSES.contains(d.deviceClass()))
                .map(ControlLine.Device::name)
                .toList();
        for (int i = 0; i < times; i++) {
            Transcript.pause(random.nextInt(LONGEST_PAUSE_MILLIS));
            String name = names.get(i % names.size());
            ControlLine.Device victim = control.device(name);
            Machine.kill(victim.pid(), signal);
            victims.merge(victim.deviceClass(), 1, Integer::sum);
            awaitSuccessor(guest, control, victim);
            String struck = "after signal " + signal + " number " + i + ", to " + name;
            assertEquals(
                    "",
                    guest.faults(),
                    () -> struck + "; the supervisor said:\n" + guest.machine().messages());
        }
        return victims;
    }

    private static void awaitSuccessor(ChaosGuest guest, ControlLine control, ControlLine.Device victim)
            throws Exception {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        ControlLine.Device now = control.device(victim.name());
        while (!now.serves() || now.pid() == victim.pid()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("no successor of " + victim + " but " + now + "; the supervisor said:\n"
                        + guest.machine().messages());
            }
            Transcript.pause(2);
            now = control.device(victim.name());
        }
    }
}
