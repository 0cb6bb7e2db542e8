package io.jvmm.supervisor.launch;

/**
 * The classes of processes besides the supervisor: what a program, its launch file, its policy and its AOT cache belong to.
 * Of each a machine has at most one {@link ProcessInstance}, but for virtio devices with {@code isolation = "instance"}.
 */
public enum ProcessKind {
    /** Runs guest code and the board. Started first: it takes longest to become ready. */
    VCPU("vcpu", "jvmm-vcpu.jar"),
    /** COM1 to COM4. */
    SERIAL("serial", "jvmm-device-serial.jar"),
    /** Clock, keyboard controller, ACPI power management, debug console. */
    PLATFORM("platform", "jvmm-device-platform.jar"),
    /** virtio disks. */
    BLOCK("block", "jvmm-device-block.jar"),
    /** virtio network cards. */
    NET("net", "jvmm-device-net.jar"),
    /** virtio console. */
    CONSOLE("console", "jvmm-device-console.jar"),
    /** virtio entropy source. */
    RNG("rng", "jvmm-device-rng.jar"),
    /** virtio memory balloon. */
    BALLOON("balloon", "jvmm-device-balloon.jar"),
    /** virtio sockets. */
    VSOCK("vsock", "jvmm-device-vsock.jar"),
    /** Keeps the journal. Of no machine's plan: it is started when something is recorded. */
    RECORDER("recorder", "jvmm-supervisor.jar");

    private final String process;
    private final String jar;

    ProcessKind(String process, String jar) {
        this.process = process;
        this.jar = jar;
    }

    /** As in the distribution's file names: {@code serial}. */
    public String process() {
        return process;
    }

    /** The main jar, inside {@code lib/<process>/}. */
    public String jar() {
        return jar;
    }

    /** Whether it serves devices, as all but the vCPU process and the recorder do. */
    public boolean isDevice() {
        return this != VCPU && this != RECORDER;
    }

    /** Whether its devices are PCI functions. */
    public boolean isVirtio() {
        return isDevice() && this != SERIAL && this != PLATFORM;
    }
}
