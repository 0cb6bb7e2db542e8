package io.jvmm.fuzz.engine;

import io.jvmm.ipc.sys.ParentDeath;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One process that fuzzes: a JVM like this one, in which Jazzer runs {@link JazzerEntry}. Its hooks and sanitizers stay off, its own mutator too: libFuzzer's
 * knows dictionaries. What it prints is read here; the numbers are kept, the rest goes to a log.
 */
public final class JazzerRun implements AutoCloseable {
    private static final Pattern PROGRESS = Pattern.compile("#(\\d+)\\s+([A-Z]+|pulse)\\s.*");
    private static final Pattern COVERAGE = Pattern.compile(".*\\bcov: (\\d+) ft: (\\d+) corp: (\\d+)/.*");
    private static final Pattern DONE = Pattern.compile("Done (\\d+) runs in .*");
    private static final Pattern ARTIFACT = Pattern.compile(".*Test unit written to (.*)");
    private static final int CASE_TIMEOUT_S = 60;

    private final Process process;
    private final Thread reader;
    private final Path log;
    private volatile long runs;
    private volatile long firstRuns;
    private volatile long startedNs;
    private volatile long latestNs;
    private volatile int coverage;
    private volatile int features;
    private volatile int corpusSize;
    private final List<Path> artifacts = new ArrayList<>();

    /**
     * What to run.
     *
     * @param target its name
     * @param instrumented classes that guide the search, as Jazzer's globs
     * @param trace which instrumentation, as Jazzer's option has it: {@code cov}, {@code cov:cmp}
     * @param longestInput in bytes
     * @param corpus inputs are read from there and new ones written
     * @param dictionary a file, or empty for none
     * @param findings what is found goes there
     * @param seconds so long; 0 for no end
     * @param runs at most so many; 0 for no limit
     * @param seed of the mutations; 0 for one of the clock
     * @param keepGoing so many findings before it ends
     */
    public record Order(
            String target,
            List<String> instrumented,
            String trace,
            int longestInput,
            Path corpus,
            String dictionary,
            Path findings,
            long seconds,
            long runs,
            long seed,
            int keepGoing) {}

    private JazzerRun(Process process, Path log) {
        this.process = process;
        this.log = log;
        this.startedNs = System.nanoTime();
        this.latestNs = startedNs;
        this.reader = new Thread(this::read, "jazzer output");
    }

    /** Starts it. */
    public static JazzerRun start(Order order, int job, Path logs) throws IOException {
        List<String> command = command(order, job, logs);
        command.add(order.corpus().toString());
        return start(command, logs.resolve(order.target() + "-" + job + ".log"));
    }

    /** The same, which puts those inputs of the corpus into {@code kept} that reach something which no smaller one does. */
    static JazzerRun select(Order order, Path kept, Path logs) throws IOException {
        List<String> command = command(order, 0, logs);
        command.addAll(List.of("-merge=1", kept.toString(), order.corpus().toString()));
        return start(command, logs.resolve(order.target() + "-select.log"));
    }

    private static JazzerRun start(List<String> command, Path log) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        Process process = builder.start();
        JazzerRun run = new JazzerRun(process, log);
        run.reader.start();
        return run;
    }

    private static List<String> command(Order order, int job, Path scratch) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!argument.startsWith("-agentlib") && !argument.startsWith("-javaagent")) {
                command.add(argument);
            }
        }
        command.add(ParentDeath.option());
        command.add(
                "-Djava.io.tmpdir=" + scratch); // Jazzer unpacks itself there, and leaves that behind when it is killed
        command.add("-D" + JazzerEntry.TARGET + "=" + order.target());
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add("com.code_intelligence.jazzer.Jazzer");
        command.add("--target_class=" + JazzerEntry.class.getName());
        command.add("--disabled_hooks=*");
        command.add("--mutator_framework=false");
        command.add("--instrumentation_includes=" + String.join(":", order.instrumented()));
        command.add("--trace=" + order.trace());
        command.add("--reproducer_path=" + order.findings());
        command.add("--keep_going=" + order.keepGoing());
        command.add("-artifact_prefix=" + order.findings() + "/" + order.target() + "-");
        command.add("-max_len=" + order.longestInput());
        command.add("-timeout=" + CASE_TIMEOUT_S);
        command.add("-rss_limit_mb=0");
        command.add("-print_final_stats=1");
        command.add("-reload=1");
        if (order.seconds() > 0) {
            command.add("-max_total_time=" + order.seconds());
        }
        if (order.runs() > 0) {
            command.add("-runs=" + order.runs());
        }
        if (order.seed() != 0) {
            command.add("-seed=" + ((order.seed() + job) & 0x7FFF_FFFF));
        }
        if (!order.dictionary().isEmpty()) {
            command.add("-dict=" + order.dictionary());
        }
        return command;
    }

    private void read() {
        Consumer<String> keep = line -> {
            try {
                Files.writeString(
                        log,
                        line + "\n",
                        java.nio.file.StandardOpenOption.CREATE,
                        java.nio.file.StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
        try (BufferedReader lines = process.inputReader(StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!take(line)) {
                    keep.accept(line);
                }
            }
        } catch (IOException e) {
            keep.accept("output lost: " + e);
        }
    }

    /** Whether it was a line of numbers. */
    private boolean take(String line) {
        Matcher done = DONE.matcher(line);
        if (done.matches()) {
            runs = Long.parseLong(done.group(1));
            latestNs = System.nanoTime();
            return true;
        }
        Matcher artifact = ARTIFACT.matcher(line);
        if (artifact.matches()) {
            synchronized (artifacts) {
                artifacts.add(Path.of(artifact.group(1)));
            }
            return false;
        }
        Matcher progress = PROGRESS.matcher(line);
        if (!progress.matches()) {
            return false;
        }
        runs = Long.parseLong(progress.group(1));
        latestNs = System.nanoTime();
        if (progress.group(2).equals("INITED")) {
            startedNs = latestNs;
            firstRuns = runs;
        }
        Matcher covered = COVERAGE.matcher(line);
        if (covered.matches()) {
            coverage = Integer.parseInt(covered.group(1));
            features = Integer.parseInt(covered.group(2));
            corpusSize = Integer.parseInt(covered.group(3));
        }
        return true;
    }

    public long runs() {
        return runs;
    }

    /** Since the corpus was read, as far as it has told. */
    public long runsPerSecond() {
        long ns = Math.max(1_000_000, latestNs - startedNs);
        return Math.round((runs - firstRuns) * 1e9 / ns);
    }

    /** Edges reached. */
    public int coverage() {
        return coverage;
    }

    /** Edges with how often they were taken. */
    public int features() {
        return features;
    }

    public int corpusSize() {
        return corpusSize;
    }

    /** Inputs that it has found something with. */
    public List<Path> artifacts() {
        synchronized (artifacts) {
            return List.copyOf(artifacts);
        }
    }

    /** Everything it said that was not a number. */
    public Path log() {
        return log;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for its end, so long at most; whether it has ended. */
    public boolean await(long milliseconds) throws InterruptedException {
        return process.waitFor(milliseconds, java.util.concurrent.TimeUnit.MILLISECONDS);
    }

    /** Its exit code: 0, or 77 and the like for a finding; anything else is trouble of its own. */
    public int exitCode() throws InterruptedException {
        int code = process.waitFor();
        reader.join();
        return code;
    }

    /** Ends it. */
    @Override
    public void close() {
        Objects.requireNonNull(process).destroyForcibly();
    }
}
