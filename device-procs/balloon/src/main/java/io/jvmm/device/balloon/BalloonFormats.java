package io.jvmm.device.balloon;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.util.Map;

/** How the balloon's own part of the state is shown, in the words of virtio 1.2 §5.5. */
final class BalloonFormats {
    private BalloonFormats() {}

    static StateFormats state() {
        String[] statistics = new String[BalloonStatistic.COUNT];
        for (BalloonStatistic statistic : BalloonStatistic.values()) {
            statistics[statistic.tag()] = statistic.name();
        }
        return StateFormats.NONE
                .and(
                        FieldFormat.DECIMAL,
                        "num_pages",
                        "actual",
                        "progress",
                        "pagesInflated",
                        "pagesDeflated",
                        "bytesReported",
                        "bytesGivenBack",
                        "pagesRefused",
                        "hostErrors")
                .and(FieldFormat.except(0, "none", FieldFormat.DECIMAL), "statsHeld")
                .and(FieldFormat.NANOSECONDS, "statsNs", "statsDueNs")
                .and(FieldFormat.flags(statistics), "statsGiven")
                .and(FieldFormat.DECIMAL, statistics);
    }

    /** §5.5.3. */
    static Map<Integer, String> features() {
        return Map.of(
                0, "MUST_TELL_HOST",
                1, "STATS_VQ",
                2, "DEFLATE_ON_OOM",
                3, "FREE_PAGE_HINT",
                4, "PAGE_POISON",
                5, "PAGE_REPORTING");
    }
}
