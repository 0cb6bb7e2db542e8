package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.DeviceUpgrade;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Successors;
import io.jvmm.supervisor.upgrade.ProgramVersions;
import io.jvmm.supervisor.upgrade.Transfer;
import io.jvmm.supervisor.upgrade.Upgrade;
import io.jvmm.supervisor.upgrade.UpgradeActions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The upgrade of a device while the machine runs, one at a time: joins an {@link Upgrade}, which decides, to the event loop and to the
 * launcher. Event-loop thread only.
 */
final class Upgrades implements AutoCloseable {
    /** What is in flight takes as long as the medium of a disk; a device that lives gives up before, and says so. */
    private static final Duration DRAIN = Duration.ofSeconds(10);

    private final MachineLoop loop;
    private final Successors successors;
    private final Starts starts;
    private final LifecycleConfig config;
    private @Nullable Running running;

    Upgrades(MachineLoop loop, Successors successors, Starts starts, LifecycleConfig config) {
        this.loop = loop;
        this.successors = successors;
        this.starts = starts;
        this.config = config;
    }

    /** How one has ended. */
    interface Listener {
        /** {@code fault}: why the old version still serves; empty when the new one does. */
        void finished(Optional<String> fault, long blackoutNs);
    }

    /** Whether one is under way. */
    boolean isBusy() {
        return running != null;
    }

    /** Whether this device is being upgraded. */
    boolean concerns(ProcessInstance device) {
        Running r = running;
        return r != null && r.device.equals(device);
    }

    /**
     * Begins one; its end is told once.
     *
     * @param life of the device, which serves
     * @param to real path of a distribution that has been looked at
     */
    void begin(DeviceLifecycle life, Path to, ProgramVersions from, ProgramVersions next, Listener listener) {
        begin(life, to, from, next, "", listener);
    }

    /**
     * Replaces the process by another of the same program, drained, for a reason that is told in place of an upgrade. No budget counts it.
     *
     * @param reason for the user: {@code to begin a recording}
     */
    void renew(DeviceLifecycle life, Path home, ProgramVersions versions, String reason, Listener listener) {
        begin(life, home, versions, versions, reason, listener);
    }

    private void begin(
            DeviceLifecycle life,
            Path to,
            ProgramVersions from,
            ProgramVersions next,
            String reason,
            Listener listener) {
        long now = Clock.monotonicNs();
        life.beginUpgrade();
        Running r = new Running(life, successors.upgrade(life.device(), to), from, next, reason, listener, now);
        running = r;
        starts.begin(ProcessInstance.successor(r.device), r.parts::startSuccessor);
        if (r.transfer == Transfer.EXPORT) {
            starts.begin(ProcessInstance.converter(r.device), r.parts::startConverter);
        }
    }

    /** What the end of a process is that has done its work in the one under way, and is killed for that; empty for any other. */
    Optional<String> wantedEnd(ProcessInstance process) {
        Running r = running;
        return r == null
                ? Optional.empty()
                : r.role(process)
                        .filter(r.upgrade::isDone)
                        .map(role -> role == UpgradeActions.Role.OLD
                                ? "was " + r.drained() + ", and is replaced"
                                : "has written the state for the older version");
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        Running r = running;
        return r == null ? MachineLifecycle.NEVER : r.upgrade.nextDeadlineNs();
    }

    /** Time has passed. */
    void tick(long nowNs) {
        Running r = running;
        if (r != null) {
            r.upgrade.tick(nowNs);
        }
    }

    /** A program has been started for an upgrade, or could not be. */
    void started(Starts.Done done, long nowNs) {
        Running r = running;
        StartedProcess process = done.started();
        Optional<UpgradeActions.Role> role = r == null ? Optional.empty() : r.role(done.wanted());
        if (r == null || role.isEmpty()) {
            if (process != null) {
                starts.discard(process);
            }
        } else if (process == null) {
            r.upgrade.ended(role.get(), "could not be started (" + done.failure() + ")", nowNs);
        } else {
            r.started(role.get(), process, nowNs);
        }
    }

    /** Acts on what happens to a process that takes part; false for anything else. */
    boolean handle(MachineEvent event, long nowNs) {
        Running r = running;
        return (r != null && r.handle(event, nowNs)) || isOfOneThatIsOver(event);
    }

    /** What was killed in the last moment of an upgrade ends after it. */
    private static boolean isOfOneThatIsOver(MachineEvent event) {
        return switch (event) {
            case MachineEvent.Ready e -> e.process().isForUpgrade();
            case MachineEvent.Ended e -> e.process().isForUpgrade();
            case MachineEvent.Violation e -> e.offender().isForUpgrade();
            default -> false;
        };
    }

