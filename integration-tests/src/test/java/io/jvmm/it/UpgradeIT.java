package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Live upgrades under a stock guest that works: back and forth between two versions of the entropy device with different states,
 * between two copies of the block device, and whatever can be refused or must be rolled back. 5 round trips;
 * {@code -Djvmm.upgrades=50} for the long run.
 */
@Tag("boot")
class UpgradeIT extends MachineTest {
    private static final int ROUNDS = Integer.getInteger("jvmm.upgrades", 5);

    /** VirtioProcess.STATE_VERSION << 16 | version of the device. */
    private static final int RNG_V1 = 0x1_0001;

    private static final int RNG_V2 = 0x1_0002;

    private final List<Long> rngBlackoutsNs = new ArrayList<>();
    private final List<Long> blockBlackoutsNs = new ArrayList<>();

    @Override
    protected void requirements() {
        // The software processor runs everywhere.
    }

    @Test
    void backAndForthUnderLoad() throws Exception {
        // Beside the distribution, for hard links need one file system.
        Path shelf = Files.createTempDirectory(Distribution.home().getParent(), "upgrade-it-");
        try {
            backAndForthUnderLoad(shelf);
        } finally {
            DebianMachine.host("rm", "-rf", shelf.toString());
        }
    }

    private void backAndForthUnderLoad(Path shelf) throws Exception {
        Path first = Distribution.home().toRealPath();
        Path second = SecondDistribution.withSecondRng(shelf.resolve("second")).toRealPath();
        Ctl ctl = new Ctl(dir.resolve("control"));
        try (DebianMachine m = DebianMachine.boot(dir, "[control]\nsocket = \"control\"\n")) {
            assertEquals(0140600, (Integer) Files.getAttribute(ctl.socket(), "unix:mode", LinkOption.NOFOLLOW_LINKS));
            asked(ctl);
            load(m);
            for (int round = 0; round < ROUNDS; round++) {
                rngBlackoutsNs.add(upgrade(ctl, "rng", second, RNG_V1, RNG_V2));
                rngBlackoutsNs.add(upgrade(ctl, "rng", first, RNG_V2, RNG_V1));
            }
            print("rng, two versions", rngBlackoutsNs);
            int block = version(ctl, "block");
            for (int round = 0; round < ROUNDS; round++) {
                blockBlackoutsNs.add(upgrade(ctl, "block", second, block, block));
                blockBlackoutsNs.add(upgrade(ctl, "block", first, block, block));
            }
            print("block, two copies", blockBlackoutsNs);
            refusals(ctl, shelf, first, second);
            frozen(ctl, m, "rng", second, RNG_V1, RNG_V2);
            frozen(ctl, m, "rng", first, RNG_V2, RNG_V1);
            frozen(ctl, m, "block", second, block, block);
            upgrade(ctl, "block", first, block, block);
            // Restarts are of the version that serves: the other would refuse this state, and the device be broken.
            upgrade(ctl, "rng", second, RNG_V1, RNG_V2);
            String mark = ctl.done("device", "inspect", "rng0", "device.").text();
            assertTrue(
                    mark.contains("state version " + RNG_V2 + ",") && mark.contains("device.mark = 0x216f77742"), mark);
            try (ControlLine line = new ControlLine(ctl.socket())) {
                long before = line.device("rng").pid();
                ctl.done("device", "kill", "rng");
                // One look at a time: between two of them it dies.
                ControlLine.Device now = line.device("rng");
                for (int i = 0; i < 300 && (!now.serves() || now.pid() == before || now.pid() == 0); i++) {
                    Thread.sleep(100);
                    now = line.device("rng");
                }
                assertTrue(now.serves() && now.pid() != before, m.messages());
            }
            assertTrue(ctl.done("device", "list")
                    .text()
                    .lines()
                    .anyMatch(l -> l.startsWith("rng ") && l.contains(second.toString())));
            unload(m);
            m.powerOff();
        }
        assertFalse(ctl.isThere(), "the control socket is still there");
    }

    /** It cannot drain: it is killed when it has not answered for hang_timeout_ms, and the new one goes on with what it left. */
    private static void frozen(Ctl ctl, DebianMachine m, String device, Path to, int from, int next) throws Exception {
        String told = "device " + device + " did not answer for ";
        int before = count(m, told);
        try (ControlLine line = new ControlLine(ctl.socket())) {
            DebianMachine.host(
                    "kill", "-STOP", Long.toString(line.device(device).pid()));
        }
        long blackoutNs = upgrade(ctl, device, to, from, next);
        System.out.printf("blackout of %s, frozen: %.1f ms%n", device, blackoutNs / 1e6);
        for (int n = 0; n < 600 && count(m, told) == before; n++) {
            Transcript.pause(100); // the supervisor's messages come another way than jvmmctl's
        }
        assertEquals(before + 1, count(m, told), m::messages);
    }

    private static int count(DebianMachine m, String words) {
        return m.messages().split(words, -1).length - 1;
    }

    private static int version(Ctl ctl, String device) throws IOException, InterruptedException {
        String row = ctl.done("device", "list")
                .text()
                .lines()
                .filter(l -> l.startsWith(device + " "))
                .findFirst()
                .orElseThrow();
        return Integer.parseInt(row.split(" +", -1)[6]);
    }

    private static void print(String what, List<Long> ns) {
        List<Long> sorted = ns.stream().sorted().toList();
        System.out.printf(
                "blackout of %s, %d upgrades under load: p50 %.1f ms, p99 %.1f ms, max %.1f ms%n",
                what,
                sorted.size(),
                sorted.get(sorted.size() / 2) / 1e6,
                sorted.get((sorted.size() - 1) * 99 / 100) / 1e6,
                sorted.getLast() / 1e6);
    }

