package io.jvmm.supervisor.cli;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.config.BootConfig;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VmToml;
import io.jvmm.supervisor.control.ControlServer;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.DiskGuest;
import io.jvmm.supervisor.demo.LinuxGuest;
import io.jvmm.supervisor.launch.Backends;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.Distribution;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.JailInspector;
import io.jvmm.supervisor.launch.MachineLauncher;
import io.jvmm.supervisor.launch.MachinePlan;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.RecordingWishes;
import io.jvmm.supervisor.launch.RuntimeDirectory;
import io.jvmm.supervisor.launch.UidAllocator;
import io.jvmm.supervisor.lifecycle.Console;
import io.jvmm.supervisor.lifecycle.MachineLoop;
import io.jvmm.supervisor.lifecycle.Outcome;
import io.jvmm.supervisor.lifecycle.SignalSource;
import io.jvmm.supervisor.terminal.TerminalSession;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;

/** Runs a machine from its configuration to its end: {@code --config}, {@code --demo}, {@code --jail-report}, {@code --check}. */
final class MachineCommand {
    private final Arguments arguments;
    private final PrintStream out;
    private final Console console;

    MachineCommand(Arguments arguments, PrintStream out, PrintStream err) {
        this.arguments = arguments;
        this.out = out;
        this.console = new Console(err, arguments.detail());
    }

    /** The exit status. */
    int run() {
        try (RuntimeDirectory runtime = RuntimeDirectory.open()) {
            console.stage("runtime directory");
            if (arguments.config().isEmpty()) {
                return demo(runtime);
            }
            LoadedConfig config = VmToml.load(
                    arguments.config().get(), HostFacts.read(), new VmToml.Options(arguments.unsafeJailLog()));
            console.stage("configuration");
            return run(config, runtime).status();
        } catch (ConfigException e) {
            e.problems().forEach(p -> console.say(p.toString()));
            return ExitCode.CONFIGURATION.status();
        } catch (HostLackException e) {
            console.say("jvmm: " + e.getMessage());
            return ExitCode.HOST.status();
        } catch (StuckProcessException e) {
            console.say("jvmm: " + e.getMessage());
            return ExitCode.INTERNAL.status();
        } catch (IOException e) {
            console.say("jvmm: the demo's guest cannot be had: " + e.getMessage());
            return ExitCode.HOST.status();
        }
    }

    private int demo(RuntimeDirectory runtime) throws ConfigException, HostLackException, IOException {
        DebianPackages packages =
                new DebianPackages(DebianPackages.standardCache(System.getenv()), m -> console.progress("jvmm: " + m));
        try (Pulse pulse = Pulse.start(console)) {
            Optional<String> obstacle = arguments.exec().isPresent() ? Optional.empty() : DiskGuest.obstacle();
            obstacle.ifPresent(o -> console.progress("jvmm: " + o));
            if (arguments.exec().isEmpty() && obstacle.isEmpty()) {
                DiskGuest guest = DiskGuest.prepare(runtime.scratch(), packages, m -> console.progress("jvmm: " + m));
                console.stage("demo's guest");
                pulse.until(guest::isUp);
                return run(LoadedConfig.of(guest.machine(), "--demo"), runtime).status();
            }
            LinuxGuest guest = LinuxGuest.prepare(
                    runtime.scratch(), arguments.exec(), 1, packages, m -> console.progress("jvmm: " + m));
            console.stage("demo's guest");
            pulse.until(guest::isUp);
            ExitCode code = run(LoadedConfig.of(guest.machine(), "--demo"), runtime);
            return arguments.exec().isPresent() && arguments.action() == Arguments.Action.RUN
                    ? new ExecResult(guest, console).statusAfter(code)
                    : code.status();
        }
    }

    private ExitCode run(LoadedConfig loaded, RuntimeDirectory runtime) throws ConfigException, HostLackException {
        if (arguments.action() == Arguments.Action.CHECK) {
            return new CheckReport(loaded, runtime, out, console).run();
        }
        VmConfig config = loaded.config();
        Distribution distribution = Distribution.locate(config.machine().engine());
        distribution.check(MachinePlan.of(config).kinds());
        if (config.journal().isPossible()) {
            distribution.check(List.of(ProcessKind.RECORDER));
        }
        try (Backends backends = Backends.open(loaded, runtime);
                SignalSource signals = SignalSource.install();
                UidAllocator.Lease uids = lease(config, runtime);
                Clients clients = new Clients(backends.control().map(ControlServer::new));
                Observers observers = Observers.of(runtime, backends)) {
            console.stage("back ends, uids and signals");
            warnOfLogMode(config);
            backends.notices().forEach(n -> console.say("jvmm: " + n));
            RecordingWishes wishes = new RecordingWishes(config.journal());
            while (true) {
                Outcome outcome = oneLife(config, distribution, backends, signals, uids, clients, observers, wishes);
                boolean again = outcome instanceof Outcome.Reset
                        && config.boot().onReset() == BootConfig.OnReset.RESTART
                        && arguments.action() == Arguments.Action.RUN;
                if (arguments.action() == Arguments.Action.JAIL_REPORT && outcome instanceof Outcome.Escaped) {
                    return new ProbeCommand(arguments, out, console)
                            .run(config, distribution, backends, signals, uids.uids());
                }
                if (!again) {
                    return conclude(loaded, outcome);
                }
                console.detail("jvmm: the guest reset; starting it afresh");
            }
        }
    }

