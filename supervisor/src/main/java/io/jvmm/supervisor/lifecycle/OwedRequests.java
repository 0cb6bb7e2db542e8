package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Requests to devices that must not be lost with the process that was asked: whoever serves next gets them. Event-loop thread only. */
final class OwedRequests {
    private final Map<ProcessInstance, List<ChildWatch.Asked>> owed = new HashMap<>();

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
        owed.computeIfAbsent(device, _ -> new ArrayList<>()).add(asked);
    }

    /** All of a device, which are owed no more. */
    List<ChildWatch.Asked> take(ProcessInstance device) {
        List<ChildWatch.Asked> all = owed.remove(device);
        return all == null ? List.of() : all;
    }
}
