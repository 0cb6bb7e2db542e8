package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlRequest;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.launch.Trace;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.upgrade.DistributionDirectory;
import io.jvmm.supervisor.upgrade.UnfitException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Begins, ends and renews the recording of devices while the guest runs. A life in the journal is what one process did, so each of these
 * gives the device another process of the same program: as a live upgrade does, after the serving one has drained, in 10 to 30 ms. Event-loop
 * thread only.
 */
final class Recordings {
    private static final long AGAIN_NS = 200_000_000L;

    /** So long a client waits for the recorder. */
    private static final long PATIENCE_NS = 30_000_000_000L;

    private static final String NO_JOURNAL =
            "this machine has no place for it. Start it with [journal] directory = \"...\" in its configuration.";

    private final MachineLoop loop;
    private final VmConfig config;
    private final Successors successors;
    private final JournalWatch journal;
    private final Renewals renewals = new Renewals();
    private final LastAnswer<RecorderStatus> known;
    private long nextNs = MachineLifecycle.NEVER;

    Recordings(MachineLoop loop, VmConfig config, Successors successors, JournalWatch journal) {
        this.loop = loop;
        this.config = config;
        this.successors = successors;
        this.journal = journal;
        this.known = new LastAnswer<>(journal::ask);
    }

    /** What the recorder said when it was last asked, of the lives that are lived now; and asks it again, for the next time, if it has answered. */
    List<Telemetry.Recorded> known() {
        return known.look().stream()
                .flatMap(s -> s.rings().stream())
                .filter(r -> r.life() != 0 && r.life() == journal.life(r.device()))
                .map(r -> new Telemetry.Recorded(r.device().process(), r.life(), r.batches(), r.bytes(), r.lost()))
                .toList();
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return nextNs;
    }

    /** Time has passed while the guest runs. */
    void tick(long nowNs) {
        journal.takeRenewals().forEach(renewals::want);
        renewals.forget(
                device -> loop.life(device).filter(life -> !life.isBroken()).isEmpty());
        if (renewals.isEmpty()) {
            nextNs = MachineLifecycle.NEVER;
            return;
        }
        nextNs = nowNs + AGAIN_NS;
        if (!loop.upgrades().isBusy()) {
            renewals.next(nowNs, this::canBeRenewed).ifPresent(this::begin);
        }
    }

    private boolean canBeRenewed(ProcessInstance device) {
        return loop.life(device)
                .filter(life -> MachineControl.obstacle(life).isEmpty())
                .isPresent();
    }

    private void begin(JournalWatch.Renewal renewal) {
        ProcessInstance device = renewal.device();
        int number = journal.life(device);
        renew(loop.life(device).orElseThrow(), "for a new life in the journal (" + renewal.why() + ")", fault -> {
            if (fault.isEmpty() || journal.life(device) != number) {
                renewals.done(device);
            } else if (renewals.failed(renewal)) {
                loop.say(device.process() + " was not given another process for a new life in the journal ("
                        + renewal.why() + "): " + fault.get() + ". It is tried again every 10 s.");
            }
        });
    }

    private void renew(DeviceLifecycle life, String reason, Consumer<Optional<String>> done) {
        ProcessInstance device = life.device();
        Path home = successors.distribution(device);
        try {
            loop.upgrades()
                    .renew(
                            life,
                            home,
                            DistributionDirectory.versions(home, device.kind().process()),
                            reason,
                            (fault, _) -> done.accept(fault));
        } catch (UnfitException e) {
            done.accept(Optional.of(String.valueOf(e.getMessage())));
        }
    }

    /**
     * Does what a client asks for.
     *
     * @param busy says why no process can be replaced now
     */
    void handle(ControlRequest.Journal request, Supplier<Optional<String>> busy, Consumer<ControlReply> answer) {
        if (!journal.isPossible()) {
            answer.accept(ControlReply.Failed.because(NO_JOURNAL));
            return;
        }
        if (request.what() == ControlRequest.Journal.Recording.STATUS) {
            journal.ask(status -> answer.accept(status(status)));
            return;
        }
        Optional<DeviceLifecycle> life = loop.devices().stream()
                .filter(d -> d.process().equals(request.device()))
                .findFirst()
                .flatMap(loop::life);
        Optional<String> obstacle = busy.get().or(() -> life.flatMap(MachineControl::obstacle));
        if (life.isEmpty() && obstacle.isEmpty()) {
            answer.accept(ControlReply.Failed.field(
                    ControlVerb.DEVICE,
                    "there is no device " + Quoted.of(request.device()) + ". There are " + names() + "."));
        } else if (obstacle.isPresent()) {
            answer.accept(ControlReply.Failed.because(obstacle.get()));
        } else {
            DeviceLifecycle device = life.orElseThrow();
            Optional<ControlReply> needless = needless(device.device(), request.what());
            if (needless.isPresent()) {
                answer.accept(needless.get());
            } else if (request.what() == ControlRequest.Journal.Recording.STOP || journal.isServing()) {
                change(device, request.what(), answer);
            } else {
                // A device that is busy would run over what it writes to while nobody reads.
                journal.await(journal::isServing, PATIENCE_NS, ready -> {
                    if (ready) {
                        handle(request, busy, answer);
                    } else {
                        answer.accept(ControlReply.Failed.because(
                                request.device() + ": nothing can be recorded at the moment: " + trouble() + "."));
                    }
                });
            }
        }
    }

