package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.launch.Variant;
import java.util.List;
import java.util.Optional;

/**
 * Turns the messages of one process into events of the machine, as far as that process is entitled to them: only the vCPU
 * process can say that the guest has stopped, only the serial process that the escape key was typed.
 */
final class ChildEvents implements SupervisorEventHandler {
    private static final int QUIT = 1;

    /** Log records let through: far more than a process that is well says even with all its details. */
    static final int LOG_BURST = 1000;

    static final long NS_PER_LOG = 5_000_000L;

    /** Other events: a machine's whole life has some dozens of them. */
    static final int EVENT_BURST = 1000;

    static final long NS_PER_EVENT = 10_000_000L;

    private final ChildWatch watch;
    private final ChildOutput output;
    private final MachineLoop loop;
    private final long createdNs = Clock.monotonicNs();
    private final TokenBucket logs = new TokenBucket(LOG_BURST, NS_PER_LOG, createdNs);
    private final TokenBucket events = new TokenBucket(EVENT_BURST, NS_PER_EVENT, createdNs);
    private long logsDropped;
    private boolean flooded;
    private boolean filterIsRight;
    /** How it lives; empty until a process that may choose has told. */
    private Optional<Variant> variant;

    ChildEvents(ChildWatch watch, ChildOutput output, MachineLoop loop) {
        this.watch = watch;
        this.output = output;
        this.loop = loop;
        this.variant = onlyVariant();
    }

    private Optional<Variant> onlyVariant() {
        List<Variant> all = watch.child().variants();
        return all.size() == 1 ? Optional.of(all.getFirst()) : Optional.empty();
    }

    /** A spare has been given a device: it is to be READY again, with another filter. */
    void becameAnother() {
        variant = onlyVariant();
        filterIsRight = false;
    }

    private ProcessInstance instance() {
        return watch.instance();
    }

    /** Whether the hash in READY was that of the compiled policy. */
    boolean filterIsRight() {
        return filterIsRight;
    }

    /** How it lives; empty for one that has not told. */
    Optional<Variant> variant() {
        return variant;
    }

    /** Whether it has sent so many events that it must not be listened to any more. */
    boolean flooded() {
        return flooded;
    }

    /** Told at the end of a machine, to those who want details. */
    void tellDropped() {
        if (logsDropped > 0) {
            loop.console().detail("[" + instance().process() + "] (" + logsDropped + " log records left out)");
        }
    }

