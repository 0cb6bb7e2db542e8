package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlRequest;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.upgrade.DistributionDirectory;
import io.jvmm.supervisor.upgrade.UnfitException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Begins, ends and renews the recording of devices while the guest runs. A life in the journal is what one process did, so each of these
 * gives the device another process of the same program: as a live upgrade does, after the serving one has drained, in 10 to 30 ms. Event-loop
 * thread only.
 */
final class Recordings {
    private static final long AGAIN_NS = 200_000_000L;
    /** A device that overruns the recorder all the time gets a new life no more often. */
    private static final long RENEWED_AGAIN_NS = 10_000_000_000L;

    private static final String NO_JOURNAL =
            "this machine has no place for it. Start it with [journal] directory = \"...\" in its configuration.";

    private final MachineLoop loop;
    private final VmConfig config;
    private final Successors successors;
    private final JournalWatch journal;
    /** Lives that the recorder wants renewed, with the reason; until they can be. */
    private final Map<ProcessInstance, String> wanted = new LinkedHashMap<>();

    private final Map<ProcessInstance, Long> renewedNs = new HashMap<>();
    private long nextNs = MachineLifecycle.NEVER;

    Recordings(MachineLoop loop, VmConfig config, Successors successors, JournalWatch journal) {
        this.loop = loop;
        this.config = config;
        this.successors = successors;
        this.journal = journal;
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return nextNs;
    }

    /** Time has passed while the guest runs. */
    void tick(long nowNs) {
        journal.takeRenewals().forEach(r -> wanted.putIfAbsent(r.device(), r.why()));
        if (wanted.isEmpty()) {
            nextNs = MachineLifecycle.NEVER;
            return;
        }
        nextNs = nowNs + AGAIN_NS;
        if (loop.upgrades().isBusy()) {
            return;
        }
        for (Map.Entry<ProcessInstance, String> w : wanted.entrySet()) {
            ProcessInstance device = w.getKey();
            Long last = renewedNs.get(device);
            Optional<DeviceLifecycle> life = loop.life(device);
            boolean may = last == null || nowNs - last >= RENEWED_AGAIN_NS;
            if (may && life.isPresent() && MachineControl.obstacle(life.get()).isEmpty()) {
                String why = w.getValue();
                wanted.remove(device);
                renewedNs.put(device, nowNs);
                renew(life.get(), "for a new life in the journal (" + why + ")", _ -> {});
                return;
            }
        }
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
     * @param busy why no process can be replaced now
     */
    void handle(ControlRequest.Journal request, Optional<String> busy, Consumer<ControlReply> answer) {
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
        Optional<String> obstacle = busy.or(() -> life.flatMap(MachineControl::obstacle));
        if (life.isEmpty() && busy.isEmpty()) {
            answer.accept(ControlReply.Failed.field(
                    ControlVerb.DEVICE,
                    "there is no device " + Quoted.of(request.device()) + ". See \"device-list\"."));
        } else if (obstacle.isPresent()) {
            answer.accept(ControlReply.Failed.because(obstacle.get()));
        } else {
            change(life.orElseThrow(), request.what(), answer);
        }
    }

    private void change(DeviceLifecycle life, ControlRequest.Journal.Recording what, Consumer<ControlReply> answer) {
        ProcessInstance device = life.device();
        String name = device.process();
        boolean was = journal.recording().isRecorded(device);
        boolean on = what != ControlRequest.Journal.Recording.STOP;
        if (what != ControlRequest.Journal.Recording.ROTATE && was == on) {
            answer.accept(new ControlReply.Done(name + (on ? " is recorded already" : " is not recorded")));
            return;
        }
        if (what == ControlRequest.Journal.Recording.ROTATE && !was) {
            answer.accept(ControlReply.Failed.because(name + " is not recorded. Begin with \"journal-start\"."));
            return;
        }
        journal.recording().record(device, on);
        String reason = !on ? "to end its recording" : was ? "for a new life in the journal" : "to begin its recording";
        renew(life, reason, fault -> {
            if (fault.isPresent()) {
                journal.recording().record(device, was);
                answer.accept(ControlReply.Failed.because(
                        name + " was not given another process " + reason + ": " + fault.get() + "."));
            } else {
                answer.accept(new ControlReply.Done(
                        name + (!on ? " is not recorded any more" : was ? " lives its next life" : " is recorded")));
            }
        });
    }

    private ControlReply status(Optional<JournalWatch.Status> status) {
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
                    .orElse(new ControlReply.Recorded(device.process(), life, 0, 0, 0)));
        }
        return new ControlReply.Journal(
                config.journal().directory().map(Path::toString).orElse(""),
                journal.pid(),
                devices,
                status.map(JournalWatch.Status::lives).orElse(0L),
                status.map(JournalWatch.Status::bytes).orElse(0L),
                journal.trouble());
    }
}
