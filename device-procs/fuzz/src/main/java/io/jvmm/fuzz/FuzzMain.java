package io.jvmm.fuzz;

import io.jvmm.fuzz.engine.Campaign;
import io.jvmm.fuzz.engine.Corpus;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.sandbox.SandboxCampaign;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.supervisor.terminal.StandardOutput;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** The {@code jvmm-fuzz} command. */
public final class FuzzMain {
    /** Nothing was found. */
    static final int NOTHING_FOUND = 0;
    /** Wrong usage, or a file that cannot be read. */
    static final int WRONG = 2;
    /** The fuzzer itself failed. */
    static final int TROUBLE = 3;
    /** Something was found; libFuzzer says the same. */
    static final int FOUND = 77;

    /** Of ENOSPC, without a name of a file, as the C library has it in the C locale. */
    private static final String FULL = "No space left on device";

    private static final String HELP = """
            usage: jvmm-fuzz --device NAME|--target NAME [OPTION]...      --list tells the names; 'all' is all of them

            Fuzzes one device class, or one parser, in a JVM of its own: the shipped class files, instrumented by Jazzer, on
            inputs that libFuzzer makes. An input of a device is a list of operations of a guest, a host and a clock; oracles
            watch what a driver may rely on.

              --time 10m         so long for each target, once it has started: 90s, 10m, 2h (default 60s); 0s: without end
              --runs N           at most so many inputs
              --jobs N           so many processes on one corpus; of several targets so many at a time, a process each (default 1)
              --corpus DIR       read inputs from DIR and keep new ones there (default: a directory that is forgotten);
                                 the shipped seeds are added
              --dictionary FILE  words in libFuzzer's form instead of the target's own
              --seed N           of the mutations: with one job the same inputs again
              --findings DIR     where findings go (default findings): input, listing, trace, script and test, a directory each
              --keep-going N     stop at the Nth finding (default 1)
              --no-minimise      leave the input as it was found

              --reproduce FILE   run one input and tell what it means and what happens
              --convert FILE     make inputs of a recorded life (*.jtrace) of the device, in --corpus DIR
              --select FILE      write those of --corpus DIR that reach something which no smaller one does, a line each

              --sandbox          from outside: the process of the built distribution in its jail, its filter closed, over its
                                 real link; with lies on the ring, damaged states, kills and successors. Found is what it must
                                 never do: die of a signal or a bug, be silent, break its protocol, leave a state that no
                                 successor takes. Goes with --time, --runs, --seed, --corpus, --findings, --keep-going,
                                 --no-minimise
              --sandbox FILE     run a finding's script, or an input of the device, once more
              --distribution DIR where the programs are (default: the source tree's supervisor/target/jvmm)

            A first run:        jvmm-fuzz --device serial --time 30s --jobs 2
            The long run:       jvmm-fuzz --target all --time 5m --jobs 2      ends with a table
            After a finding:    jvmm-fuzz --device serial --reproduce findings/serial-*/input
            From outside:       jvmm-fuzz --device serial --sandbox --time 60s

            Exit codes: 0 nothing found, 77 something found, 2 wrong usage, 3 trouble of the fuzzer's own.
            """;

    private FuzzMain() {}

    /** See {@code --help}. */
    public static void main(String[] args) throws InterruptedException {
        StandardOutput out = new StandardOutput();
        System.setOut(new PrintStream(out.stream(), true, StandardCharsets.UTF_8));
        int status = run(args);
        System.exit(out.end("jvmm-fuzz", status, TROUBLE));
    }