    /** Takes an acknowledgement that concerns an upgrade; false for any other. */
    boolean acknowledged(ProcessInstance by, ChildWatch.Asked asked, int status, long nowNs) {
        Running r = running;
        if (r == null || !asked.about().equals(r.device) || asked.sentNs() < r.beganNs) {
            return false; // a late answer to what an earlier upgrade asked is none to this one
        }
        Upgrade.Asked what = switch (asked.request()) {
            case PING -> Upgrade.Asked.PING;
            case DRAIN -> Upgrade.Asked.DRAIN;
            case DEVICE_AWAY -> Upgrade.Asked.AWAY;
            case DEVICE_BACK -> Upgrade.Asked.BACK;
            default -> null;
        };
        boolean ofDevice = what == Upgrade.Asked.PING || what == Upgrade.Asked.DRAIN;
        if (what == null || by.equals(ProcessInstance.VCPU) == ofDevice) {
            return false;
        }
        r.upgrade.acknowledged(what, status, nowNs);
        return true;
    }

    /** The machine's life is over: whoever waits is told so. */
    @Override
    public void close() {
        Running r = running;
        running = null;
        if (r != null) {
            r.parts.close();
            r.discardConverter();
            r.listener.finished(Optional.of("the machine has ended meanwhile"), 0);
        }
    }

    /** One under way. */
    private final class Running implements UpgradeActions {
        final ProcessInstance device;
        final DeviceLifecycle life;
        final DeviceUpgrade parts;
        final ProgramVersions next;
        final Listener listener;
        /** Why it is no upgrade; empty for one that is. */
        final String reason;

        final Transfer transfer;
        final Upgrade upgrade;
        final long beganNs;
        /** Since when the old one has not answered; 0 for one that does. */
        private long silentSinceNs;
        /** The converter, until it has its record. */
        private @Nullable StartedProcess converter;

        private Why.@Nullable Died died;

        Running(
                DeviceLifecycle life,
                DeviceUpgrade parts,
                ProgramVersions from,
                ProgramVersions next,
                String reason,
                Listener listener,
                long nowNs) {
            this.reason = reason;
            this.life = life;
            this.device = life.device();
            this.parts = parts;
            this.next = next;
            this.beganNs = nowNs;
            this.listener = listener;
            this.transfer = Transfer.between(from.state(), next.state());
            this.upgrade = new Upgrade(
                    transfer,
                    new Upgrade.Patience(
                            config.readyTimeout(),
                            config.hangTimeout(),
                            DRAIN,
                            Duration.ofNanos(BoardPatience.NS),
                            config.replaceTimeout(),
                            Duration.ofNanos(JailedProcess.DYING_NS)),
                    this,
                    nowNs);
        }

        ProcessInstance instance(Role role) {
            return switch (role) {
                case OLD -> device;
                case SUCCESSOR -> ProcessInstance.successor(device);
                case CONVERTER -> ProcessInstance.converter(device);
            };
        }

        Optional<Role> role(ProcessInstance process) {
            for (Role role : Role.values()) {
                if (instance(role).equals(process)) {
                    return Optional.of(role);
                }
            }
            return Optional.empty();
        }

        /** For people. */
        String drained() {
            return "drained " + (reason.isEmpty() ? "for an upgrade" : reason);
        }

        void started(Role role, StartedProcess process, long nowNs) {
            if (role == Role.CONVERTER) {
                converter = process;
                return;
            }
            try {
                loop.adopt(instance(role), parts.standBy(process));
            } catch (HostLackException e) {
                starts.discard(process);
                upgrade.ended(role, "could not be told to stand by (" + e.getMessage() + ")", nowNs);
            }
        }

        boolean handle(MachineEvent event, long nowNs) {
            return switch (event) {
                case MachineEvent.Ready e -> {
                    Optional<Role> role = role(e.process());
                    role.ifPresent(r -> upgrade.ready(r, nowNs));
                    yield role.isPresent();
                }
                case MachineEvent.Ended e -> {
                    Optional<Role> role = role(e.process());
                    role.ifPresent(r -> ended(r, new Why.Died(e.how(), e.lastWords()), nowNs));
                    yield role.isPresent();
                }
                case MachineEvent.Violation e -> violation(e);
                // Nobody holds against it what happens while it is being replaced anyway.
                case MachineEvent.DeviceHung e -> e.device().equals(device);
                default -> false;
            };
        }

        private void ended(Role role, Why.Died how, long nowNs) {
            if (role == Role.OLD) {
                died = how;
            }
            upgrade.ended(role, how.text(), nowNs);
        }

        /** Whoever breaks a protocol is killed; its end is what the upgrade hears of. */
        private boolean violation(MachineEvent.Violation e) {
            Optional<Role> role = role(e.offender());
            if (role.isEmpty() && e.reporter().equals(device.process())) {
                role = Optional.of(Role.OLD); // what it says of the vCPU process, a liar would say too
            }
            role.ifPresent(r -> {
                loop.say(instance(r).process() + " broke the protocol: " + e.what() + "; it is killed.");
                if (r == Role.OLD && !e.reporter().equals(MachineEvent.Violation.SUPERVISOR)) {
                    life.renewLink();
                }
                loop.kill(instance(r));
            });
            return role.isPresent();
        }

