package io.jvmm.it.bench;

import io.jvmm.it.bench.PingPong.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Register reads over a link between two processes, and beside each its floor: spinning against two words in shared
 * memory, sleeping against two eventfds. The pairs are measured in turns; a figure is the median of the rounds.
 */
final class LinkBench {
    static final int WORDS_BYTES = 4096;
    /** Many short rounds: one that lost its core to somebody else does not move the median. */
    private static final int ROUNDS = 101;

    private static final int WARM_UP_ROUNDS = 40;
    private static final int SPINNING = 1_000;
    private static final int SLEEPING = 200;

    private final Table table;
    private final Path directory;

    LinkBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    /** Both processes on cores of their own, then both on one. */
    void run() throws IOException {
        LinkPair.bind(1L);
        try {
            measure();
        } finally {
            LinkPair.bind(-1L);
        }
    }

    private void measure() throws IOException {
        table.heading("Register read over a link, two processes, round trip");
        Map<Kind, Double> apart =
                measure("1", List.of(Kind.PLAIN, Kind.LINK_SPINNING, Kind.EVENTFD, Kind.LINK_SLEEPING));
        compare(
                apart,
                Kind.PLAIN,
                "two words in shared memory (VarHandle), spinning",
                Kind.LINK_SPINNING,
                "link, spinning");
        compare(apart, Kind.EVENTFD, "two eventfds, two cores", Kind.LINK_SLEEPING, "link, sleeping, two cores");
        Map<Kind, Double> together = measure("0", List.of(Kind.EVENTFD, Kind.LINK_SLEEPING));
        compare(together, Kind.EVENTFD, "two eventfds, one core", Kind.LINK_SLEEPING, "link, sleeping, one core");
    }

    private void compare(Map<Kind, Double> figures, Kind floor, String floorName, Kind kind, String name) {
        double reference = figures.getOrDefault(floor, Double.NaN);
        double value = figures.getOrDefault(kind, Double.NaN);
        table.nanoseconds(floorName, reference, "");
        table.nanoseconds(name, value, Table.ratio(value, reference, "the line above"));
    }

    /** Median nanoseconds of a round trip, with the answering process bound to a core; we are on core 0. */
    private Map<Kind, Double> measure(String core, List<Kind> kinds) throws IOException {
        Map<Kind, double[]> samples = new EnumMap<>(Kind.class);
        try (LinkPair pair = new LinkPair(directory, core)) {
            for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
                for (Kind kind : kinds) {
                    int count = kind == Kind.PLAIN || kind == Kind.LINK_SPINNING ? SPINNING : SLEEPING;
                    pair.order(kind, count);
                    long start = System.nanoTime();
                    pair.ask(kind, count);
                    double ns = (System.nanoTime() - start) / (double) count;
                    if (round >= 0) {
                        samples.computeIfAbsent(kind, k -> new double[ROUNDS])[round] = ns;
                    }
                }
            }
        }
        Map<Kind, Double> medians = new EnumMap<>(Kind.class);
        samples.forEach((kind, all) -> medians.put(kind, median(all)));
        return medians;
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
