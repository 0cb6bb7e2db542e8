package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which devices are to begin a new life, as their recorder wishes, until they have: the recorder says it once. A device that overruns the recorder all the
 * time gets a new life no more often than every ten seconds, and one that could not be given one is tried again after as long. Event-loop thread only.
 */
final class Renewals {
    static final long AGAIN_NS = 10_000_000_000L;

    private final Map<ProcessInstance, String> wanted = new LinkedHashMap<>();
    private final Map<ProcessInstance, Long> triedNs = new HashMap<>();
    /** Those of which it has been told that they failed. */
    private final Set<ProcessInstance> failing = new HashSet<>();

    void want(JournalWatch.Renewal renewal) {
        wanted.putIfAbsent(renewal.device(), renewal.why());
    }

    boolean isEmpty() {
        return wanted.isEmpty();
    }

    /** Those that will not have another process for good. */
    void forget(Predicate<ProcessInstance> device) {
        wanted.keySet().removeIf(device);
    }

    /**
     * What is to be tried now; it is not wanted any more, unless it fails.
     *
     * @param may whether a device can be given another process
     */
    Optional<JournalWatch.Renewal> next(long nowNs, Predicate<ProcessInstance> may) {
        for (Map.Entry<ProcessInstance, String> w : wanted.entrySet()) {
            ProcessInstance device = w.getKey();
            Long last = triedNs.get(device);
            if ((last == null || nowNs - last >= AGAIN_NS) && may.test(device)) {
                JournalWatch.Renewal renewal = new JournalWatch.Renewal(device, w.getValue());
                wanted.remove(device);
                triedNs.put(device, nowNs);
                return Optional.of(renewal);
            }
        }
        return Optional.empty();
    }

    /** It has its new life, or another process and so another life anyway. */
    void done(ProcessInstance device) {
        failing.remove(device);
    }

    /** It has not; it is tried again. Whether that is new. */
    boolean failed(JournalWatch.Renewal renewal) {
        want(renewal);
        return failing.add(renewal.device());
    }
}
