package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.message.LogLevel;
import java.util.List;
import java.util.Locale;

/**
 * One thing that observers are told. Texts come from the supervisor, or from processes after validation; they may hold anything that a
 * terminal would obey, and are cleaned where they are shown.
 */
public sealed interface Telemetry {
    /** A value nobody knows: the process has none, or said something impossible. */
    long UNKNOWN = -1;

    /**
     * One thing, with its place in the order of all.
     *
     * @param sequence from 1 on, without a gap: whoever sees one has missed something
     * @param timeMs since 1970
     */
    record Envelope(long sequence, long timeMs, Telemetry body) {}

    /** What happens in a machine's life. Numbers go over the bus and never change their meaning. */
    enum Kind {
        STARTED(1),
        READY(2),
        ENDED(3),
        REPLACED(4),
        UPGRADED(5),
        BROKEN(6),
        PAUSED(7),
        RESUMED(8),
        POWER_BUTTON(9),
        GUEST_STOPPED(10),
        HUNG(11),
        VIOLATION(12),
        FAILED(13),
        RUNNING(14),
        STOPPING(15),
        /** A life of a device begins in the journal. */
        LIFE_BEGUN(16),
        LIFE_ENDED(17),
        /** Whether a device is recorded, or anything is, has changed. */
        RECORDING(18);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }

        /** As {@code jvmmctl} writes it. */
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        static Kind of(int number) {
            for (Kind k : values()) {
                if (k.number == number) {
                    return k;
                }
            }
            throw new IllegalArgumentException("kind of event " + number);
        }
    }

    /**
     * An event of the machine's life.
     *
     * @param process whose; empty for the machine
     * @param pid 0 where there is none
     * @param durationNs how long it took, {@link #UNKNOWN} where it is no matter of time
     * @param text a clause in words
     */
    record Event(Kind kind, LogLevel level, String process, int pid, long durationNs, String text)
            implements Telemetry {}

    /** What a process logged. */
    record Log(LogLevel level, String process, String text) implements Telemetry {}

    /**
     * A request that a device has handled, one of those that are traced.
     *
     * @param lost so many before it were not read in time
     * @param type number of the message
     * @param region or queue
     * @param detail offset times 256 and width, or 0
     */
    record Trace(String process, long lost, int type, int region, long detail, long durationNs) implements Telemetry {}

    /**
     * How the machine is, before the rows of its processes.
     *
     * @param rows how many of these follow
     */
    record Machine(String name, String phase, String engine, int vcpus, long memoryBytes, long uptimeMs, int rows)
            implements Telemetry {}

    /**
     * How long something took since the last row.
     *
     * @param count how many were timed; 0: the quantiles are {@link #UNKNOWN}
     */
    record Latency(long count, long p50Ns, long p99Ns) {
        public static final Latency NONE = new Latency(0, UNKNOWN, UNKNOWN);
    }

    /** A counter's value so far; {@link #UNKNOWN} where it cannot be believed. {@code number} is that of its enum. */
    record Count(int number, long value) {}

    /** Which enum the counters of a row are of. */
    enum Counters {
        NONE(0),
        DEVICE(1),
        BOARD(2);

        private final int number;

        Counters(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }

        static Counters of(int number) {
            return switch (number) {
                case 1 -> DEVICE;
                case 2 -> BOARD;
                default -> NONE;
            };
        }
    }

    /**
     * How a process is.
     *
     * @param state {@code serving} and so on, as in the device list
     * @param pid 0: there is none just now
     * @param messages what the vCPUs have asked of it; of the vCPU process its exits
     * @param requests how long the device took to answer a request, where it answers requests
     * @param reads how long the vCPUs waited for its registers
     * @param implausible how many counters have said what cannot be
     */
    record Row(
            String name,
            String deviceClass,
            String state,
            int pid,
            long restarts,
            Usage usage,
            long messages,
            Latency requests,
            Latency reads,
            int implausible,
            Counters kind,
            List<Count> counts)
            implements Telemetry {
        public Row {
            counts = List.copyOf(counts);
        }

        /** The same with what the kernel says. */
        public Row with(Usage newUsage) {
            return new Row(
                    name,
                    deviceClass,
                    state,
                    pid,
                    restarts,
                    newUsage,
                    messages,
                    requests,
                    reads,
                    implausible,
                    kind,
                    counts);
        }

        /** A counter's value. */
        public long count(int number) {
            for (Count c : counts) {
                if (c.number() == number) {
                    return c.value();
                }
            }
            return UNKNOWN;
        }
    }

    /** What the kernel says of a process; each may be {@link #UNKNOWN}. */
    record Usage(long cpuNs, long pssBytes, long threads) {
        public static final Usage NOTHING = new Usage(UNKNOWN, UNKNOWN, UNKNOWN);
    }

    /** What durations are of. */
    enum Timed {
        /** From the notification of a virtqueue to the next interrupt. */
        REQUEST,
        /** Of a message in the device's process, from when it was taken to its commit; one of 16. */
        SERVICE,
        /** Of a register, one of 32. */
        READ,
        /** Of a register, each that was not answered at once. */
        WAIT
    }

    /**
     * Durations so far.
     *
     * @param buckets those of {@link io.jvmm.ipc.counters.Histogram}
     */
    record Durations(Timed what, String process, List<Long> buckets) {
        public Durations {
            buckets = List.copyOf(buckets);
        }
    }

    /**
     * The life in the journal that a device lives, as the recorder last said.
     *
     * @param lost batches that it could not keep
     */
    record Recorded(String process, int life, long batches, long bytes, long lost) {}

    /**
     * All rows of one moment.
     *
     * @param sinceMs when all that is counted began at nought, since 1970: with this life of the machine
     */
    record Sample(
            Machine machine, List<Row> processes, List<Durations> durations, List<Recorded> recorded, long sinceMs) {
        public Sample {
            processes = List.copyOf(processes);
            durations = List.copyOf(durations);
            recorded = List.copyOf(recorded);
        }

        /** Of a machine of which nothing is recorded. */
        public Sample(Machine machine, List<Row> processes, List<Durations> durations, long sinceMs) {
            this(machine, processes, durations, List.of(), sinceMs);
        }
    }
}
