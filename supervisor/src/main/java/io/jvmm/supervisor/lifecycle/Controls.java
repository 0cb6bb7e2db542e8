package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlServer;
import io.jvmm.supervisor.launch.Successors;
import java.util.Optional;

/** The part of the event loop that serves the control socket, and the upgrades that come from there. Event-loop thread only. */
final class Controls implements AutoCloseable {
    private final Aside aside = new Aside(Aside.PATIENCE_NS);
    private final MachineControl machine;
    private final Upgrades upgrades;
    private final JournalWatch journal;
    private final Recordings recordings;
    private final Optional<ControlServer> server;

    Controls(
            MachineLoop loop, VmConfig config, Successors successors, PollSlots slots, Optional<ControlServer> server) {
        this.journal = new JournalWatch(loop, config, successors, slots, loop.console());
        this.recordings = new Recordings(loop, config, successors, journal);
        this.machine = new MachineControl(loop, config, successors, aside, recordings);
        this.upgrades = new Upgrades(loop, successors, loop.replacer().starts(), config.lifecycle());
        this.server = server;
    }

    JournalWatch journal() {
        return journal;
    }

    Recordings recordings() {
        return recordings;
    }

    MachineControl machine() {
        return machine;
    }

    Upgrades upgrades() {
        return upgrades;
    }

    /** A life of the machine begins. */
    void begin(PollSlots slots) {
        slots.take(aside.bell().fd(), Poller.READABLE);
        server.ifPresent(s -> s.join(slots, machine));
    }

    /** Does what the last poll found. */
    void serve() {
        server.ifPresent(ControlServer::serve);
        aside.serve();
        journal.serve();
    }

    /** When {@link #serve} must be called at the latest. */
    long servesNextNs() {
        return Math.min(
                journal.nextDeadlineNs(),
                server.map(ControlServer::nextDeadlineNs).orElse(MachineLifecycle.NEVER));
    }

    /** When {@link #tick} must be called at the latest, while the guest runs. */
    long nextDeadlineNs() {
        return Math.min(recordings.nextDeadlineNs(), Math.min(aside.nextDeadlineNs(), upgrades.nextDeadlineNs()));
    }

    /** Time has passed while the guest runs. */
    void tick(long nowNs) {
        aside.tick(nowNs);
        upgrades.tick(nowNs);
        recordings.tick(nowNs);
    }

    /** A process has done what it was asked; whether nobody else has to know. */
    boolean acknowledged(ChildWatch by, ChildWatch.Asked asked, int status, long nowNs) {
        machine.acknowledged(asked.request(), status);
        return upgrades.acknowledged(by.instance(), asked, status, nowNs);
    }

    /** The life of the machine is over: whoever waits is told so. */
    @Override
    public void close() {
        upgrades.close();
        journal.close(); // its answers are the last
        server.ifPresent(ControlServer::leave);
        aside.close();
    }
}
