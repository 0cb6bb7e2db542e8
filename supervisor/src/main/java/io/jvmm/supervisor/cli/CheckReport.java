package io.jvmm.supervisor.cli;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.JournalConfig;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.PciSlots;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.launch.Backends;
import io.jvmm.supervisor.launch.Distribution;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.JournalPlace;
import io.jvmm.supervisor.launch.KvmDevice;
import io.jvmm.supervisor.launch.MachineLauncher;
import io.jvmm.supervisor.launch.MachinePlan;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.RuntimeDirectory;
import io.jvmm.supervisor.launch.Variant;
import io.jvmm.supervisor.lifecycle.Console;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code --check}: everything that can be known without starting anything, and a table of what would run. */
final class CheckReport {
    private final LoadedConfig loaded;
    private final VmConfig config;
    private final MachinePlan plan;
    private final RuntimeDirectory runtime;
    private final PrintStream out;
    private final Console console;

    CheckReport(LoadedConfig loaded, RuntimeDirectory runtime, PrintStream out, Console console) {
        this.loaded = loaded;
        this.config = loaded.config();
        this.plan = MachinePlan.of(config);
        this.runtime = runtime;
        this.out = out;
        this.console = console;
    }

    ExitCode run() throws ConfigException, HostLackException {
        List<ConfigProblem> problems = new ArrayList<>(Backends.check(loaded, runtime));
        config.journal()
                .directory()
                .flatMap(d -> JournalPlace.occupied(d)
                        .or(() -> JournalPlace.obstacle(d, config.jail().uidRange())))
                .ifPresent(o -> problems.add(loaded.problem("journal.directory", o + ".")));
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        Distribution distribution = Distribution.locate(config.machine().engine());
        distribution.check(plan.kinds());
        if (config.journal().isPossible()) {
            distribution.check(List.of(ProcessKind.RECORDER));
        }
        MachineLauncher.checkHost(config.machine().engine());
        printMachine();
        printProcesses(distribution);
        console.progress("jvmm: " + loaded.source() + " is in order.");
        return ExitCode.DONE;
    }

    private void printMachine() {
        row("machine", config.machine().name());
        row(
                "memory",
                MemorySize.human(config.machine().memory().bytes()) + ", of the host's "
                        + MemorySize.human(SystemInfo.memoryTotalBytes()));
        row("processors", config.machine().vcpus() + ", engine " + engine());
        row(
                config.boot().firmware() ? "firmware" : "kernel",
                config.boot().kernel().toString());
        row("initrd", config.boot().initrd().map(Path::toString).orElse("none"));
        row(
                "command line",
                config.boot().cmdline().isEmpty() ? "empty" : config.boot().cmdline());
        row("on reset", config.boot().onReset().word());
        for (SerialConfig s : config.serial()) {
            row(
                    "COM" + s.port(),
                    s.backend().word()
                            + s.path().map(p -> " " + p).orElse("")
                            + (s.escape() == SerialConfig.Escape.NONE
                                    ? ""
                                    : ", escape " + s.escape().word() + " x"));
        }
        PciSlots.assign(config.devices())
                .forEach((device, slot) -> row(
                        device.deviceClass() + " " + device.placement().id(),
                        "slot " + slot + ": " + DeviceRows.describe(device)));
        row("clock", config.platform().rtc().word());
        row(
                "debug console",
                config.platform().debugConsole().map(Path::toString).orElse("none"));
        config.journal().directory().ifPresent(this::printJournal);
        row(
                "waiting",
                "spin " + config.ipc().spin().toNanos() / 1000 + " us; a device is hung after "
                        + config.ipc().readTimeout().toMillis() + " ms");
    }

    private void printJournal(Path directory) {
        JournalConfig journal = config.journal();
        long usable = JournalPlace.usableBytes(directory);
        row(
                "journal",
                directory + ": at most " + MemorySize.human(journal.maxBytes()) + ", the disk has "
                        + MemorySize.human(usable) + " left, "
                        + journal.maxAge().toHours() + " h; from the start: "
                        + (journal.processes().isEmpty() ? "nothing" : journal.words()));
        if (usable < journal.maxBytes()) {
            console.say("jvmm: the journal may take " + MemorySize.human(journal.maxBytes())
                    + ", and its disk may have less left: when it is full, nothing is recorded until there is room.");
        }
    }

    /** Whether KVM can run the guest is seen when the machine starts; whether it is there at all, now. */
    private String engine() {
        MachineConfig.Engine engine = config.machine().engine();
        if (engine != MachineConfig.Engine.AUTO) {
            return engine.word();
        }
        KvmDevice kvm = KvmDevice.look();
        kvm.fd().ifPresent(Fd::close);
        return kvm.fd().isPresent()
                ? "auto: kvm if this host's can run a stock kernel, which the start finds out; else x86"
                : "auto: x86, since " + kvm.obstacle();
    }

    private void printProcesses(Distribution distribution) throws HostLackException {
        boolean root = SystemInfo.effectiveUid() == 0;
        out.println();
        out.printf("%-14s %-26s %-9s %-14s %s%n", "process", "host uid", "jail", "system calls", "holds");
        List<ProcessInstance> processes = new ArrayList<>(plan.processes());
        if (config.journal().isPossible()) {
            processes.add(ProcessInstance.RECORDER);
        }
        for (ProcessInstance process : processes) {
            out.printf(
                    "%-14s %-26s %-9s %-14s %s%n",
                    process.process(),
                    root ? "one of " + config.jail().uidRange() : "yours (" + SystemInfo.effectiveUid() + ")",
                    config.jail().mode().word(),
                    calls(distribution, process.kind()),
                    holds(process));
        }
        out.println();
        out.println(
                "Each in its own user, mount, pid, net, ipc, uts and cgroup namespaces, with no capability, an empty root"
                        + " and its own code read-only.");
    }

    private String calls(Distribution distribution, ProcessKind kind) throws HostLackException {
        List<Variant> variants = distribution.variants(kind, config.jail().mode());
        return variants.size() == 1
                ? Integer.toString(variants.getFirst().filter().allowedCalls())
                : variants.stream()
                        .map(v -> v.filter().allowedCalls() + " "
                                + v.engine().map(EngineKind::word).orElse(""))
                        .collect(Collectors.joining(", "));
    }

    private String holds(ProcessInstance process) {
        return switch (process.kind()) {
            case VCPU ->
                switch (config.machine().engine()) {
                            case KVM -> "/dev/kvm, ";
                            case AUTO -> "/dev/kvm with kvm, ";
                            case X86 -> "";
                        }
                        + "guest memory, " + (config.boot().firmware() ? "firmware" : "kernel")
                        + (config.boot().initrd().isPresent() ? ", initrd" : "") + ", a link to each device";
            case RECORDER -> "the journal directory";
            case SERIAL ->
                "its link, "
                        + (config.serial().isEmpty()
                                ? "no port"
                                : config.serial().stream()
                                        .map(s -> s.backend().word() + " of COM" + s.port())
                                        .collect(Collectors.joining(", ")));
            case PLATFORM ->
                "its link" + (config.platform().debugConsole().isPresent() ? ", the debug console's file" : "");
            case BLOCK, NET, CONSOLE, RNG, BALLOON, VSOCK ->
                Stream.concat(
                                Stream.of("its link, guest memory"),
                                plan.functions(process).stream().map(f -> DeviceRows.holds(f.config())))
                        .filter(h -> !h.isEmpty())
                        .collect(Collectors.joining(", "));
        };
    }

    private void row(String name, String value) {
        out.printf("%-14s %s%n", name, value);
    }
}
