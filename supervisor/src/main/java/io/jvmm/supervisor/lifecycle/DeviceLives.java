package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.config.LifecycleConfig;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The lives of a machine's devices while its guest runs. What happens to a device goes to its {@link DeviceLifecycle}, all else to
 * the {@link MachineLifecycle}. Pure, like these. Event-loop thread only.
 */
final class DeviceLives {
    private final Map<ProcessInstance, DeviceLifecycle> devices = new LinkedHashMap<>();

    DeviceLives(List<ProcessInstance> all, LifecycleConfig config, DeviceActions actions, long nowNs) {
        all.forEach(d -> devices.put(d, new DeviceLifecycle(d, config, actions, nowNs)));
    }

    Optional<DeviceLifecycle> of(ProcessInstance device) {
        return Optional.ofNullable(devices.get(device));
    }

    /** Acts on an event; false when it is none of a device's life. */
    boolean handle(MachineEvent event, long nowNs) {
        return switch (event) {
            case MachineEvent.Ready e -> on(e.process(), d -> d.ready(nowNs));
            case MachineEvent.Ended e -> on(e.process(), d -> d.ended(new Why.Died(e.how(), e.lastWords()), nowNs));
            case MachineEvent.DeviceHung e -> on(e.device(), d -> d.blamed(new Why.Hung(e.waitedNs()), nowNs));
            case MachineEvent.Violation e -> violation(e, nowNs);
            default -> false;
        };
    }

    /**
     * The supervisor's own finding is beyond doubt. Of what the ends of a device link say of each other one thing is: that they can
     * talk no more. Whoever is right, the device's process is the one that can be replaced.
     */
    private boolean violation(MachineEvent.Violation e, long nowNs) {
        String what = "broke the protocol (noticed by " + e.reporter() + "): " + e.what();
        if (e.reporter().equals(MachineEvent.Violation.SUPERVISOR)) {
            return on(e.offender(), d -> d.lost(new Why.Violated(what, false), nowNs));
        }
        if (e.offender().isDevice()) {
            return on(e.offender(), d -> d.blamed(new Why.Violated(what, true), nowNs));
        }
        String claim = "says that the vCPU process broke the protocol: " + e.what();
        return devices.values().stream()
                .filter(d -> d.device().process().equals(e.reporter()))
                .findFirst()
                .map(d -> {
                    d.lost(new Why.Violated(claim, true), nowNs);
                    return true;
                })
                .orElse(false);
    }

    private interface Happening {
        void to(DeviceLifecycle device);
    }

    private boolean on(ProcessInstance device, Happening happening) {
        DeviceLifecycle life = devices.get(device);
        if (life != null) {
            happening.to(life);
        }
        return life != null;
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return devices.values().stream()
                .mapToLong(DeviceLifecycle::nextDeadlineNs)
                .min()
                .orElse(MachineLifecycle.NEVER);
    }

    /** Time has passed. */
    void tick(long nowNs) {
        devices.values().forEach(d -> d.tick(nowNs));
    }
}