    private String trouble() {
        return journal.trouble().isEmpty() ? "the recorder is not ready" : journal.trouble();
    }

    /** The answer where there is nothing to do. */
    private Optional<ControlReply> needless(ProcessInstance device, ControlRequest.Journal.Recording what) {
        String name = device.process();
        boolean was = journal.recording().isRecorded(device);
        return switch (what) {
            case START -> !was ? Optional.empty() : Optional.of(already(name));
            case STOP -> was ? Optional.empty() : Optional.of(new ControlReply.Done(name + " is not recorded"));
            case ROTATE ->
                was
                        ? Optional.empty()
                        : Optional.of(
                                ControlReply.Failed.because(name + " is not recorded. Begin with \"journal-start\"."));
            case STATUS -> throw new IllegalArgumentException("nothing is changed");
        };
    }

    private ControlReply already(String name) {
        return journal.trouble().isEmpty()
                ? new ControlReply.Done(name + " is recorded already")
                : ControlReply.Failed.because(name + " is to be recorded, but nothing can be recorded at the moment: "
                        + journal.trouble() + ". Recording begins when that is mended.");
    }

    private String names() {
        return loop.devices().stream().map(ProcessInstance::process).collect(Collectors.joining(", "));
    }

    private void change(DeviceLifecycle life, ControlRequest.Journal.Recording what, Consumer<ControlReply> answer) {
        ProcessInstance device = life.device();
        boolean was = journal.recording().isRecorded(device);
        boolean on = what != ControlRequest.Journal.Recording.STOP;
        Optional<Trace> before = journal.recording().trace(device);
        journal.recording().record(device, on);
        String reason = !on ? "to end its recording" : was ? "for a new life in the journal" : "to begin its recording";
        renew(life, reason, fault -> {
            if (fault.isPresent()) {
                journal.recording().record(device, was);
                answer.accept(ControlReply.Failed.because(
                        device.process() + " was not given another process " + reason + ": " + fault.get() + "."));
            } else if (!on) {
                done(device, "is not recorded any more", answer);
            } else {
                String now = was ? "lives its next life" : "is recorded";
                journal.await(() -> hasBegun(device, before), PATIENCE_NS, begun -> {
                    if (begun) {
                        done(device, now, answer);
                    } else {
                        answer.accept(ControlReply.Failed.because(device.process()
                                + " has another process, but nothing of it can be recorded at the moment: " + trouble()
                                + ". Recording begins when that is mended."));
                    }
                });
            }
        });
    }

    /** Not by the life's number: where lives have been removed it may be the same. */
    private boolean hasBegun(ProcessInstance device, Optional<Trace> before) {
        return journal.life(device) != 0 && !journal.recording().trace(device).equals(before);
    }

    private void done(ProcessInstance device, String now, Consumer<ControlReply> answer) {
        loop.observation().recorded(Telemetry.Kind.RECORDING, LogLevel.INFO, device, now);
        answer.accept(new ControlReply.Done(device.process() + " " + now));
    }

    private ControlReply status(Optional<RecorderStatus> status) {
        List<ControlReply.Recorded> devices = new ArrayList<>();
        for (ProcessInstance device : loop.devices()) {
            if (!journal.recording().isRecorded(device)) {
                continue;
            }
            int life = journal.life(device);
            devices.add(status.stream()
                    .flatMap(s -> s.rings().stream())
                    .filter(r -> r.device().equals(device) && r.life() == life)
                    .findFirst()
                    .map(r -> new ControlReply.Recorded(device.process(), life, r.batches(), r.bytes(), r.lost()))
                    .orElse(ControlReply.Recorded.unknown(device.process(), life)));
        }
        return new ControlReply.Journal(
                config.journal().directory().map(Path::toString).orElse(""),
                journal.pid(),
                devices,
                status.map(RecorderStatus::lives).orElse(ControlReply.Journal.UNKNOWN),
                status.map(RecorderStatus::bytes).orElse(ControlReply.Journal.UNKNOWN),
                journal.trouble());
    }
}