    static int run(String[] args) throws InterruptedException {
        try {
            FuzzOptions options = FuzzOptions.of(args);
            return switch (options.task) {
                case HELP -> help();
                case LIST -> list();
                case FUZZ -> fuzz(options);
                case REPRODUCE -> reproduce(options);
                case CONVERT -> convert(options);
                case SELECT -> select(options);
                case SANDBOX -> sandbox(options);
            };
        } catch (IllegalArgumentException e) {
            System.err.println("jvmm-fuzz: " + e.getMessage());
            return WRONG;
        } catch (IOException e) {
            System.err.println("jvmm-fuzz: " + reason(e));
            return TROUBLE;
        }
    }

    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> missing.getFile() + ": there is no such file or directory";
            case AccessDeniedException denied -> denied.getFile() + ": this user may not";
            case FileAlreadyExistsException file -> file.getFile() + " is no directory";
            default ->
                String.valueOf(e.getMessage()).equals(FULL) ? FULL + whereItWrites() : String.valueOf(e.getMessage());
        };
    }

    private static String whereItWrites() {
        return ": in " + System.getProperty("java.io.tmpdir") + ", --corpus DIR or --findings DIR; see: df";
    }

    private static int help() {
        System.out.print(HELP);
        return NOTHING_FOUND;
    }

    private static int list() {
        for (Targets target : Targets.values()) {
            System.out.printf(
                    "%-14s %-7s %s%n", target.word(), target.isDevice() ? "device" : "parser", target.about());
        }
        return NOTHING_FOUND;
    }

    private static int fuzz(FuzzOptions options) throws IOException, InterruptedException {
        tryOut(options);
        if (options.targets.size() > 1) {
            return new LongRun(options.targets, options.jobs, System.out::println)
                    .run((target, out) -> new Campaign(plan(options, target, 1), target.make(), out));
        }
        Targets target = options.targets.getFirst();
        return new Campaign(plan(options, target, options.jobs), target.make(), System.out::println).run();
    }

    private static void tryOut(FuzzOptions options) {
        Beforehand.findings(options.findings);
        Path dictionary = options.dictionary;
        if (dictionary != null) {
            Beforehand.dictionary(dictionary);
        }
    }

    /** @param processes of this target */
    private static Campaign.Plan plan(FuzzOptions options, Targets target, int processes) {
        return new Campaign.Plan(
                target.word(),
                target.instrumented(),
                target.trace(),
                target.longestInput(),
                options.corpus == null ? null : directoryOf(options, target),
                options.dictionary,
                options.findings,
                options.seconds,
                options.runs,
                processes,
                options.seed,
                options.keepGoing,
                options.minimise);
    }

    private static int sandbox(FuzzOptions options) throws IOException {
        tryOut(options);
        int result = NOTHING_FOUND;
        for (Targets target : options.targets) {
            SandboxCampaign campaign = new SandboxCampaign(
                    new SandboxCampaign.Plan(
                            target.word(),
                            options.distribution,
                            options.seconds,
                            options.runs,
                            options.seed,
                            options.corpus == null ? null : directoryOf(options, target),
                            options.findings,
                            options.keepGoing,
                            options.minimise),
                    target.make(),
                    System.out::println);
            Path file = options.file;
            result = Math.max(result, file == null ? campaign.run() : campaign.again(file));
        }
        return result;
    }

    /** Several targets do not share one directory. */
    private static Path directoryOf(FuzzOptions options, Targets target) {
        Path corpus = Objects.requireNonNull(options.corpus);
        return options.targets.size() == 1 ? corpus : corpus.resolve(target.word());
    }

    private static int convert(FuzzOptions options) throws IOException {
        Path corpus = options.corpus;
        if (corpus == null) {
            throw new IllegalArgumentException("--convert needs --corpus DIR, where the inputs go");
        }
        Targets target = options.targets.getFirst();
        Path file = existing(options);
        try (TraceFileReader life = new TraceFileReader(file)) {
            List<byte[]> inputs = target.make().convert(life, target.longestInput());
            System.out.println(Corpus.write(corpus, inputs) + " different inputs in " + corpus);
            if (life.torn()) {
                System.err.println("jvmm-fuzz: " + file
                        + ": only what stands before the damage: see: jvmm-journal verify " + file);
                return TROUBLE;
            }
            return NOTHING_FOUND;
        } catch (TraceFormatException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    private static Path existing(FuzzOptions options) {
        Path file = Objects.requireNonNull(options.file);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(file + " is no file");
        }
        return file;
    }

    private static int select(FuzzOptions options) throws IOException, InterruptedException {
        Path corpus = options.corpus;
        if (corpus == null) {
            throw new IllegalArgumentException("--select needs --corpus DIR, from which it chooses");
        }
        if (!Files.isDirectory(corpus)) {
            throw new IllegalArgumentException("--corpus " + corpus + ": there is no such directory");
        }
        Campaign.Plan plan = plan(options, options.targets.getFirst(), 1);
        List<byte[]> kept = new Campaign(plan, options.targets.getFirst().make(), System.out::println).select(corpus);
        Files.writeString(Objects.requireNonNull(options.file), Corpus.text(kept));
        System.out.println(kept.size() + " inputs in " + options.file);
        return kept.isEmpty() ? TROUBLE : NOTHING_FOUND;
    }

    private static int reproduce(FuzzOptions options) throws IOException {
        byte[] input = Files.readAllBytes(existing(options));
        FuzzTarget target = options.targets.getFirst().make();
        target.thorough();
        target.describe(input).forEach(System.out::println);
        try {
            target.run(input);
        } catch (Throwable e) { // whatever it is, it is what was asked for
            e.printStackTrace(System.out);
            return FOUND;
        }
        System.out.println("nothing happens");
        return NOTHING_FOUND;
    }
}
