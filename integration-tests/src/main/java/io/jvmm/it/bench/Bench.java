package io.jvmm.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.agrona.IoUtil;

/**
 * Runs the benchmarks and prints one table. Arguments choose among them; without any, those of a few minutes run; {@code stock}, {@code journal}, {@code net} and
 * {@code observer}, which boot whole systems, only when they are asked for. Nothing here asserts a time.
 */
public final class Bench {
    private static final Set<String> USUAL = Set.of("link", "null", "exit", "start", "cpu", "block");
    private static final int USAGE = 2;

    private Bench() {}

    /** One of them, over a table and a directory of its own to work in. */
    private interface Benchmark {
        void run(Table table, Path directory) throws IOException, InterruptedException;
    }

    private static Map<String, Benchmark> all() {
        Map<String, Benchmark> all = new LinkedHashMap<>();
        all.put("link", (table, directory) -> new LinkBench(table, directory).run());
        all.put("null", (table, directory) -> new NullRequestBench(table, directory).run());
        all.put("exit", (table, directory) -> new ExitBench(table, directory).run());
        all.put("start", (table, directory) -> new StartBench(table, directory).run());
        all.put("cpu", (table, directory) -> new SoftwareCpuBench(table, directory).run());
        all.put("block", (table, directory) -> new BlockBench(table, directory).run());
        all.put("journal", (table, directory) -> new JournalBench(table, directory).run());
        all.put("net", (table, directory) -> new NetGuestBench(table, directory).run());
        all.put("observer", (table, directory) -> new ObserverBench(table, directory).run());
        all.put("stock", (table, directory) -> new StockGuests(table, directory).run());
        return all;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        Map<String, Benchmark> all = all();
        Set<String> wanted = args.length == 0 ? USUAL : new TreeSet<>(List.of(args));
        for (String word : wanted) {
            if (!all.containsKey(word)) {
                System.err.println("no benchmark " + word + "; there are " + String.join(", ", all.keySet())
                        + " (integration-tests/bench --help)");
                System.exit(USAGE);
            }
        }
        Table table = new Table();
        table.heading("Load of the machine before: " + load());
        Path directory = Files.createTempDirectory("jvmm-bench");
        try {
            for (Map.Entry<String, Benchmark> one : all.entrySet()) {
                if (wanted.contains(one.getKey())) {
                    one.getValue().run(table, directory);
                }
            }
        } finally {
            IoUtil.delete(directory.toFile(), true); // journals of some hundred megabytes
        }
        table.heading("Load of the machine after: " + load());
        System.out.print(table);
    }

    /** Averages of 1, 5 and 15 minutes, and how many processors share it. */
    private static String load() throws IOException {
        String[] words = Files.readString(Path.of("/proc/loadavg")).split(" ", -1);
        return String.join(" ", words[0], words[1], words[2]) + " on "
                + Runtime.getRuntime().availableProcessors() + " processors";
    }
}
