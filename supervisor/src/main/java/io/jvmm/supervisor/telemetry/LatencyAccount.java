package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.Histogram;
import java.util.Arrays;
import java.util.List;

/** The same for a histogram: the durations that have come since the last look. Who says impossible things has none for that time. One thread. */
final class LatencyAccount {
    private static final long MOST_PER_S = 200_000_000L;
    private static final double SLACK_S = 0.5;

    private final CounterBlock[] blocks;
    private final long[][] last;
    private final long[] more = new long[Histogram.BUCKETS];
    private final long[] total = new long[Histogram.BUCKETS];
    private final long[] read = new long[Histogram.BUCKETS];
    private boolean wrong;

    LatencyAccount(CounterBlock... blocks) {
        this.blocks = blocks.clone();
        this.last = new long[blocks.length][Histogram.BUCKETS];
    }

    void look(long elapsedNs) {
        double most = (Math.max(0, elapsedNs) / 1e9 + SLACK_S) * MOST_PER_S;
        wrong = false;
        Arrays.fill(more, 0);
        for (int b = 0; b < blocks.length; b++) {
            blocks[b].copyTo(read);
            for (int i = 0; i < Histogram.BUCKETS; i++) {
                long n = read[i] - last[b][i];
                wrong |= n < 0 || n > most;
                more[i] += n;
                last[b][i] = read[i];
            }
        }
        for (int i = 0; i < Histogram.BUCKETS && !wrong; i++) {
            total[i] += more[i];
        }
    }

    /** All that could be believed, by bucket. */
    List<Long> buckets() {
        return Arrays.stream(total).boxed().toList();
    }

    Telemetry.Latency latency() {
        long count = 0;
        for (long n : more) {
            count += n;
        }
        return wrong || count <= 0
                ? Telemetry.Latency.NONE
                : new Telemetry.Latency(count, Histogram.quantileNs(more, 0.5), Histogram.quantileNs(more, 0.99));
    }
}