        @Override
        public Optional<String> audit(Role role) {
            return loop.audit(instance(role));
        }

        @Override
        public boolean hasEnded(Role role) {
            return loop.hasEnded(instance(role));
        }

        @Override
        public void ping() {
            // One that takes no request will not acknowledge this one either.
            var _ = loop.send(device, SupervisorRequestType.PING, 0);
        }

        @Override
        public void silent(long silentNs) {
            silentSinceNs = Clock.monotonicNs() - silentNs;
            loop.say("device " + device.process() + " " + new Why.Silent(silentNs).text()
                    + "; its upgrade goes on with the state it left.");
        }

        @Override
        public void drain() {
            if (!loop.send(device, SupervisorRequestType.DRAIN, 0)) {
                loop.kill(device); // it takes no requests: its end is heard of
            }
        }

        @Override
        public void away() {
            loop.tellBoard(
                    SupervisorRequestType.DEVICE_AWAY,
                    device,
                    SupervisorRequestLayout.away(
                            loop.devices().indexOf(device), SupervisorRequestLayout.AWAY_LINK_KEPT),
                    Clock.monotonicNs());
        }

        @Override
        public void back() {
            loop.tellBoard(
                    SupervisorRequestType.DEVICE_BACK, device, loop.devices().indexOf(device), 0);
        }

        @Override
        public void scrub() {
            successors.scrub(device, false);
        }

        @Override
        public Optional<String> convert() {
            StartedProcess waiting = converter;
            if (waiting == null) {
                return Optional.of("the process that writes the state for the older version did not start in time");
            }
            converter = null;
            try {
                loop.adopt(instance(Role.CONVERTER), parts.convert(waiting, next.state()));
                return Optional.empty();
            } catch (HostLackException e) {
                starts.discard(waiting);
                upgrade.ended(Role.CONVERTER, "could not be told what to do", Clock.monotonicNs());
                return Optional.of(String.valueOf(e.getMessage()));
            }
        }

        @Override
        public Optional<String> assign() {
            ChildWatch watch = loop.watch(instance(Role.SUCCESSOR));
            try {
                watch.become(parts.assign(watch.child()));
                return Optional.empty();
            } catch (HostLackException e) {
                return Optional.of(String.valueOf(e.getMessage()));
            }
        }

        @Override
        public void kill(Role role) {
            if (role == Role.CONVERTER && converter != null) {
                discardConverter();
                upgrade.ended(role, "was killed", Clock.monotonicNs());
            } else if (loop.isThere(instance(role))) {
                loop.kill(instance(role));
            } else if (role != Role.OLD) {
                starts.cancel(instance(role)); // it is still being started
                upgrade.ended(role, "was not started yet", Clock.monotonicNs());
            }
        }

        void discardConverter() {
            StartedProcess waiting = converter;
            converter = null;
            if (waiting != null) {
                starts.discard(waiting);
            }
        }

        @Override
        public void adopt() {
            if (silentSinceNs == 0) {
                loop.journal().drained(device, drained());
            }
            parts.adopt();
            loop.rename(instance(Role.SUCCESSOR), device);
        }

        @Override
        public void start() {
            loop.start(device);
        }

        @Override
        public void resume() {
            loop.send(device, SupervisorRequestType.RESUME, 0);
            loop.sendOwed(device);
        }

        @Override
        public void replace() {
            long now = Clock.monotonicNs();
            if (silentSinceNs != 0) {
                life.diedInUpgrade(new Why.Silent(now - silentSinceNs), now);
            } else if (died != null) {
                life.diedInUpgrade(died, now);
            }
        }

        @Override
        public void boardIsSilent() {
            loop.handle(BoardPatience.failed(loop.watch(ProcessInstance.VCPU)));
        }

        @Override
        public void giveUp(String reason) {
            loop.handle(new MachineEvent.Failed(ProcessInstance.VCPU, reason, ""));
        }

        @Override
        public void stuck() {
            life.stuckInUpgrade();
        }

        @Override
        public void finished(Optional<String> fault, long blackoutNs) {
            running = null;
            parts.close();
            life.endUpgrade(Clock.monotonicNs());
            if (!reason.isEmpty()) {
                String took = "; nobody served for " + Durations.millis(blackoutNs) + ".";
                loop.detail("device " + device.process() + " was "
                        + fault.map(f -> "not given another process " + reason + ": " + f + ".")
                                .orElse("given another process " + reason + took));
            } else if (fault.isEmpty()) {
                loop.replacer().renewSpare(device.kind());
                loop.say("device " + device.process() + " was upgraded to " + parts.to() + "; nobody served for "
                        + Durations.millis(blackoutNs) + ".");
            } else {
                loop.say("device " + device.process() + " was not upgraded: " + fault.get() + ".");
            }
            listener.finished(fault, blackoutNs);
        }
    }
}
