package io.jvmm.fuzz.engine;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Fuzzes one target for a while with several processes, says how it goes, and sees to what they find. */
public final class Campaign {
    /** As {@link JazzerRun#exitCode} of a process that has found something. */
    private static final int FOUND = 77;

    private static final int TROUBLE = 3;
    private static final long TELL_EVERY_NS = 5_000_000_000L;
    private static final long LOOK_EVERY_MS = 100;
    private static final long REDUCE_NS = 20_000_000_000L;
    private static final long NANOS = 1_000_000_000;
    /** A process that does not end by itself when its time is over gets so much more. */
    private static final long GRACE_S = 180;

    private static final int TAIL_LINES = 15;

    private final Plan plan;
    private final FuzzTarget target;
    private final Consumer<String> out;
    private final Set<Signature> known = new HashSet<>();
    private long runs;
    private long runsPerSecond;
    private int coverage;
    private int findings;
    private boolean overdue;
    private volatile boolean stopped;

    /**
     * What is to be done.
     *
     * @param target its name
     * @param instrumented as {@link JazzerRun.Order}; so are the others of the same name
     * @param corpus null for one that is forgotten
     * @param dictionary null for the target's own
     * @param findings where findings are kept
     * @param jobs processes
     * @param minimise whether a finding is made smaller
     */
    public record Plan(
            String target,
            List<String> instrumented,
            String trace,
            int longestInput,
            @Nullable Path corpus,
            @Nullable Path dictionary,
            Path findings,
            long seconds,
            long runs,
            int jobs,
            long seed,
            int keepGoing,
            boolean minimise) {}

    public Campaign(Plan plan, FuzzTarget target, Consumer<String> out) {
        this.plan = plan;
        this.target = target;
        this.out = out;
        target.thorough();
    }

    /** Does it; 0 when nothing was found, 77 when something was, 3 when a process failed of itself. */
    public int run() throws IOException, InterruptedException {
        Path work = Files.createTempDirectory("jvmm-fuzz-");
        List<JazzerRun> jobs = new CopyOnWriteArrayList<>();
        Thread cleaner = new Thread(() -> {
            stopped = true;
            jobs.forEach(JazzerRun::close);
            delete(work);
        });
        if (!remember(cleaner)) {
            stopped = true;
            delete(work);
            return 0;
        }
        try {
            JazzerRun.Order order = order(work);
            for (int job = 0; job < plan.jobs(); job++) {
                jobs.add(JazzerRun.start(order, job, work));
            }
            follow(jobs);
            return conclude(jobs);
        } finally {
            jobs.forEach(JazzerRun::close);
            if (!stopped) {
                forget(cleaner);
                delete(work);
            }
        }
    }

    /** False where this program is being ended already: between two targets of a long run. */
    private static boolean remember(Thread hook) {
        try {
            Runtime.getRuntime().addShutdownHook(hook);
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // this program is being ended, and the hook does its work
        }
    }

    /** Those inputs of a directory that reach something which no smaller one of them does; none when that fails. */
    public List<byte[]> select(Path corpus) throws IOException, InterruptedException {
        Path work = Files.createTempDirectory("jvmm-fuzz-");
        try {
            Path kept = Files.createDirectories(work.resolve("kept"));
            JazzerRun.Order order = new JazzerRun.Order(
                    plan.target(),
                    plan.instrumented(),
                    plan.trace(),
                    plan.longestInput(),
                    corpus,
                    "",
                    work,
                    0,
                    0,
                    0,
                    1);
            try (JazzerRun run = JazzerRun.select(order, kept, work)) {
                if (run.exitCode() != 0) {
                    tail(run);
                    return List.of();
                }
            }
            return Corpus.read(kept);
        } finally {
            delete(work);
        }
    }

    private void tail(JazzerRun job) throws IOException {
        List<String> said = Files.exists(job.log()) ? Files.readAllLines(job.log()) : List.of();
        said.subList(Math.max(0, said.size() - TAIL_LINES), said.size()).forEach(out);
    }

    private JazzerRun.Order order(Path work) throws IOException {
        Path corpus = plan.corpus() == null ? work.resolve("corpus") : plan.corpus();
        List<byte[]> seeds = Corpus.shipped(plan.target(), target);
        Corpus.write(corpus, seeds);
        Path raw = Files.createDirectories(work.resolve("raw"));
        String words = "";
        Path given = plan.dictionary();
        if (given != null) {
            words = given.toString();
        } else {
            String own = Corpus.dictionary(target.dictionary());
            if (!own.isEmpty()) {
                words = Files.writeString(work.resolve("dictionary"), own).toString();
            }
        }
        out.accept(String.format(
                Locale.ROOT,
                "%s: %d shipped seeds, %s, %d process%s",
                plan.target(),
                seeds.size(),
                plan.seconds() > 0 ? plan.seconds() + " s" : "no end",
                plan.jobs(),
                plan.jobs() == 1 ? "" : "es"));
        return new JazzerRun.Order(
                plan.target(),
                plan.instrumented(),
                plan.trace(),
                plan.longestInput(),
                corpus,
                words,
                raw,
                plan.seconds(),
                plan.runs(),
                plan.seed(),
                plan.keepGoing());
    }

