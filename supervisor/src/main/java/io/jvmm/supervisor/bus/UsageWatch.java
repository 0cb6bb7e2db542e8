package io.jvmm.supervisor.bus;

import io.jvmm.supervisor.telemetry.ProcessUsage;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.util.HashMap;
import java.util.Map;

/**
 * What the kernel says of processes, moment after moment. Their memory is looked at in one moment of {@value #LOOKS_PER_MEMORY}, for the kernel walks page tables for
 * it, and is that of before in between; that of a process that has come meanwhile at once. One thread.
 */
final class UsageWatch {
    private static final int LOOKS_PER_MEMORY = 5;

    /** By pid: a name is its successor's, too. */
    private Map<Integer, Telemetry.Usage> before = new HashMap<>();

    private Map<Integer, Telemetry.Usage> now = new HashMap<>();
    private int moments;

    /** The rows that come are of another moment. Of a process that had none in the last one, nothing is kept. */
    void nextMoment() {
        before = now;
        now = new HashMap<>();
        moments++;
    }

    /** The row with what the kernel says. */
    Telemetry.Row complete(Telemetry.Row p) {
        boolean memory = moments % LOOKS_PER_MEMORY == 1;
        Telemetry.Usage was = before.getOrDefault(p.pid(), Telemetry.Usage.NOTHING);
        Telemetry.Usage usage = memory || was.pssBytes() < 0
                ? ProcessUsage.of(p.pid())
                : ProcessUsage.withoutMemory(p.pid(), was.pssBytes());
        now.put(p.pid(), usage);
        return p.with(usage);
    }
}
