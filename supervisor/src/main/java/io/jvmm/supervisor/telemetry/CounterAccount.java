package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.counters.Counter;
import io.jvmm.ipc.counters.CounterBlock;
import java.util.List;

/**
 * What a row of counters has come to, as far as it can be believed: each look adds what has come since the one before, unless that is
 * negative or more than any host does in the time. A counter of which such a thing has been seen is unknown until the process is another.
 * One thread.
 */
final class CounterAccount {
    /** A counter may be behind by what was done between two stores, and the clocks of two looks differ: this much is always possible. */
    private static final double SLACK_S = 0.5;

    private final CounterBlock block;
    private final List<? extends Counter> counters;
    private final long[] last;
    private final long[] total;
    private final boolean[] wrong;
    private int implausible;

    CounterAccount(CounterBlock block, List<? extends Counter> counters) {
        this.block = block;
        this.counters = List.copyOf(counters);
        this.last = new long[counters.size()];
        this.total = new long[counters.size()];
        this.wrong = new boolean[counters.size()];
    }

    /** Whatever was there before is none of the new process's doing. */
    void anotherProcess() {
        for (int i = 0; i < last.length; i++) {
            if (wrong[i]) {
                wrong[i] = false;
                last[i] = block.get(counters.get(i));
            }
        }
    }

    /** Looks; {@code elapsedNs} since the last look, or since the page was made. */
    void look(long elapsedNs) {
        double seconds = Math.max(0, elapsedNs) / 1e9 + SLACK_S;
        for (int i = 0; i < last.length; i++) {
            long now = block.get(counters.get(i));
            long more = now - last[i];
            if (wrong[i]) {
                continue;
            }
            if (now < 0 || last[i] < 0 || more < 0 || more > counters.get(i).mostPerSecond() * seconds) {
                wrong[i] = true;
                implausible++;
            } else {
                last[i] = now;
                total[i] += more;
            }
        }
    }

    /** {@link Telemetry#UNKNOWN} where it is. */
    long total(Counter counter) {
        int i = counters.indexOf(counter);
        return wrong[i] ? Telemetry.UNKNOWN : total[i];
    }

    /** How many counters have said what cannot be. */
    int implausible() {
        return implausible;
    }
}
