package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.Bind;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.HostIdentity;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.JailSpec;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.Limits;
import io.jvmm.supervisor.config.JailConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.config.VsockConfig;
import io.jvmm.supervisor.sys.Niceness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Starts the programs of a machine in their jails, each with a control socket and an output pipe and nothing else. Any thread: a
 * successor or a spare is started while the loop goes on.
 */
final class ProcessStarter {
    private static final int FD_CONTROL = 3;

    /** The limit on file sizes counts for the memfds of a warm-up too, and of a state segment. */
    private static final long SCRATCH_BYTES = 64L << 20;

    /** Of the recorder: two a ring, some for each queue, and what Chronicle Queue closes later. */
    private static final int RECORDER_FILES = 2048;

    private final VmConfig config;
    private final MachinePlan plan;
    private final Backends backends;
    private final UidPool uids;

    ProcessStarter(VmConfig config, MachinePlan plan, Backends backends, UidPool uids) {
        this.config = config;
        this.plan = plan;
        this.backends = backends;
        this.uids = uids;
    }

    /** One step of a launch; a failure says which. */
    static <T> T made(String what, Supplier<T> step) throws HostLackException {
        try {
            return step.get();
        } catch (SysException e) {
            throw new HostLackException(what + " cannot be made: " + e.getMessage(), e);
        }
    }

    /** Starts the program of one process. */
    StartedProcess start(ProcessInstance instance, Distribution distribution) throws HostLackException {
        return start(instance, List.of(instance), distribution);
    }

    /** Starts a program under a name of its own that has to do with a device. */
    StartedProcess startAs(ProcessInstance as, ProcessInstance device, Distribution distribution)
            throws HostLackException {
        return start(as, List.of(device), distribution);
    }

    /** Starts a program that may become any of its class. */
    StartedProcess startSpare(ProcessKind kind, Distribution distribution) throws HostLackException {
        StartedProcess spare = start(
                ProcessInstance.of(kind),
                plan.devices().stream().filter(d -> d.kind() == kind).toList(),
                distribution);
        int pid = spare.process().pid();
        try {
            if (Niceness.canBeUndone(pid)) {
                Niceness.ofProcess(pid, Niceness.GIVES_WAY);
            }
        } catch (SysException | UncheckedIOException e) {
            spare.process().kill();
            if (spare.process().await(JailedProcess.DYING_NS).isPresent()) {
                spare.process().pidfd().close();
                forget(spare);
            }
            throw new HostLackException(String.valueOf(e.getMessage()), e);
        }
        return spare;
    }

    private StartedProcess start(ProcessInstance instance, List<ProcessInstance> served, Distribution distribution)
            throws HostLackException {
        OptionalInt uid = uids.take(instance.process());
        try {
            return start(
                    instance, limits(instance.kind(), served), uid, distribution.binds(instance.kind()), distribution);
        } catch (HostLackException | RuntimeException | Error e) {
            uids.giveBack(uid);
            throw e;
        }
    }

    /** What is done for a process that has a directory to write to, before it begins. */
    interface Owning {
        void give(OptionalInt uid) throws HostLackException;
    }

    /** Starts the recorder, with the directory that it writes to. */
    StartedProcess startRecorder(Distribution distribution, Path directory, Owning owning) throws HostLackException {
        OptionalInt uid = uids.take(ProcessInstance.RECORDER.process());
        try {
            owning.give(uid);
            Limits limits = Limits.device()
                    .withOpenFiles(RECORDER_FILES)
                    .withThreads(config.jail().maxThreads())
                    .withFileSizeBytes(Limits.UNLIMITED);
            List<Bind> binds = new ArrayList<>(distribution.binds(ProcessKind.RECORDER));
            binds.add(Bind.of(directory, MachineRecording.STORE, Bind.Kind.STORE));
            return start(ProcessInstance.RECORDER, limits, uid, binds, distribution);
        } catch (IOException e) {
            uids.giveBack(uid);
            throw new HostLackException("the journal directory " + directory + " cannot be had: " + e, e);
        } catch (HostLackException | RuntimeException | Error e) {
            uids.giveBack(uid);
            throw e;
        }
    }

