package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Goes through a replacement, with a spare and without, where nothing is replaced: for the training run, so that the first death in a
 * machine's life does not wait for classes.
 */
public final class Rehearsal {
    private static final long MS = 1_000_000L;

    private Rehearsal() {}

    /** Does it; how many replacements were made. */
    public static int run() {
        ProcessInstance device = ProcessInstance.SERIAL;
        LifecycleConfig config = new LifecycleConfig(Duration.ofSeconds(20), Duration.ofSeconds(30));
        Replacements account = new Replacements(_ -> {}, _ -> {}, 0);
        Stage stage = new Stage(account);
        Spares spares = new Spares(Set.of(ProcessKind.SERIAL), config, stage, 0);
        DeviceLives lives = new DeviceLives(List.of(device), config, stage, 0);
        ExitStatus killed = new ExitStatus.Killed(Signals.SIGKILL, false);
        long now = 0;
        for (int n = 0; n < 4; n++) {
            now += 5000 * MS;
            spares.tick(now);
            spares.ready(ProcessKind.SERIAL, now);
            stage.spare = n % 2 == 0 && spares.take(ProcessKind.SERIAL, now);
            lives.handle(new MachineEvent.Ended(device, 1, killed, ""), now);
            long then = now;
            lives.of(device).ifPresent(d -> d.awayAcknowledged(then));
            lives.handle(new MachineEvent.Ready(device), now);
            lives.of(device).ifPresent(d -> d.backAcknowledged(then));
            account.stalled(device, 1, MS, now);
            lives.tick(lives.nextDeadlineNs());
            lives.of(device).ifPresent(d -> d.pingAcknowledged(then));
        }
        account.tellAccounts(now);
        return lives.of(device).map(DeviceLifecycle::replacements).orElse(0);
    }

    private static final class Stage implements DeviceActions, Spares.Actions {
        private final Replacements account;
        boolean spare;

        Stage(Replacements account) {
            this.account = account;
        }

        @Override
        public boolean kill(ProcessInstance device) {
            return true;
        }

        @Override
        public void tellAway(ProcessInstance device, boolean renewed, long goneNs) {}

        @Override
        public void tellBack(ProcessInstance device) {}

        @Override
        public void tellBroken(ProcessInstance device) {}

        @Override
        public void prepare(ProcessInstance device) {}

        @Override
        public Source replace(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
            return spare ? Source.SPARE : Source.COLD;
        }

        @Override
        public Source entrust(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
            return replace(device, renewed, mayBeSpare);
        }

        @Override
        public void givenUp(ProcessInstance device) {}

        @Override
        public Optional<String> audit(ProcessInstance process) {
            return Optional.empty();
        }

        @Override
        public boolean hasEnded(ProcessInstance process) {
            return false;
        }

        @Override
        public void start(ProcessInstance device) {}

        @Override
        public void ping(ProcessInstance device) {}

        @Override
        public long nowNs() {
            return 0;
        }

        @Override
        public void replaced(ProcessInstance device, Replacement replacement) {
            account.replaced(device, replacement, replacement.readyNs());
        }

        @Override
        public void say(String message) {}

        @Override
        public void startSpare(ProcessKind kind) {}

        @Override
        public void killSpare(ProcessKind kind) {}

        @Override
        public void pingSpare(ProcessKind kind) {}
    }
}