    private static long upgrade(Ctl ctl, String device, Path to, int from, int next)
            throws IOException, InterruptedException {
        Ctl.Said said = ctl.done("--json", "device", "upgrade", device, "--dist", to.toString());
        assertEquals(from, said.number("fromVersion"), said::text);
        assertEquals(next, said.number("toVersion"), said::text);
        return said.number("blackoutNs");
    }

    /** What one can ask, and a pause. */
    private static void asked(Ctl ctl) throws IOException, InterruptedException {
        assertTrue(ctl.done("status").text().contains("phase   running"), ctl.done("status")::text);
        ctl.done("pause");
        assertTrue(ctl.done("status").text().contains("phase   paused"));
        ctl.done("resume");
        ctl.done("device", "restart", "rng");
        awaitServing(ctl, "rng");
        assertTrue(ctl.done("stalls").text().contains("rng "), ctl.done("stalls")::text);
        assertTrue(ctl.refused("device", "restart", "rgn").contains("there is no device \"rgn\". There are "));
    }

    private static void awaitServing(Ctl ctl, String device) throws IOException, InterruptedException {
        for (int i = 0; i < 600; i++) {
            String list = ctl.done("device", "list").text();
            if (list.lines().anyMatch(l -> l.startsWith(device + " ") && l.contains(" serving "))) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError(ctl.done("device", "list").text());
    }

    /** Entropy is read and files are written, dropped from the cache and compared, as fast as the guest can. */
    private static void load(DebianMachine m) throws IOException {
        m.run("mkdir /work && dd if=/dev/urandom of=/work/a bs=64k count=24 2>/dev/null");
        m.run("sha256sum /work/a >/work/sums");
        m.run(
                "{ (cd /work; while [ ! -e stop ]; do [ $(head -c 512 /dev/hwrng | wc -c) = 512 ] && echo >>read || echo >>wrong; done) & }");
        m.run(
                "{ (cd /work; while [ ! -e stop ]; do cp a b && sync b && echo 3 >/proc/sys/vm/drop_caches"
                        + " && cmp a b && sha256sum --quiet -c sums && echo >>copied || echo >>wrong; done) 2>>/work/words & }");
    }

    private static void unload(DebianMachine m) throws IOException {
        m.run("touch /work/stop; wait");
        assertEquals(
                "0", m.run("cat /work/wrong /work/words 2>/dev/null | wc -c").strip());
        int read = Integer.parseInt(m.run("wc -l </work/read").strip());
        int copied = Integer.parseInt(m.run("wc -l </work/copied").strip());
        System.out.println(
                "meanwhile the guest read entropy " + read + " times and compared files " + copied + " times");
        assertTrue(read > 0 && copied > 0, "there was no load");
        assertEquals(
                "0",
                m.run("dmesg | grep -c -i -e 'i/o error' -e 'ext4-fs error' -e 'needs reset' || true")
                        .strip());
    }

    /** Whatever is wrong, the old version serves on. */
    private void refusals(Ctl ctl, Path shelf, Path first, Path second) throws IOException, InterruptedException {
        assertTrue(ctl.refused("device", "upgrade", "rng", "--dist", dir.toString())
                .contains("is no distribution"));
        assertTrue(ctl.refused("device", "upgrade", "rgn", "--dist", first.toString())
                .contains("there is no device"));

        Path other = SecondDistribution.copy(shelf.resolve("protocol"));
        SecondDistribution.replace(other.resolve("lib/rng/versions"), "protocol=2.0\nstate=" + RNG_V1 + "\n");
        assertTrue(ctl.refused("device", "upgrade", "rng", "--dist", other.toString())
                .contains("speaks protocol 2.0"));

        Path lacks = SecondDistribution.copy(shelf.resolve("lacks"));
        Files.delete(lacks.resolve("policies/rng.bpf"));
        assertTrue(ctl.refused("device", "upgrade", "rng", "--dist", lacks.toString())
                .contains("lacks"));

        Path open = SecondDistribution.copy(shelf.resolve("open"));
        DebianMachine.host("chmod", "o+w", open.resolve("lib/rng").toString());
        assertTrue(ctl.refused("device", "upgrade", "rng", "--dist", open.toString())
                .contains("can be written by others"));

        // Its program ends at once.
        Path dead = SecondDistribution.copy(shelf.resolve("dead"));
        List<String> program = new ArrayList<>(Files.readAllLines(dead.resolve("lib/rng/program")));
        program.set(0, "io.jvmm.NoSuchClass");
        SecondDistribution.replace(dead.resolve("lib/rng/program"), String.join("\n", program) + "\n");
        String said = ctl.refused("device", "upgrade", "rng", "--dist", dead.toString());
        assertTrue(
                said.contains("rng was not upgraded: the new process") && said.contains("before it was ready"), said);

        // It says that it reads newer states, and does not: a rollback with the device already away.
        upgrade(ctl, "rng", second, RNG_V1, RNG_V2);
        Path liar = SecondDistribution.copy(shelf.resolve("liar"));
        SecondDistribution.replace(liar.resolve("lib/rng/versions"), "protocol=1.0\nstate=" + (RNG_V2 + 1) + "\n");
        said = ctl.refused("device", "upgrade", "rng", "--dist", liar.toString());
        assertTrue(said.contains("rng was not upgraded: the new process") && said.contains("a state of version"), said);

        // And one so old that nobody writes its states any more.
        SecondDistribution.replace(liar.resolve("lib/rng/versions"), "protocol=1.0\nstate=7\n");
        said = ctl.refused("device", "upgrade", "rng", "--dist", liar.toString());
        assertTrue(said.contains("no state of version 7"), said);
        upgrade(ctl, "rng", first, RNG_V2, RNG_V1);
    }
}
