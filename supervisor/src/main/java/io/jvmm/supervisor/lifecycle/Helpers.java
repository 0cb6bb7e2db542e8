package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.config.RestartBudget;
import io.jvmm.supervisor.launch.MachinePlan;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What back ends want done while a machine runs: a helper program's words and its end, the connections that a guest asks for.
 * Used by the event loop's thread, in the loop's own poll.
 */
final class Helpers {
    private final List<PasstWatch> programs = new ArrayList<>();
    private final List<BrokerWatch> brokers = new ArrayList<>();

    Helpers(
            Optional<DeviceBackends> devices,
            PollSlots poller,
            Console console,
            MachineLoop loop,
            RestartBudget budget) {
        devices.ifPresent(d -> {
            d.passts().forEach(p -> programs.add(new PasstWatch(d, p, budget, poller, console, loop)));
            d.brokers()
                    .forEach(b -> brokers.add(new BrokerWatch(
                            b.device().map(MachinePlan::processOf).orElse(ProcessInstance.SERIAL),
                            b.broker(),
                            poller,
                            loop)));
        });
    }

    /** A device is broken for good: nothing of the host waits for it any more. */
    void givenUp(ProcessInstance device) {
        brokers.forEach(b -> b.givenUp(device));
    }

    /** The programs of the host that work for the machine, by their names, and their pids. */
    Map<String, Integer> pids() {
        Map<String, Integer> pids = new LinkedHashMap<>();
        programs.forEach(p -> p.pid().ifPresent(pid -> pids.put(p.name(), pid)));
        return pids;
    }

    /** Does what the last poll found. */
    void serve() {
        programs.forEach(PasstWatch::serve);
        brokers.forEach(BrokerWatch::serve);
    }

    /** When somebody who is not listened to now is to be listened to again, by {@link #serve}; {@link MachineLifecycle#NEVER}. */
    long listensAgainNs() {
        long now = Clock.monotonicNs();
        long next = MachineLifecycle.NEVER;
        for (PasstWatch p : programs) {
            next = Math.min(next, p.listensAgainNs());
        }
        for (BrokerWatch b : brokers) {
            next = Math.min(next, b.listensAgainNs(now));
        }
        return next;
    }
}
