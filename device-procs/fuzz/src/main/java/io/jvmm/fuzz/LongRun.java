package io.jvmm.fuzz;

import io.jvmm.fuzz.engine.Campaign;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Several targets, so many at a time, a process each; in the end a table of them. */
final class LongRun {
    private final List<Targets> targets;
    private final int atATime;
    private final Consumer<String> out;

    /** What fuzzes a target. */
    interface Maker {
        Campaign make(Targets target, Consumer<String> out);
    }

    private record Row(Targets target, Campaign campaign, int code) {}

    LongRun(List<Targets> targets, int atATime, Consumer<String> out) {
        this.targets = List.copyOf(targets);
        this.atATime = atATime;
        this.out = line -> {
            synchronized (this) {
                out.accept(line);
            }
        };
    }

    /** Does it; the worst of their codes: 0 when nothing was found, 77 when something was, 3 when one failed of itself and nothing was found. */
    int run(Maker maker) throws InterruptedException, IOException {
        List<Row> rows = new ArrayList<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(atATime)) {
            List<Future<Row>> all = new ArrayList<>();
            for (Targets target : targets) {
                Callable<Row> one = () -> {
                    Campaign campaign = maker.make(target, out);
                    return new Row(target, campaign, campaign.run());
                };
                all.add(pool.submit(one));
            }
            for (Future<Row> one : all) {
                rows.add(one.get());
            }
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e);
        }
        int code = FuzzMain.NOTHING_FOUND;
        out.accept(String.format(
                Locale.ROOT, "%n%-14s %14s %10s %9s %9s", "TARGET", "RUNS", "RUNS/S", "COVERAGE", "FINDINGS"));
        for (Row row : rows) {
            code = Math.max(code, row.code);
            out.accept(row(row));
        }
        return code;
    }

    private static String row(Row row) {
        Campaign campaign = row.campaign;
        String trouble = row.code == FuzzMain.TROUBLE ? "  the fuzzer failed" : "";
        return String.format(
                Locale.ROOT,
                "%-14s %,14d %,10d %9d %9d%s",
                row.target.word(),
                campaign.runs(),
                campaign.runsPerSecond(),
                campaign.coverage(),
                campaign.findings(),
                trouble);
    }
}
