package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A stock Linux with every device recorded boots and works, while the recorder and devices are killed and recordings are begun, ended and
 * renewed; afterwards each life in the journal is whole, and is lived again by the device's own program to the state that its process left: the same hash,
 * behind the same transaction.
 */
@Tag("boot")
@Tag("jail")
class JournalIT extends MachineTest {
    private static final int SIGKILL = 9;
    private static final List<String> DEVICES =
            List.of("balloon", "block", "console", "net", "platform", "rng", "serial", "vsock");

    /** The first line belongs to the table of the root disk. */
    private static final String RECORDED =
            RecordedDevices.TABLES.replace("[balloon]\n", "[balloon]\ntarget = \"16M\"\n");

    @Override
    protected void requirements() {
        // The software processor needs nothing of the host.
    }

    @Test
    void everyLifeIsWholeAndIsLivedAgain() throws Exception {
        Ctl ctl = new Ctl(dir.resolve("control"));
        try (DebianMachine m = DebianMachine.boot(dir, RECORDED);
                ControlLine control = new ControlLine(dir.resolve("control"))) {
            work(m);
            Ctl.Said status = ctl.done("--json", "journal", "status");
            assertEquals(0, lost(status), status.text());
            long recorder = status.number("recorder");
            assertTrue(recorder > 0, status.text());
            Machine.kill(recorder, SIGKILL);
            Machine.kill(control.device("block").pid(), SIGKILL);
            Machine.kill(control.device("serial").pid(), SIGKILL);
            work(m);
            assertTrue(ctl.done("--json", "journal", "status").number("recorder") != recorder);
            ctl.done("journal", "rotate", "block");
            awaitEvent(ctl, "INFO +block +ended +was drained for a new life in the journal, and is replaced \\[");
            ctl.done("journal", "stop", "rng");
            assertTrue(ctl.refused("journal", "rotate", "rng").contains("is not recorded"));
            ctl.done("journal", "start", "rng");
            work(m);
            m.powerOff();
        }
        Map<String, Integer> lives = Journal.assertLivedAgain(dir.resolve("journal"));
        assertEquals(DEVICES, List.copyOf(lives.keySet()));
        assertTrue(lives.getOrDefault("block", 0) >= 3, lives.toString());
        assertTrue(lives.getOrDefault("serial", 0) >= 2, lives.toString());
        assertEquals(2, lives.get("rng"), lives.toString());
    }

    /** The process that was replaced ends a moment after the other has taken its place. */
    private static void awaitEvent(Ctl ctl, String pattern) throws Exception {
        String text = ctl.done("events").text();
        for (int n = 0; n < 50 && !Pattern.compile(pattern).matcher(text).find(); n++) {
            Transcript.pause(200);
            text = ctl.done("events").text();
        }
        assertTrue(Pattern.compile(pattern).matcher(text).find(), text);
    }

    private static void work(DebianMachine m) throws IOException {
        m.run("dd if=/dev/urandom of=/root/x bs=64k count=16 conv=fsync 2>/dev/null; md5sum /root/x; echo 3"
                + " >/proc/sys/vm/drop_caches; md5sum /root/x; head -c 64 /dev/hwrng | md5sum");
    }

    private static long lost(Ctl.Said status) {
        long lost = 0;
        for (Matcher m = Pattern.compile("\"lost\":(\\d+)").matcher(status.text()); m.find(); ) {
            lost += Long.parseLong(m.group(1));
        }
        return lost;
    }
}
