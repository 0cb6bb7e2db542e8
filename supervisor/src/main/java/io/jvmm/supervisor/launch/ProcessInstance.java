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
    private static final String SUCCESSOR = " (upgrade)";
    private static final String CONVERTER = " (export)";

    public static final ProcessInstance VCPU = of(ProcessKind.VCPU);
    public static final ProcessInstance SERIAL = of(ProcessKind.SERIAL);
    public static final ProcessInstance PLATFORM = of(ProcessKind.PLATFORM);
    public static final ProcessInstance RECORDER = of(ProcessKind.RECORDER);

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

    /** The next version's process of a device that is being upgraded, until it serves. */
    public static ProcessInstance successor(ProcessInstance device) {
        return new ProcessInstance(device.kind, device.process + SUCCESSOR);
    }

    /** One that writes the state of a device in an older version's layout. */
    public static ProcessInstance converter(ProcessInstance device) {
        return new ProcessInstance(device.kind, device.process + CONVERTER);
    }

    /** Whether it takes part in an upgrade and does not serve. */
    public boolean isForUpgrade() {
        return process.endsWith(SUCCESSOR) || process.endsWith(CONVERTER);
    }

    public boolean isSpare() {
        return process.endsWith(SPARE);
    }

    /** Whether it serves a device, or will. */
    public boolean isDevice() {
        return kind.isDevice();
    }
}
