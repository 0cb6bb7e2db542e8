package io.jvmm.fuzz.sandbox;

import io.jvmm.fuzz.engine.Corpus;
import io.jvmm.fuzz.engine.Finding;
import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.engine.Reducer;
import io.jvmm.fuzz.engine.Signature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** {@code jvmm-fuzz --sandbox}: one device process after the other, until the time is over or enough was found. One thread. */
public final class SandboxCampaign {
    private static final int FOUND = 77;
    private static final int CASES_A_SESSION = 256;
    private static final int SPARES = 2;
    private static final long NANOS = 1_000_000_000;
    private static final long BOUND_NS = 20 * NANOS;
    private static final long TELL_EVERY_NS = 5 * NANOS;
    private static final long REDUCE_NS = 60 * NANOS;
    private static final int NAME_LENGTH = 12;
    private static final int MOST_LINES = 40;

    private final Plan plan;
    private final FuzzTarget inProcess;
    private final SandboxDevice device;
    private final SandboxPrograms programs;
    private final Consumer<String> out;
    private final Feedback feedback = new Feedback();
    private final Set<Signature> known = new HashSet<>();
    private final Deque<Script> seeds = new ArrayDeque<>();
    private long cases;
    private long beganNs;
    private long tellNs;

    /**
     * What is to be done.
     *
     * @param device its name
     * @param distribution null for that of the source tree
     * @param seconds 0 for no end
     * @param runs at most so many cases; 0 for no end
     * @param seed 0 for any
     * @param corpus null for one that is forgotten
     * @param findings where findings are kept
     * @param keepGoing stop at the so many-th
     * @param minimise whether a finding is made smaller
     */
    public record Plan(
            String device,
            @Nullable Path distribution,
            long seconds,
            long runs,
            long seed,
            @Nullable Path corpus,
            Path findings,
            int keepGoing,
            boolean minimise) {}

    /** @param inProcess the device target of that name: its seeds, and where a finding is tried without a process */
    public SandboxCampaign(Plan plan, FuzzTarget inProcess, Consumer<String> out) {
        this(plan, inProcess, SandboxPrograms.in(home(plan)), out);
    }

    SandboxCampaign(Plan plan, FuzzTarget inProcess, SandboxPrograms programs, Consumer<String> out) {
        this.plan = plan;
        this.inProcess = inProcess;
        this.device = SandboxDevice.named(plan.device());
        this.programs = programs;
        this.out = out;
    }

    private static Path home(Plan plan) {
        Path given = plan.distribution();
        return given == null ? SandboxPrograms.ofTheTree() : given;
    }

    /** Does it; 0 when nothing was found, 77 when something was. */
    public int run() throws IOException {
        for (byte[] seed : Corpus.shipped(plan.device(), inProcess)) {
            seeds.add(Script.ofProgram(device.vocabulary(), seed));
        }
        readCorpus();
        long seed = plan.seed() != 0 ? plan.seed() : System.nanoTime() & Integer.MAX_VALUE;
        say(seeds.size() + " seeds, " + (plan.seconds() > 0 ? plan.seconds() + " s" : "no end") + ", --seed " + seed
                + ", filter closed, " + Runtime.getRuntime().availableProcessors() + " processors");
        Mutator mutator = new Mutator(device.vocabulary(), List.copyOf(seeds), seed);
        beganNs = System.nanoTime();
        tellNs = beganNs + TELL_EVERY_NS;
        int found = 0;
        try (Spares spares = new Spares(device.name(), programs, SPARES);
                SandboxMachine machine = new SandboxMachine(device, spares, feedback, BOUND_NS)) {
            while (found < plan.keepGoing() && goesOn()) {
                if (!session(machine, spares, mutator)) {
                    found++;
                }
            }
            tell(spares, mutator);
        }
        say(found == 0 ? "nothing found" : found + " found");
        return found == 0 ? 0 : FOUND;
    }

