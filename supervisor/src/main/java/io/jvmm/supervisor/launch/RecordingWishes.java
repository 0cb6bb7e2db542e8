package io.jvmm.supervisor.launch;

import io.jvmm.supervisor.config.JournalConfig;
import java.util.HashSet;
import java.util.Set;

/**
 * Which device processes are to be recorded: those of the configuration, until somebody says otherwise. What was said counts for the whole run of
 * the supervisor, and so for the next life of a machine whose guest resets. Event-loop thread only.
 */
public final class RecordingWishes {
    private final Set<String> processes;

    public RecordingWishes(JournalConfig config) {
        processes = new HashSet<>(config.processes());
    }

    /** Whether the next process of a device is to be recorded. */
    boolean has(ProcessInstance device) {
        return processes.contains(device.process());
    }

    /** Somebody says so. */
    void set(ProcessInstance device, boolean on) {
        if (on) {
            processes.add(device.process());
        } else {
            processes.remove(device.process());
        }
    }
}
