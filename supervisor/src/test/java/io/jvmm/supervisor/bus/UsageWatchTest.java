package io.jvmm.supervisor.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.telemetry.Telemetry;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the kernel says of a device's process and of the one that takes its place. */
class UsageWatchTest {
    private static Telemetry.Row rng(long pid) {
        return new Telemetry.Row(
                "rng",
                "rng",
                "serving",
                (int) pid,
                0,
                Telemetry.Usage.NOTHING,
                Telemetry.UNKNOWN,
                Telemetry.Latency.NONE,
                Telemetry.Latency.NONE,
                0,
                Telemetry.Counters.NONE,
                List.of());
    }

    /** Between two looks at memory, too: this JVM is large, and the program that takes its name is small. */
    @Test
    void aReplacementHasItsOwnMemoryAtOnce() throws IOException {
        UsageWatch watch = new UsageWatch();
        Process small = new ProcessBuilder("sleep", "1000").start();
        try {
            watch.nextMoment();
            long large =
                    watch.complete(rng(ProcessHandle.current().pid())).usage().pssBytes();
            watch.nextMoment();
            long kept =
                    watch.complete(rng(ProcessHandle.current().pid())).usage().pssBytes();
            watch.nextMoment();
            long own = watch.complete(rng(small.pid())).usage().pssBytes();
            assertEquals(large, kept, "memory is not looked at each time");
            assertTrue(own > 0 && own < large / 4, own + " and " + large);
        } finally {
            small.destroyForcibly();
        }
    }

    @Test
    void whereThereIsNoProcessNothingIsKnown() {
        UsageWatch watch = new UsageWatch();
        watch.nextMoment();
        assertEquals(Telemetry.Usage.NOTHING, watch.complete(rng(0)).usage());
    }
}
