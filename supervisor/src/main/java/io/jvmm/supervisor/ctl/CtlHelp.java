package io.jvmm.supervisor.ctl;

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
              jvmmctl metrics                                     for Prometheus; see also [metrics] in vm.toml
              jvmmctl --json device list | jq '.devices[].pid'    for programs: one line of JSON (supervisor/CONTROL.md)

            Commands
            """;

    private static final String OPTIONS = """

            Options
              --vm NAME           the machine's name, as in its vm.toml; NAME@PID where several have it
              --socket PATH       its control socket, where [control] socket = "PATH" has it
              --json              the machine's answer as it is
              --follow, -f        events: go on with those that come
              --device NAME       events: of one process only
              --level LEVEL       events: error, warn, info (the standard) or debug, and what matters more
              --once, --batch     top: one table, or one after the other, without a terminal
              --every N           device trace: one request of so many; 0: none
              --timeout SECONDS   so long an answer may take (120)
              -h, --help          this text

            NAME of a device to inspect is one of DEVICES in "device list" (serial0 is COM1, block1 the second disk), or of a
            process: all it serves. Its fields are those of the state it has committed, read without stopping it; PREFIX chooses
            those that begin so. Otherwise NAME is that of a process (block, net-uplink); for an upgrade also a class, which
            means all its processes. The program of another distribution is trusted as the supervisor's own: DIR and what is in
            it must belong to root or to you, and nobody else may be able to write there.

            In "top" P50 and P99 are of the last second: of block and rng the time from the notification of a virtqueue to the
            interrupt, of other devices how long the guest waits for a register. IN/S and OUT/S are bytes from and to back ends.

            Exit status
            """;

    private CtlHelp() {}

    static String text() {
        StringBuilder s = new StringBuilder(BEFORE);
        for (CtlCommand c : CtlCommand.values()) {
            s.append(String.format("  %-33s %s%n", c.synopsis(), c.meaning()));
        }
        s.append(OPTIONS);
        for (CtlExit e : CtlExit.values()) {
            s.append(String.format("  %d  %s%n", e.status(), e.meaning()));
        }
        return s.toString();
    }
}