    private void readCorpus() throws IOException {
        Path directory = plan.corpus();
        if (directory == null || !Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                seeds.add(Script.ofFile(device.vocabulary(), Files.readAllBytes(file)));
            }
        }
    }

    private boolean goesOn() {
        boolean inTime = plan.seconds() == 0 || System.nanoTime() - beganNs < plan.seconds() * NANOS;
        return inTime && (plan.runs() == 0 || cases < plan.runs());
    }

    /** A device from power-on through many cases; false when something was found. */
    private boolean session(SandboxMachine machine, Spares spares, Mutator mutator) throws IOException {
        List<Script> history = new ArrayList<>();
        try {
            machine.begin();
            for (int i = 0; i < CASES_A_SESSION && goesOn(); i++) {
                Script script = seeds.isEmpty() ? mutator.next() : seeds.remove();
                history.add(script);
                machine.run(script);
                cases++;
                if (feedback.takeFresh() > 0) {
                    mutator.keep(script);
                    keep(script);
                }
                if (System.nanoTime() >= tellNs) {
                    tell(spares, mutator);
                    tellNs = System.nanoTime() + TELL_EVERY_NS;
                }
            }
            machine.end();
            return true;
        } catch (SandboxFinding e) {
            found(e, history);
            return false;
        }
    }

    private void keep(Script script) throws IOException {
        Path directory = plan.corpus();
        if (directory != null) {
            Corpus.write(directory, List.of(script.file()));
        }
    }

    private void tell(Spares spares, Mutator mutator) {
        double seconds = Math.max(1, System.nanoTime() - beganNs) / (double) NANOS;
        say(String.format(
                Locale.ROOT,
                "%4.0f s  %,10d cases  %,7.0f/s  %,5d processes  %4.1f/s  features %d  corpus %d",
                seconds,
                cases,
                cases / seconds,
                spares.started(),
                spares.started() / seconds,
                feedback.count(),
                mutator.size()));
    }

    private void say(String line) {
        out.accept(plan.device() + ": " + line);
    }

    // ---- findings

    private void found(SandboxFinding error, List<Script> history) throws IOException {
        Signature signature = Signature.of(error);
        if (!known.add(signature)) {
            return;
        }
        say("FOUND " + error.getMessage() + " (after " + history.size() + " cases of one session)");
        List<byte[]> steps = new ArrayList<>();
        history.forEach(script -> steps.addAll(script.steps()));
        byte[] all = new Script(device.vocabulary(), steps).bytes();
        byte[] last = history.isEmpty() ? all : history.getLast().bytes();
        try (SandboxTarget target = new SandboxTarget(device, programs, BOUND_NS)) {
            byte[] shown = shows(target, signature, last) ? last : shows(target, signature, all) ? all : null;
            byte[] smallest = shown == null ? all : shown;
            if (shown != null && plan.minimise()) {
                smallest = new Reducer(target, signature, REDUCE_NS).reduce(shown);
            }
            save(error, all, smallest, shown != null);
        }
    }

    private static boolean shows(SandboxTarget target, Signature wanted, byte[] input) {
        try {
            target.run(input);
            return false;
        } catch (SandboxFinding e) {
            return Signature.of(e).equals(wanted);
        }
    }

    private void save(SandboxFinding error, byte[] all, byte[] smallest, boolean again) throws IOException {
        String name = Corpus.name(Signature.of(error).toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        Path own = plan.findings().resolve(plan.device() + "-sandbox-" + name.substring(0, NAME_LENGTH));
        Files.createDirectories(own);
        Script script = Script.of(device.vocabulary(), smallest);
        Files.write(own.resolve("script"), script.file());
        Files.write(own.resolve("original"), Script.of(device.vocabulary(), all).file());
        List<String> lines = new ArrayList<>();
        lines.add("device " + plan.device() + ", from outside: " + error.getMessage());
        lines.add(again ? "it shows again by itself" : "it did not show again when it was run once more");
        if (again && ForbiddenCall.isBySigsys(error)) {
            lines.add("the call that the filter forbids: " + ForbiddenCall.name(device, programs, smallest, BOUND_NS));
        }
        lines.add(inProcess(script, own));
        lines.addAll(script.lines());
        error.details().lines().forEach(lines::add);
        Files.write(own.resolve("finding.txt"), lines);
        lines.stream().skip(1).limit(MOST_LINES).forEach(line -> say("    " + line));
        say("  " + all.length + " bytes made " + smallest.length + ", kept in " + own);
        say("  again: jvmm-fuzz --device " + plan.device() + " --sandbox " + own.resolve("script"));
    }

    /** Without a process it may show, too: then it is kept as such a finding is. */
    private String inProcess(Script script, Path own) throws IOException {
        byte[] program = script.program();
        Files.write(own.resolve("input"), program);
        try {
            inProcess.run(program);
            return "the device target does not show it (input)"
                    + (script.needsProcess() ? ", as it has no process" : "");
        } catch (Throwable e) { // whatever it is, it is what we hoped for
            Path kept = new Finding(plan.device(), script.file(), program, e).save(inProcess, plan.findings());
            return "the device target shows it, too: " + kept;
        }
    }

    /** Runs one file again, and tells what it means and what happens. */
    public int again(Path file) throws IOException {
        Script script = Script.ofFile(device.vocabulary(), Files.readAllBytes(file));
        script.lines().forEach(out);
        try (SandboxTarget target = new SandboxTarget(device, programs, BOUND_NS)) {
            target.run(script.bytes());
            out.accept("nothing happens");
            return 0;
        } catch (SandboxFinding e) {
            out.accept("FOUND " + e.getMessage());
            e.details().lines().forEach(out);
        }
        return FOUND;
    }
}