    private StartedProcess start(
            ProcessInstance instance, Limits limits, OptionalInt uid, List<Bind> binds, Distribution distribution)
            throws HostLackException {
        JailSpec spec = JailSpec.builder(instance.process())
                .identity(uid.isPresent() ? HostIdentity.ids(uid.getAsInt(), uid.getAsInt()) : HostIdentity.sameUser())
                .binds(binds)
                .limits(limits)
                .wideFilter(
                        distribution.wideFilter(instance.kind(), config.jail().mode()))
                .build();
        List<Variant> variants =
                distribution.variants(instance.kind(), config.jail().mode());
        String whose = " of process " + instance.process();
        UnixSocket.Pair control = made("the control socket" + whose, UnixSocket::seqPacketPair);
        Pipe output;
        try {
            output = made("the output pipe" + whose, Pipe::create);
        } catch (HostLackException | RuntimeException e) {
            control.left().close();
            control.right().close();
            throw e;
        }
        try (Fd childControl = control.right().fd();
                Fd childOutput = output.writer();
                Fd nothing = made(
                        "the standard input" + whose, () -> FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0))) {
            output.reader().setNonBlocking(true);
            JailedProcess process = Jail.spawn(
                    spec,
                    distribution.command(instance.kind()),
                    distribution.environment(),
                    List.of(
                            new FdMapping(nothing.number(), 0),
                            new FdMapping(childOutput.number(), 1),
                            new FdMapping(childOutput.number(), 2),
                            new FdMapping(childControl.number(), FD_CONTROL)));
            return new StartedProcess(
                    instance,
                    process,
                    BootChannel.over(control.left().fd()),
                    output.reader(),
                    variants,
                    binds.stream().map(Bind::target).collect(Collectors.toSet()),
                    uid);
        } catch (HostLackException | RuntimeException e) {
            control.left().close();
            output.reader().close();
            if (e instanceof JailException) {
                throw new HostLackException(String.valueOf(e.getMessage()), e);
            }
            if (e instanceof SysException) {
                throw new HostLackException(
                        "process " + instance.process() + " cannot be started: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    private Limits limits(ProcessKind kind, List<ProcessInstance> served) {
        JailConfig jail = config.jail();
        int descriptors = kind.isDevice()
                ? served.stream()
                        .mapToInt(d -> descriptors(List.of(d), true))
                        .max()
                        .orElse(0)
                : descriptors(plan.devices(), false);
        Limits limits = Limits.device()
                .withOpenFiles(jail.maxDescriptors() + descriptors)
                .withThreads(jail.maxThreads()
                        + (kind.isDevice() ? 0 : config.machine().vcpus()));
        boolean writesFiles = switch (kind) {
            // Standard output may be a regular file too.
            case SERIAL, CONSOLE, BLOCK -> true;
            case PLATFORM -> backends.debugConsole().isPresent();
            case VCPU, NET, RNG, BALLOON, VSOCK, RECORDER -> false;
        };
        return limits.withFileSizeBytes(writesFiles ? Limits.UNLIMITED : SCRATCH_BYTES);
    }

    /** What devices on the PCI bus cost a process: eventfds for their interrupts, and their back ends where it has them. */
    private int descriptors(List<ProcessInstance> devices, boolean wired) {
        int lines = 0;
        for (ProcessInstance device : devices) {
            for (MachinePlan.Function f : plan.functions(device)) {
                lines += f.vectors()
                        + 2
                        + (wired ? backends.devices().wiring(f.config()).fds().size() + connections(f) : 0);
            }
            // Its link, beyond those that the standard is made for.
            lines += plan.functions(device).isEmpty() ? 0 : 3;
            // Its trace.
            lines += config.journal().isPossible() ? 2 : 0;
        }
        return lines;
    }

    private static int connections(MachinePlan.Function function) {
        return function.config() instanceof VsockConfig ? VsockConfig.MOST_CONNECTIONS : 0;
    }

    /** An end that nobody waits for: the process is dead, or will never be a machine's. */
    void forget(StartedProcess started) {
        started.close();
        uids.giveBack(started.uid());
    }
}
