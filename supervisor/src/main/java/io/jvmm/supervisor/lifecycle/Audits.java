package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.supervisor.launch.ProcessInspector;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Variant;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Looks at processes from outside before they serve, and keeps what was seen. Event-loop thread only. */
final class Audits {
    /** How long a process whose jail looks wrong may take to turn out to be dying. */
    private static final long DYING_NS = 1_000_000_000L;

    private final ProcessInspector inspector;
    private final Map<ProcessInstance, JailReport> reports = new LinkedHashMap<>();

    Audits(ProcessInspector inspector) {
        this.inspector = inspector;
    }

    /** What was seen of a process, last. */
    Optional<JailReport> report(ProcessInstance process) {
        return Optional.ofNullable(reports.get(process));
    }

    /** See {@link MachineActions#audit}. */
    Optional<String> audit(@Nullable ChildWatch w) {
        if (w == null || !w.events().filterIsRight()) {
            return Optional.of("the filter it reports is not the compiled policy's.");
        }
        try {
            JailReport report = inspector.look(w.child());
            reports.put(w.instance(), report);
            List<String> faults =
                    inspector.faults(w.child(), w.events().variant().flatMap(Variant::engine), report);
            return faults.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", faults) + ".");
        } catch (IOException e) {
            return Optional.of("it cannot be looked at (" + e.getMessage() + ").");
        }
    }

    /** See {@link MachineActions#hasEnded}. */
    static boolean hasEnded(@Nullable ChildWatch w) {
        if (w == null || w.ended()) {
            return w != null;
        }
        // A dying process loses its memory, files and namespaces before it is seen to end: give it the time to.
        Poller death = new Poller(1);
        death.add(w.child().pidfd().fd(), Poller.READABLE);
        death.await(DYING_NS);
        return w.child().pidfd().peek().isPresent();
    }
}
