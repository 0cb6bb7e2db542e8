package io.jvmm.supervisor.cli;

import io.jvmm.policy.probe.ProbeTable;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.launch.Backends;
import io.jvmm.supervisor.launch.Distribution;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.JailProbe;
import io.jvmm.supervisor.lifecycle.Console;
import io.jvmm.supervisor.lifecycle.SignalSource;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The second half of {@code --jail-report}: the jails, tried from inside. */
final class ProbeCommand {
    private final Arguments arguments;
    private final PrintStream out;
    private final Console console;

    ProbeCommand(Arguments arguments, PrintStream out, Console console) {
        this.arguments = arguments;
        this.out = out;
        this.console = console;
    }

    /** Prints the table; the exit status says whether all is as the policies have it. */
    ExitCode run(
            VmConfig config, Distribution distribution, Backends backends, SignalSource signals, List<Integer> uids)
            throws HostLackException {
        if (arguments.probes() == Arguments.Probes.NONE) {
            return ExitCode.DONE;
        }
        if (config.jail().mode() == JailConfig.Mode.LOG) {
            console.say("jvmm: jail.mode = \"log\": nothing is tried from inside, for it would be carried out");
            return ExitCode.DONE;
        }
        JailProbe probe = new JailProbe(
                config,
                distribution,
                backends,
                uids,
                arguments.probes() == Arguments.Probes.ALL,
                line -> console.progress("jvmm: " + line),
                () -> interrupted(signals));
        Optional<ProbeTable> table = probe.run();
        if (table.isEmpty()) {
            console.say("jvmm: interrupted; nothing is left running");
            return ExitCode.KILLED;
        }
        List<String> faults = new ArrayList<>(probe.faults());
        faults.addAll(table.get().faults());
        out.print("\n" + table.get().text());
        out.println("Descriptors 0 to 1023 that are open inside, each of them seen and known from outside: "
                + probe.openDescriptors() + ".");
        out.flush();
        faults.forEach(fault -> console.say("jvmm: the jail is not what it should be: " + fault));
        return faults.isEmpty() ? ExitCode.DONE : ExitCode.INTERNAL;
    }

    private static boolean interrupted(SignalSource signals) {
        for (Optional<SignalSource.Kind> s = signals.next(); s.isPresent(); s = signals.next()) {
            if (s.get() != SignalSource.Kind.WINCH) {
                return true;
            }
        }
        return false;
    }
}