    /** Pays for an event that is no log record; false if it must not count. */
    private boolean heard() {
        if (!flooded && !events.take(Clock.monotonicNs())) {
            flooded = true;
            loop.handle(new MachineEvent.Violation(
                    instance(),
                    MachineEvent.Violation.SUPERVISOR,
                    "it sent more than " + EVENT_BURST + " events, faster than " + 1_000_000_000L / NS_PER_EVENT
                            + " a second"));
        }
        return !flooded;
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        if (!heard()) {
            return;
        }
        filterIsRight = variant.isPresent() && variant.get().filter().hasHash(filterHash);
        output.release(false);
        loop.console()
                .detail("[" + instance().process() + "] ready with " + threads + " threads, "
                        + (monotonicNs - createdNs) / 1_000_000 + " ms after its start");
        loop.handle(new MachineEvent.Ready(instance()));
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {
        // One for each request: they cost what the requests cost, and are not paid for like events that come unasked.
        Optional<ChildWatch.Asked> asked = flooded ? Optional.empty() : watch.acknowledged(request);
        if (asked.isPresent()) {
            loop.acknowledged(watch, asked.get(), status);
        } else if (heard()) {
            loop.handle(new MachineEvent.Violation(
                    instance(),
                    MachineEvent.Violation.SUPERVISOR,
                    "it acknowledged " + request + ", which it had not been asked"));
        }
    }

    @Override
    public void deviceStall(int deviceIndex, int messages, long stallNs) {
        if (entitled(ProcessInstance.VCPU, "DEVICE_STALL")) {
            device(deviceIndex).ifPresent(d -> loop.stalled(d, messages, stallNs));
        }
    }

    @Override
    public void log(LogLevel level, String text) {
        if (flooded || !logs.take(Clock.monotonicNs())) {
            logsDropped++;
            return;
        }
        loop.observation().log(instance(), level, text);
        switch (level) {
            case ERROR, WARN -> output.say(text, Clock.monotonicNs());
            case INFO, DEBUG -> loop.console().detail("[" + instance().process() + "] " + text);
        }
    }

    @Override
    public void counter(int id, long value) {
        // Dropped until somebody collects counters: a process also logs them by name when it stops.
        var _ = heard();
    }

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        if (entitled(ProcessInstance.VCPU, "GUEST_STOPPED")) {
            MachineEvent.Stop stop = switch (cause) {
                case POWERED_OFF -> MachineEvent.Stop.POWERED_OFF;
                case RESET -> MachineEvent.Stop.RESET;
                case CRASHED -> MachineEvent.Stop.CRASHED;
                case ENGINE_ERROR -> MachineEvent.Stop.ENGINE_ERROR;
            };
            loop.handle(new MachineEvent.GuestStopped(stop, vcpu, rip, detail));
        }
    }

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {
        if (entitled(ProcessInstance.VCPU, "DEVICE_HUNG")) {
            device(deviceIndex).ifPresent(d -> loop.handle(new MachineEvent.DeviceHung(d, waitedNs)));
        }
    }

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        if (!heard()) {
            return;
        }
        if (instance().isSpare() || instance().isForUpgrade()) {
            // It serves nobody yet: whoever is right, the machine goes on without it, and with the vCPU process.
            loop.handle(new MachineEvent.Violation(
                    instance(),
                    MachineEvent.Violation.SUPERVISOR,
                    "it says that the vCPU process broke the protocol: " + violation));
            return;
        }
        // A device names its only peer, the vCPU process; that one names a device.
        Optional<ProcessInstance> offender =
                instance().equals(ProcessInstance.VCPU) ? device(deviceIndex) : Optional.of(ProcessInstance.VCPU);
        offender.ifPresent(
                o -> loop.handle(new MachineEvent.Violation(o, instance().process(), violation.toString())));
    }

    @Override
    public void escape(int port, int what) {
        boolean console = instance().kind() == ProcessKind.CONSOLE;
        if ((console ? heard() : entitled(ProcessInstance.SERIAL, "ESCAPE")) && what == QUIT) {
            loop.handle(new MachineEvent.Escape(port));
        }
    }

    @Override
    public void firstInstruction(long monotonicNs) {
        if (!heard()) {
            return;
        }
        loop.console()
                .detail("[" + instance().process() + "] first guest instruction at " + monotonicNs + " ns, "
                        + (monotonicNs - createdNs) / 1_000_000 + " ms after its start");
    }

    @Override
    public void backendLost(int port, int errno) {
        if (!heard()) {
            return;
        }
        if (instance().equals(ProcessInstance.SERIAL) && loop.isStandardOutput(port + 1)) {
            // As any program that writes for a reader who has gone: yes | head ends.
            loop.handle(new MachineEvent.PowerButton("nobody reads standard output"));
            return;
        }
        String why = errno == 0 ? "has ended" : "is gone (" + Errno.of(errno) + ")";
        output.say(
                switch (instance().kind()) {
                            case SERIAL -> "what COM" + (port + 1) + " is wired to ";
                            case PLATFORM -> "the file behind port " + port + " ";
                            default -> "what function " + port + " is wired to ";
                        }
                        + why + "; the machine goes on without it",
                Clock.monotonicNs());
    }

    @Override
    public void engine(EngineKind engine, String reason) {
        if (!entitled(ProcessInstance.VCPU, "ENGINE")) {
            return;
        }
        if (variant.isPresent() || loop.phase() != Phase.STARTING) {
            loop.handle(new MachineEvent.Violation(
                    instance(), MachineEvent.Violation.SUPERVISOR, "it sent ENGINE, which nobody had asked for"));
            return;
        }
        variant = watch.child().variants().stream()
                .filter(v -> v.engine().equals(Optional.of(engine)))
                .findFirst();
        loop.progress("engine " + engine.word() + (reason.isBlank() ? "" : ": " + reason));
    }

    private Optional<ProcessInstance> device(int index) {
        List<ProcessInstance> devices = loop.devices();
        return index >= 0 && index < devices.size() ? Optional.of(devices.get(index)) : Optional.empty();
    }

    private boolean entitled(ProcessInstance to, String message) {
        if (!heard()) {
            return false;
        }
        if (instance().equals(to)) {
            return true;
        }
        loop.handle(new MachineEvent.Violation(
                instance(), MachineEvent.Violation.SUPERVISOR, "it sent " + message + ", which is not its to say"));
        return false;
    }
}
