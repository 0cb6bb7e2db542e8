package io.jvmm.supervisor.launch;

/**
 * One process of a machine.
 *
 * @param kind its class
 * @param process its name in messages and boot records: that of its class, or class-dash-id ({@code block-data}) for a device
 *     with a process of its own
 */
public record ProcessInstance(ProcessKind kind, String process) {
    private static final String SPARE = " (spare)";

    public static final ProcessInstance VCPU = of(ProcessKind.VCPU);
    public static final ProcessInstance SERIAL = of(ProcessKind.SERIAL);
    public static final ProcessInstance PLATFORM = of(ProcessKind.PLATFORM);

    /** The one that serves all of a class that want no process of their own. */
    public static ProcessInstance of(ProcessKind kind) {
        return new ProcessInstance(kind, kind.process());
    }

    /** One for a single device. */
    public static ProcessInstance of(ProcessKind kind, String id) {
        return new ProcessInstance(kind, kind.process() + "-" + id);
    }

    /** The spare of a class, until it is given a device. */
    public static ProcessInstance spare(ProcessKind kind) {
        return new ProcessInstance(kind, kind.process() + SPARE);
    }

    public boolean isSpare() {
        return process.endsWith(SPARE);
    }

    /** Whether it serves a device, or will. */
    public boolean isDevice() {
        return kind != ProcessKind.VCPU;
    }
}
