package io.jvmm.supervisor.telemetry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What the kernel says of a process: processor time (in its ticks of a hundredth of a second), proportional memory, threads. Reading the
 * memory walks the process's page tables, which takes the kernel a millisecond or so; it is asked for only while somebody watches, and
 * never by the event loop.
 */
public final class ProcessUsage {
    private static final long TICK_NS = 10_000_000L;
    /** Behind the name, which is in parentheses and may hold anything: utime and stime. */
    private static final int UTIME = 11;

    private static final int STIME = 12;
    private static final int THREADS = 17;

    private ProcessUsage() {}

    /** Of a process; what cannot be read, as of one that has just gone, is {@link Telemetry#UNKNOWN}. */
    public static Telemetry.Usage of(long pid) {
        return of(pid, -1, true);
    }

    /** The same with a figure of before for the memory. */
    public static Telemetry.Usage withoutMemory(long pid, long pssBytes) {
        return of(pid, pssBytes, false);
    }

    private static Telemetry.Usage of(long pid, long pssBytes, boolean memory) {
        if (pid <= 0) {
            return Telemetry.Usage.NOTHING;
        }
        Path directory = Path.of("/proc/" + pid);
        long cpu = Telemetry.UNKNOWN;
        long threads = Telemetry.UNKNOWN;
        try {
            String[] stat = fields(Files.readString(directory.resolve("stat")));
            cpu = (Long.parseLong(stat[UTIME]) + Long.parseLong(stat[STIME])) * TICK_NS;
            threads = Long.parseLong(stat[THREADS]);
        } catch (IOException | RuntimeException e) {
            return Telemetry.Usage.NOTHING; // it has gone
        }
        return new Telemetry.Usage(cpu, memory ? pss(directory) : pssBytes, threads);
    }

    private static String[] fields(String stat) {
        return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    }

    private static long pss(Path directory) {
        try {
            List<String> lines = Files.readAllLines(directory.resolve("smaps_rollup"));
            for (String line : lines) {
                if (line.startsWith("Pss:")) {
                    return Long.parseLong(line.substring(4, line.length() - 2).strip()) << 10;
                }
            }
        } catch (IOException | RuntimeException e) {
            return Telemetry.UNKNOWN; // not ours to look at, or gone
        }
        return Telemetry.UNKNOWN;
    }
}
