package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Tells the user of every replacement, and keeps the account: how long devices were away and how long the guest waited, by class and
 * by where the successor came from. Event-loop thread only.
 */
public final class Replacements {
    /** The board tells how long the guest waited; whoever waits longer to tell the user tells it without. */
    static final Duration STALL_UNTIL = Duration.ofSeconds(1);

    private static final int BURST = 20;
    private static final long NS_PER_LINE = 2_000_000_000L;

    private final Consumer<String> say;
    private final Consumer<String> detail;
    private final TokenBucket lines;
    private final Map<ProcessInstance, Untold> untold = new LinkedHashMap<>();
    /** Of which the board has not told yet how long the guest waited: it may tell after the user was told the rest. */
    private final Map<ProcessInstance, DeviceActions.Source> unmeasured = new HashMap<>();

    private final Map<ProcessKind, Account> accounts = new EnumMap<>(ProcessKind.class);

    private record Untold(Replacement replacement, long servingNs, long untilNs) {
        long outageNs() {
            return servingNs - replacement.goneNs();
        }
    }

    /**
     * What has been counted for one class.
     *
     * @param outageSpare from a process's end until its successor, a spare, could serve
     * @param outageCold the same where there was no spare
     * @param stallSpare how long the guest's first message waited, where one did
     * @param stallCold the same where there was no spare
     */
    public record Account(Durations outageSpare, Durations outageCold, Durations stallSpare, Durations stallCold) {
        private Account() {
            this(new Durations(), new Durations(), new Durations(), new Durations());
        }

        private Durations outage(DeviceActions.Source source) {
            return source == DeviceActions.Source.SPARE ? outageSpare : outageCold;
        }

        private Durations stall(DeviceActions.Source source) {
            return source == DeviceActions.Source.SPARE ? stallSpare : stallCold;
        }
    }

    Replacements(Consumer<String> say, Consumer<String> detail, long nowNs) {
        this.say = say;
        this.detail = detail;
        this.lines = new TokenBucket(BURST, NS_PER_LINE, nowNs);
    }

    /** A successor serves. */
    void replaced(ProcessInstance device, Replacement replacement, long nowNs) {
        tell(device, "", nowNs);
        Untold u = new Untold(replacement, nowNs, nowNs + STALL_UNTIL.toNanos());
        account(device).outage(replacement.source()).add(u.outageNs());
        untold.put(device, u);
        unmeasured.put(device, replacement.source());
        detail.accept("device " + device.process() + ": " + replacement.stages(nowNs));
    }

    private Account account(ProcessInstance device) {
        return accounts.computeIfAbsent(device.kind(), _ -> new Account());
    }

    /** The guest waited for it, with so many messages; or with none. */
    void stalled(ProcessInstance device, int messages, long stallNs, long nowNs) {
        DeviceActions.Source source = unmeasured.remove(device);
        if (source != null && messages > 0) {
            account(device).stall(source).add(stallNs);
        }
        tell(
                device,
                messages == 0
                        ? ", and the guest asked nothing meanwhile"
                        : ", the guest waited " + Durations.millis(stallNs),
                nowNs);
    }

    private void tell(ProcessInstance device, String guest, long nowNs) {
        Untold u = untold.remove(device);
        if (u == null) {
            return;
        }
        Replacement r = u.replacement();
        String line = "device " + device.process() + " " + r.why().text() + "; replaced after "
                + Durations.millis(u.outageNs())
                + (r.source() == DeviceActions.Source.SPARE ? " (spare)" : " (no spare)") + guest + ".";
        (lines.take(nowNs) ? say : detail).accept(line);
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return untold.values().stream().mapToLong(Untold::untilNs).min().orElse(MachineLifecycle.NEVER);
    }

    /** Time has passed. */
    void tick(long nowNs) {
        List<ProcessInstance> due = new ArrayList<>();
        untold.forEach((device, u) -> {
            if (nowNs >= u.untilNs()) {
                due.add(device);
            }
        });
        due.forEach(d -> tell(d, "", nowNs));
    }

    /** The account of each class of which a process has been replaced. */
    public Map<ProcessKind, Account> accounts() {
        return Map.copyOf(accounts);
    }

    /** The machine has ended. */
    void tellAccounts(long nowNs) {
        List.copyOf(untold.keySet()).forEach(d -> tell(d, "", nowNs));
        accounts.forEach((kind, a) -> {
            tell(kind, "away with a spare", a.outageSpare());
            tell(kind, "away without a spare", a.outageCold());
            tell(kind, "guest waited with a spare", a.stallSpare());
            tell(kind, "guest waited without a spare", a.stallCold());
        });
    }

    private void tell(ProcessKind kind, String what, Durations durations) {
        if (durations.count() > 0) {
            detail.accept("class " + kind.process() + ": " + what + ": " + durations.text());
        }
    }
}
