package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.Histogram;
import java.util.Arrays;
import java.util.List;

/**
 * The same for a histogram: what has come to it in all, and what since somebody was last {@link #told}. Looks that nobody is told of take nothing from that. Who says impossible
 * things has none for that time. One thread.
 */
final class LatencyAccount {
    private static final long MOST_PER_S = 200_000_000L;
    private static final double SLACK_S = 0.5;

    private final CounterBlock[] blocks;
    private final long[][] last;
    /** What the look has found, and what looks have found since somebody was told. */
    private final long[] found = new long[Histogram.BUCKETS];

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
        boolean believed = true;
        Arrays.fill(found, 0);
        for (int b = 0; b < blocks.length; b++) {
            blocks[b].copyTo(read);
            for (int i = 0; i < Histogram.BUCKETS; i++) {
                long n = read[i] - last[b][i];
                believed &= n >= 0 && n <= most;
                found[i] += n;
                last[b][i] = read[i];
            }
        }
        wrong |= !believed;
        for (int i = 0; i < Histogram.BUCKETS && believed; i++) {
            total[i] += found[i];
            more[i] += found[i];
        }
    }

    /** Whoever is told of {@link #latency} has been: what comes from now on is the next. */
    void told() {
        Arrays.fill(more, 0);
        wrong = false;
    }

    /** All that could be believed, by bucket. */
    List<Long> buckets() {
        return Arrays.stream(total).boxed().toList();
    }

    /** Of those that have come since {@link #told}. */
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
