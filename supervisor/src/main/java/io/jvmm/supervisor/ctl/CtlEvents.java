package io.jvmm.supervisor.ctl;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.terminal.OutputReader;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** {@code jvmmctl events}: what has happened to a machine; with {@code --follow} what happens, with the words of its processes. */
final class CtlEvents {
    static final String LEVELS = "error, warn, info, debug";
    /** Processes that are no device's. */
    private static final List<String> MACHINE = List.of("supervisor", "vcpu", "recorder");

    private static final long NAP_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final MachineSocket machine;
    private final CtlArguments arguments;
    private final PrintStream out;
    private final LogLevel level;
    private final Optional<String> process;
    private long toldLost;

    CtlEvents(MachineSocket machine, CtlArguments arguments, PrintStream out) throws CtlException {
        this.machine = machine;
        this.arguments = arguments;
        this.out = out;
        this.level = level(arguments.more().getOrDefault("--level", "info"));
        this.process = Optional.ofNullable(arguments.more().get("--device"));
    }

    private static LogLevel level(String word) throws CtlException {
        try {
            return LogLevel.valueOf(word.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new CtlException(
                    CtlExit.USAGE,
                    "--level is one of " + LEVELS + ", and not \"" + word + "\". See: jvmmctl --help",
                    e);
        }
    }

    CtlExit run() throws CtlException {
        if (process.isPresent()) {
            isThere(process.get());
        }
        if (!arguments.more().containsKey("--follow")) {
            CtlStream.history(machine).forEach(this::print);
            return CtlExit.DONE;
        }
        boolean joined = false;
        CtlStream stream = new CtlStream(machine);
        try (stream) {
            OutputReader who = new OutputReader();
            boolean read = true;
            while (read && !out.checkError()) {
                int count = stream.poll(this::print);
                joined = true;
                tellLost(stream.lost());
                read = who.await(count == 0 ? NAP_NS : 0);
            }
            return CtlExit.DONE; // who read has gone
        } catch (CtlException e) {
            boolean gone = !stream.isOfOtherVersion();
            if (joined && gone && (e.exit() == CtlExit.NO_MACHINE || e.exit() == CtlExit.NO_ANSWER)) {
                return CtlExit.DONE; // the machine has ended, and its last events have been told
            }
            throw e;
        }
    }

    /** A name that nobody has, or had lately, would be waited for in vain. */
    private void isThere(String name) throws CtlException {
        Set<String> names = new TreeSet<>(CtlStream.devices(machine));
        names.addAll(MACHINE);
        CtlStream.history(machine).forEach(e -> names.add(EventLine.process(e.body())));
        names.remove("");
        if (!names.contains(name)) {
            throw new CtlException(
                    CtlExit.REFUSED,
                    "there is no process \"" + name + "\"; there are " + CtlText.clean(String.join(", ", names)) + ".");
        }
    }

    private void tellLost(long lost) {
        if (lost > toldLost) {
            long more = lost - toldLost;
            toldLost = lost;
            out.println(
                    arguments.json()
                            ? "{\"kind\":\"lost\",\"count\":" + more + "}"
                            : "(" + more + (more == 1 ? " record was" : " records were")
                                    + " missed: they came faster than they were read)");
        }
    }

    private void print(Telemetry.Envelope e) {
        boolean row = e.body() instanceof Telemetry.Machine || e.body() instanceof Telemetry.Row;
        boolean wanted = process.map(p -> p.equals(EventLine.process(e.body()))).orElse(true);
        if (!row && wanted && EventLine.level(e.body()).number() <= level.number()) {
            out.println(arguments.json() ? EventLine.json(e) : EventLine.text(e));
        }
    }
}
