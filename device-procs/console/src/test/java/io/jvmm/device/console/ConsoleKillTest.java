package io.jvmm.device.console;

import static io.jvmm.device.console.ConsoleBench.ALL;
import static io.jvmm.device.console.ConsoleBench.SPLIT;
import static io.jvmm.device.console.ConsoleBench.rx;
import static io.jvmm.device.console.ConsoleBench.tx;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.ipc.TestSeed;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The process dies anywhere, time and again. Each buffer comes back once and with an interrupt, everything the guest writes is seen, in
 * order, and a line that was being written when the process died may have been seen before.
 */
class ConsoleKillTest {

    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void everyLineIsSeenAndEveryBufferComesBackOnce(long features) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (ConsoleBench bench = new ConsoleBench(1)) {
            RigDriver driver = bench.setUp(features & ~ConsoleCore.F_MULTIPORT);
            StringBuilder seen = new StringBuilder();
            bench.rig.mortality().begin(random, 12);
            int lines = 600;
            for (int line = 0; line < lines; line++) {
                bench.say(0, "<" + line + ">");
                assertTrue(driver.takeInterrupts(tx(0) + 1) > 0, "no interrupt, line " + line + ", seed " + seed);
                assertTrue(bench.queue(tx(0)).reap() != null, "line " + line + ", seed " + seed);
                seen.append(bench.seen(0));
            }
            int at = 0;
            for (int line = 0; line < lines; line++) {
                String text = "<" + line + ">";
                assertTrue(seen.indexOf(text, at) == at, text + " is not at " + at + ", seed " + seed);
                while (seen.indexOf(text, at) == at) {
                    at += text.length();
                }
            }
            assertEquals(seen.length(), at);
            assertTrue(
                    bench.rig.mortality().deaths() > 200, bench.rig.mortality().deaths() + " deaths");
        }
    }

    /** What is read and not committed dies with the process; everything else is heard, in order and once. */
    @ParameterizedTest
    @ValueSource(longs = {ALL, SPLIT})
    void whatIsHeardIsHeardOnce(long features) {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        try (ConsoleBench bench = new ConsoleBench(1)) {
            RigDriver driver = bench.setUp(features & ~ConsoleCore.F_MULTIPORT);
            int missed = 0;
            for (int line = 0; line < 600; line++) {
                bench.rig.mortality().begin(random, 20);
                if (bench.queue(rx(0)).outstanding() == 0) {
                    bench.listen(0, 4, 64);
                }
                driver.takeInterrupts(rx(0) + 1);
                String text = "<" + line + ">";
                bench.type(0, text);
                bench.rig.mortality().end();
                bench.rig.settle();
                String heard = bench.heard(0);
                assertTrue(heard.isEmpty() || heard.equals(text), heard + " for " + text + ", seed " + seed);
                assertTrue(heard.isEmpty() || driver.takeInterrupts(rx(0) + 1) > 0, "no interrupt, seed " + seed);
                missed += heard.isEmpty() ? 1 : 0;
            }
            assertTrue(missed < 200, missed + " lines missed");
            assertEquals(0, bench.rig.guestErrors());
        }
    }
}
