package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Requests to devices that must not be lost with the process that was asked: whoever serves next gets them. Of each kind a device is
 * owed one, the last: a button that was pressed twice meanwhile is pressed once, and of several sizes or targets only the newest is
 * true. Event-loop thread only.
 */
final class OwedRequests {
    private final Map<ProcessInstance, Map<SupervisorRequestType, ChildWatch.Asked>> owed = new HashMap<>();

    private static boolean mustNotBeLost(ChildWatch.Asked asked) {
        return switch (asked.request()) {
            case POWER_BUTTON, RESIZE, BALLOON -> true;
            default -> false;
        };
    }

    /** What a process has not acknowledged that is gone. */
    void keep(ProcessInstance device, List<ChildWatch.Asked> pending) {
        pending.stream().filter(OwedRequests::mustNotBeLost).forEach(a -> add(device, a));
    }

    /** One more, for a device that nobody serves now. */
    void add(ProcessInstance device, ChildWatch.Asked asked) {
        owed.computeIfAbsent(device, _ -> new EnumMap<>(SupervisorRequestType.class))
                .merge(asked.request(), asked, (a, b) -> a.sentNs() > b.sentNs() ? a : b);
    }

    /** All of a device, which are owed no more, the oldest first. */
    List<ChildWatch.Asked> take(ProcessInstance device) {
        Map<SupervisorRequestType, ChildWatch.Asked> all = owed.remove(device);
        return all == null
                ? List.of()
                : all.values().stream()
                        .sorted(Comparator.comparingLong(ChildWatch.Asked::sentNs))
                        .toList();
    }
}
