package io.jvmm.supervisor.ctl;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The text of {@code jvmmctl --help}. */
final class CtlHelp {
    private static final String BEFORE = """
            Usage: jvmmctl [options] COMMAND

            Asks a running machine something, or tells it to do something. Without --vm or --socket it is the one machine of
            this user that runs.

            Examples
              jvmmctl list                                        which machines run
              jvmmctl --vm web-1 status                           how one of them is
              jvmmctl device list                                 its device processes: serving, replacing, broken
              jvmmctl device inspect serial0 lcr                  COM1's line control register, bit by bit
              jvmmctl device inspect net0 --watch 200ms           what changes in the state of the first network card
              jvmmctl device links                                how full the rings between the processes are
              jvmmctl device restart block                        a fresh disk process under the running guest
              jvmmctl device upgrade block --dist /opt/jvmm-2     the same with another version's program
              jvmmctl device upgrade block --dist /opt/jvmm-1     and back
              jvmmctl top                                         processes, memory, messages and latencies, live
              jvmmctl events --follow --level debug               what happens, with what the processes log
              jvmmctl journal start net                           record the network cards from now on: [journal] in vm.toml
              jvmmctl journal status                              what is recorded, and what of it is kept
              jvmmctl metrics                                     for Prometheus; see also [metrics] in vm.toml
              jvmmctl --json device list | jq '.devices[].pid'    for programs: one line of JSON (supervisor/CONTROL.md)

            Commands
            """;

    private static final List<Option> OPTIONS = List.of(
            new Option("--vm NAME", "the machine's name, as in its vm.toml; NAME@PID where several have it"),
            new Option("--socket PATH", "its control socket, where [control] socket = \"PATH\" has it"),
            new Option("--json", "the machine's answer as it is"),
            new Option("--follow, -f", "events: go on with those that come", CtlCommand.EVENTS),
            new Option("--device NAME", "events: of one process only", CtlCommand.EVENTS),
            new Option(
                    "--level LEVEL",
                    "events: error, warn, info (the standard) or debug, and what matters more",
                    CtlCommand.EVENTS),
            new Option("--once, --batch", "top: one table, or one after the other, without a terminal", CtlCommand.TOP),
            new Option("--every N", "device trace: one request of so many; 0: none", CtlCommand.DEVICE_TRACE),
            new Option(
                    "--watch [TIME]",
                    "device inspect: what changes, looked for so often (1s; 200ms)",
                    CtlCommand.DEVICE_INSPECT),
            new Option(
                    "--dist DIR",
                    "device upgrade: the distribution that has the other program",
                    CtlCommand.DEVICE_UPGRADE),
            new Option("--timeout SECONDS", "so long an answer may take (120)"),
            new Option("-h, --help", "this text; behind a command: of that command"));

    private static final String TOP = """

            P50 and P99 are of the last second: of block and rng the time from the notification of a virtqueue to the
            interrupt, of other devices how long the guest waits for a register. IN/S and OUT/S are bytes from and to back ends.
            """;
    private static final String NAMES = """

            NAME of a device to inspect is one of DEVICES in "device list" (serial0 is COM1, block1 the second disk), or of a
            process: all it serves. Its fields are those of the state it has committed, read without stopping it; PREFIX chooses
            those that begin so. Otherwise NAME is that of a process (block, net-uplink); for an upgrade also a class, which
            means all its processes. The program of another distribution is trusted as the supervisor's own: DIR and what is in
            it must belong to root or to you, and nobody else may be able to write there.
            """;

    /**
     * An option.
     *
     * @param of the command that alone takes it; null: all take it
     */
    private record Option(
            String synopsis, String meaning, @Nullable CtlCommand of) {
        Option(String synopsis, String meaning) {
            this(synopsis, meaning, null);
        }

        String line() {
            return String.format("  %-19s %s%n", synopsis, meaning);
        }
    }

    private CtlHelp() {}

    /** Of the command, or the commands, that the words of a command line begin; of all where they begin none. */
    static String of(List<String> line) {
        List<String> words = line.stream().filter(word -> !word.startsWith("-")).toList();
        for (int n = Math.min(words.size(), 2); n > 0; n--) {
            String begin = String.join(" ", words.subList(0, n));
            List<CtlCommand> some = Arrays.stream(CtlCommand.values())
                    .filter(c -> (c.words() + " ").startsWith(begin + " "))
                    .toList();
            if (!some.isEmpty()) {
                return of(begin, some);
            }
        }
        return text();
    }

    private static String of(String begin, List<CtlCommand> some) {
        StringBuilder s = new StringBuilder("Usage: jvmmctl [options] ")
                .append(some.size() == 1 ? some.getFirst().synopsis() : begin + " ...")
                .append("\n\n");
        some.forEach(c -> s.append(line(c)));
        List<String> examples = BEFORE.lines()
                .filter(example -> some.stream()
                        .anyMatch(c -> example.matches("  jvmmctl (--\\S+ (web-1 )?)?" + c.words() + " .*")))
                .toList();
        if (!examples.isEmpty()) {
            s.append("\nExamples\n");
            examples.forEach(example -> s.append(example).append('\n'));
        }
        s.append("\nOptions\n");
        OPTIONS.stream().filter(o -> o.of() == null || some.contains(o.of())).forEach(o -> s.append(o.line()));
        if (some.stream().anyMatch(c -> c.takesWatch() || c.takesDist())) {
            s.append(NAMES);
        } else if (some.stream().anyMatch(CtlCommand::takesDevice)) {
            s.append("\nNAME is that of a process (block, net-uplink); jvmmctl device list tells them.\n");
        }
        if (some.contains(CtlCommand.TOP)) {
            s.append(TOP);
        }
        return exits(s);
    }

    private static String text() {
        StringBuilder s = new StringBuilder(BEFORE);
        for (CtlCommand c : CtlCommand.values()) {
            s.append(line(c));
        }
        s.append("\nOptions\n");
        OPTIONS.forEach(o -> s.append(o.line()));
        return exits(s.append(NAMES).append(TOP.replace("\nP50", "\nIn \"top\" P50")));
    }

    private static String line(CtlCommand c) {
        return String.format("  %-33s %s%n", c.synopsis(), c.meaning());
    }

    private static String exits(StringBuilder s) {
        s.append("\nExit status\n");
        for (CtlExit e : CtlExit.values()) {
            s.append(String.format("  %d  %s%n", e.status(), e.meaning()));
        }
        return s.toString();
    }
}