    private static UidAllocator.Lease lease(VmConfig config, RuntimeDirectory runtime) throws HostLackException {
        return SystemInfo.effectiveUid() == 0
                ? new UidAllocator(runtime)
                        .lease(config.jail().uidRange(), MachineLauncher.uidsNeeded(MachinePlan.of(config), config))
                : UidAllocator.Lease.none();
    }

    private void warnOfLogMode(VmConfig config) {
        if (config.jail().mode() == JailConfig.Mode.LOG) {
            console.say(
                    "jvmm: WARNING: jail.mode = \"log\": forbidden system calls are only logged. The processes of this"
                            + " machine are NOT jailed by their policies. Never run a guest you distrust like this.");
        }
    }

    /** Those of the control socket, who stay when the guest resets. */
    private record Clients(Optional<ControlServer> server) implements AutoCloseable {
        @Override
        public void close() {
            server.ifPresent(ControlServer::close);
        }
    }

    /** From power-on to power-off. */
    private Outcome oneLife(
            VmConfig config,
            Distribution distribution,
            Backends backends,
            SignalSource signals,
            UidAllocator.Lease uids,
            Clients clients,
            Observers observers,
            RecordingWishes wishes)
            throws HostLackException {
        boolean report = arguments.action() == Arguments.Action.JAIL_REPORT;
        try (MachineLauncher launcher = new MachineLauncher(config, distribution, backends, uids.uids(), wishes)) {
            List<ChildProcess> children = launcher.launch();
            console.stage("processes started and wired");
            Optional<TerminalSession> terminal =
                    !report && config.usesTerminal() ? TerminalSession.prepare(Fd.of(0)) : Optional.empty();
            try {
                MachineLoop loop = new MachineLoop(
                        config,
                        children,
                        signals,
                        console,
                        terminal,
                        new JailInspector(distribution),
                        Optional.of(backends.devices()),
                        launcher,
                        clients.server(),
                        report);
                observers.observe(loop);
                Outcome outcome = loop.run();
                console.stage("machine ended");
                if (report && outcome instanceof Outcome.Escaped) {
                    out.print(JailInspector.table(loop.reports(), loop.allowedCalls()));
                }
                return outcome;
            } finally {
                terminal.ifPresent(TerminalSession::close);
                console.setRaw(false);
            }
        }
    }

    private ExitCode conclude(LoadedConfig loaded, Outcome outcome) {
        boolean report = arguments.action() == Arguments.Action.JAIL_REPORT;
        if (!outcome.message().isEmpty() && !(report && outcome instanceof Outcome.Escaped)) {
            console.say(
                    outcome instanceof Outcome.BadInput
                            ? located(loaded, outcome.message())
                            : "jvmm: vm \"" + loaded.config().machine().name() + "\": " + outcome.message());
        }
        return switch (outcome) {
            case Outcome.PoweredOff _, Outcome.Reset _, Outcome.Escaped _ -> ExitCode.DONE;
            case Outcome.GuestCrashed _ -> ExitCode.GUEST_CRASHED;
            case Outcome.BadInput _ -> ExitCode.CONFIGURATION;
            case Outcome.HostLacks _ -> ExitCode.HOST;
            case Outcome.ProcessFailed _ -> ExitCode.INTERNAL;
            case Outcome.Killed _ -> ExitCode.KILLED;
        };
    }

    /**
     * What a process says of its input, with the place of the key that it concerns. The vCPU process names the files as it was
     * told to: the kernel by its name, the initrd as such.
     */
    private static String located(LoadedConfig loaded, String message) {
        String said = message.replaceFirst("^jvmm-vcpu: ", "");
        BootConfig boot = loaded.config().boot();
        String key = said.split(":", 2)[0];
        String kernel = String.valueOf(boot.kernel().getFileName());
        if (key.equals(kernel) || key.equals("kernel " + kernel) || key.startsWith("firmware")) {
            return loaded.problem(boot.firmware() ? "boot.firmware" : "boot.kernel", said)
                    .toString();
        }
        if (key.startsWith("initrd")) {
            return loaded.problem("boot.initrd", said).toString();
        }
        return key.startsWith("command line") || key.startsWith("cmdline")
                ? loaded.problem("boot.cmdline", said).toString()
                : loaded.source() + ": " + said;
    }
}
