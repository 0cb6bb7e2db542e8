package io.jvmm.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Runs the benchmarks and prints one table. Arguments choose among {@code link}, {@code exit}, {@code start}, {@code cpu} and {@code block};
 * without any, all of these run; {@code stock}, which takes many minutes, only when it is asked for. Nothing here asserts a time.
 */
public final class Bench {
    private Bench() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        Set<String> wanted =
                args.length == 0 ? Set.of("link", "exit", "start", "cpu", "block") : Set.copyOf(List.of(args));
        Table table = new Table();
        Path directory = Files.createTempDirectory("jvmm-bench");
        if (wanted.contains("link")) {
            new LinkBench(table, directory).run();
        }
        if (wanted.contains("exit")) {
            new ExitBench(table, directory).run();
        }
        if (wanted.contains("start")) {
            new StartBench(table, directory).run();
        }
        if (wanted.contains("cpu")) {
            new SoftwareCpuBench(table, directory).run();
        }
        if (wanted.contains("block")) {
            new BlockBench(table, directory).run();
        }
        if (wanted.contains("stock")) {
            new StockGuests(table, directory).run();
        }
        System.out.print(table);
    }
}