    /** Until all have ended, or one has found enough. */
    private void follow(List<JazzerRun> jobs) throws InterruptedException {
        long beginNs = System.nanoTime();
        long tellNs = beginNs + TELL_EVERY_NS;
        long lastNs = plan.seconds() == 0 ? Long.MAX_VALUE : beginNs + (plan.seconds() + GRACE_S) * NANOS;
        boolean ended = false;
        while (!ended) {
            ended = true;
            for (JazzerRun job : jobs) {
                boolean over = job.await(LOOK_EVERY_MS);
                ended &= over;
                if (over && job.exitCode() != 0) {
                    jobs.forEach(JazzerRun::close);
                }
            }
            long now = System.nanoTime();
            if (now >= tellNs || ended) {
                tell(jobs, (now - beginNs) / NANOS);
                tellNs = now + TELL_EVERY_NS;
            }
            if (now > lastNs && !overdue) {
                overdue = true; // on a machine with too much to do it may not get to look at its clock
                jobs.forEach(JazzerRun::close);
            }
        }
    }

    private void tell(List<JazzerRun> jobs, long seconds) {
        runs = 0;
        runsPerSecond = 0;
        int features = 0;
        int corpus = 0;
        for (JazzerRun job : jobs) {
            runs += job.runs();
            runsPerSecond += job.runsPerSecond();
            coverage = Math.max(coverage, job.coverage());
            features = Math.max(features, job.features());
            corpus = Math.max(corpus, job.corpusSize());
        }
        if (runs == 0 && seconds < plan.seconds()) {
            out.accept(String.format(Locale.ROOT, "%s: %4d s  starting", plan.target(), seconds));
            return;
        }
        out.accept(String.format(
                Locale.ROOT,
                "%s: %4d s  %,12d runs  %,9d/s  coverage %d  features %d  corpus %d",
                plan.target(),
                seconds,
                runs,
                runsPerSecond,
                coverage,
                features,
                corpus));
    }

    /** Inputs a second, of all processes together, when it ended. */
    public long runsPerSecond() {
        return runsPerSecond;
    }

    /** Inputs run, of all processes together. */
    public long runs() {
        return runs;
    }

    /** Edges reached. */
    public int coverage() {
        return coverage;
    }

    /** How many different ones. */
    public int findings() {
        return findings;
    }

    private int conclude(List<JazzerRun> jobs) throws IOException, InterruptedException {
        if (stopped) {
            return 0; // by a signal, which is what this program ends with
        }
        boolean found = false;
        for (JazzerRun job : jobs) {
            for (Path artifact : job.artifacts()) {
                found = true;
                keep(artifact);
            }
        }
        if (found) {
            return FOUND;
        }
        for (JazzerRun job : jobs) {
            if (job.exitCode() != 0 && !overdue) {
                out.accept(plan.target() + ": the fuzzer failed with code " + job.exitCode() + ":");
                tail(job);
                return TROUBLE;
            }
        }
        out.accept(plan.target() + ": nothing found");
        return 0;
    }

    private void keep(Path artifact) throws IOException {
        byte[] input = Files.readAllBytes(artifact);
        findings++;
        if (String.valueOf(artifact.getFileName()).contains("timeout-")) {
            Path kept = Files.createDirectories(plan.findings()).resolve(String.valueOf(artifact.getFileName()));
            Files.write(kept, input);
            out.accept(plan.target() + ": FOUND an input that takes longer than a minute: " + kept);
            return;
        }
        Throwable error = Signature.findingOf(target, input);
        if (error == null) {
            Path kept = Files.createDirectories(plan.findings()).resolve(String.valueOf(artifact.getFileName()));
            Files.write(kept, input);
            out.accept(plan.target() + ": FOUND something that this input does not show again by itself: " + kept);
            return;
        }
        Signature signature = Signature.of(error);
        if (!known.add(signature)) {
            findings--;
            return;
        }
        byte[] smallest = input;
        if (plan.minimise()) {
            Reducer reducer = new Reducer(target, signature, REDUCE_NS);
            smallest = reducer.reduce(input);
            Throwable again = Signature.findingOf(target, smallest);
            error = again == null ? error : again;
        }
        Path kept = new Finding(plan.target(), input, smallest, error).save(target, plan.findings());
        out.accept(plan.target() + ": FOUND " + error);
        target.describe(smallest).forEach(line -> out.accept("    " + line));
        out.accept("  " + input.length + " bytes made " + smallest.length + ", kept in " + kept);
    }

    private static void delete(Path directory) {
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
                    Files.deleteIfExists(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            // it is in the directory for such things
        }
    }
}
