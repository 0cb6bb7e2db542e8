package io.jvmm.supervisor.launch;

import java.util.List;

/** The processes a machine consists of besides the supervisor, in the order in which they are started. */
public enum ProcessKind {
    /** Runs guest code and the board. Started first: it takes longest to become ready. */
    VCPU("vcpu", "jvmm-vcpu.jar"),
    /** COM1 to COM4. */
    SERIAL("serial", "jvmm-device-serial.jar"),
    /** Clock, keyboard controller, ACPI power management, debug console. */
    PLATFORM("platform", "jvmm-device-platform.jar");

    private static final List<ProcessKind> DEVICES = List.of(SERIAL, PLATFORM);

    private final String process;
    private final String jar;

    ProcessKind(String process, String jar) {
        this.process = process;
        this.jar = jar;
    }

    /** As in messages, boot records and the distribution's file names: {@code serial}. */
    public String process() {
        return process;
    }

    /** The main jar, inside {@code lib/<process>/}. */
    public String jar() {
        return jar;
    }

    /** The processes that serve devices; their order gives a device its index in messages of the vCPU process. */
    public static List<ProcessKind> devices() {
        return DEVICES;
    }

    public boolean isDevice() {
        return this != VCPU;
    }
}
