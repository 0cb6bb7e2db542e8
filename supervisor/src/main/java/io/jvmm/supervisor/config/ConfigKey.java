package io.jvmm.supervisor.config;

import java.util.Arrays;
import java.util.List;

/** Every key of {@code vm.toml}, once: the reader, {@code --help}, the README and the spelling help all use this list. */
public enum ConfigKey {
    MACHINE_NAME(Section.MACHINE, "name", "\"vm\"", "letters, digits, '.', '_', '-'; names the VM in messages"),
    MACHINE_MEMORY(Section.MACHINE, "memory", "\"512M\"", "guest memory: K, M, G or T, whole pages"),
    MACHINE_VCPUS(Section.MACHINE, "vcpus", "1", "virtual processors, 1 to 64"),
    MACHINE_ENGINE(
            Section.MACHINE,
            "engine",
            "\"auto\"",
            "\"kvm\", \"x86\" (software), or \"auto\": kvm where it can run the guest"),

    BOOT_KERNEL(Section.BOOT, "kernel", "(required)", "bzImage, ELF vmlinux or PVH image"),
    BOOT_FIRMWARE(
            Section.BOOT, "firmware", "(none)", "in place of a kernel: a PC's firmware, such as SeaBIOS's bios.bin"),
    BOOT_INITRD(Section.BOOT, "initrd", "(none)", "initial ram disk"),
    BOOT_CMDLINE(Section.BOOT, "cmdline", "\"\"", "kernel command line, at most 2047 bytes"),
    BOOT_ON_RESET(Section.BOOT, "on_reset", "\"restart\"", "a guest that resets is started afresh, or \"exit\" with 0"),

    SERIAL_PORT(Section.SERIAL, "port", "(required)", "1 to 4, that is COM1 to COM4"),
    SERIAL_BACKEND(
            Section.SERIAL,
            "backend",
            "(required)",
            "\"terminal\", \"stdout\", \"stderr\", \"pty\", \"file\", \"socket\", \"none\""),
    SERIAL_PATH(Section.SERIAL, "path", "(none)", "file: appended to; socket: where to listen; pty: a link to it"),
    SERIAL_ESCAPE(Section.SERIAL, "escape", "\"ctrl-a\"", "terminal: Ctrl-A x ends the machine; or \"none\""),
    SERIAL_JOURNAL(Section.SERIAL, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    PLATFORM_RTC(Section.PLATFORM, "rtc", "\"utc\"", "\"utc\", \"localtime\", or the seconds since 1970 to start at"),
    PLATFORM_DEBUG_CONSOLE(
            Section.PLATFORM, "debug_console", "(none)", "file for what the guest writes to port 0x402 or 0xe9"),
    PLATFORM_JOURNAL(Section.PLATFORM, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    BLOCK_PATH(Section.BLOCK, "path", "(required)", "disk image or block device"),
    BLOCK_FORMAT(
            Section.BLOCK, "format", "by suffix", "\"raw\" or \"qcow2\"; without it .qcow2 is one and all else raw"),
    BLOCK_BACKING(
            Section.BLOCK, "backing", "[]", "qcow2: the images behind it, in order: [\"base.qcow2\", \"older.raw\"]"),
    BLOCK_READ_ONLY(Section.BLOCK, "read_only", "false", "the guest may not write"),
    BLOCK_CACHE(
            Section.BLOCK,
            "cache",
            "\"writeback\"",
            "or \"writethrough\", \"none\" (O_DIRECT), \"unsafe\" (never waits for the disk)"),
    BLOCK_QUEUES(Section.BLOCK, "queues", "1", "virtqueues, 1 to 16"),
    BLOCK_QUEUE_SIZE(Section.BLOCK, "queue_size", "256", "buffers in each, a power of two to 1024"),
    BLOCK_SERIAL(Section.BLOCK, "serial", "\"\"", "serial number, at most 20 bytes: /dev/disk/by-id"),
    BLOCK_DISCARD(Section.BLOCK, "discard", "true", "what the guest discards is given back to the host"),
    BLOCK_PACKED(Section.BLOCK, "packed", "false", "offer packed virtqueues"),
    BLOCK_BLOCK_SIZE(Section.BLOCK, "block_size", "512", "logical block, 512 or 4096"),
    BLOCK_ID(Section.BLOCK, "id", "its number", "names it in messages: small letters, digits, '_'"),
    BLOCK_ISOLATION(Section.BLOCK, "isolation", "\"class\"", "\"instance\": a process of its own"),
    BLOCK_SLOT(Section.BLOCK, "slot", "8 and up", "place on the PCI bus, 1 to 30"),
    BLOCK_JOURNAL(Section.BLOCK, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    NET_BACKEND(Section.NET, "backend", "(required)", "\"tap\", \"passt\" (needs no privilege), \"none\""),
    NET_TAP(Section.NET, "tap", "a new one", "tap: the interface, used or created"),
    NET_FORWARD(Section.NET, "forward", "[]", "passt: [\"tcp:8080:80\"], port of the host and of the guest"),
    NET_HOST_LOOPBACK(
            Section.NET, "host_loopback", "false", "passt: the gateway's address leads to the host's loopback"),
    NET_MAC(Section.NET, "mac", "from the names", "station address"),
    NET_MTU(Section.NET, "mtu", "1500", "68 to 65520"),
    NET_QUEUES(Section.NET, "queues", "1", "pairs of virtqueues, 1 to 8; passt has one"),
    NET_QUEUE_SIZE(Section.NET, "queue_size", "256", "buffers in each, a power of two to 1024"),
    NET_PACKED(Section.NET, "packed", "false", "offer packed virtqueues"),
    NET_OFFLOADS(Section.NET, "offloads", "true", "checksums and segmentation are the host's work"),
    NET_ID(Section.NET, "id", "its number", "names it in messages: small letters, digits, '_'"),
    NET_ISOLATION(Section.NET, "isolation", "\"class\"", "\"instance\": a process of its own"),
    NET_SLOT(Section.NET, "slot", "24 and up", "place on the PCI bus, 1 to 30"),
    NET_JOURNAL(Section.NET, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    CONSOLE_BACKEND(Section.CONSOLE, "backend", "(required)", "hvc0's, as with [[serial]]"),
    CONSOLE_PATH(Section.CONSOLE, "path", "(none)", "as with [[serial]]"),
    CONSOLE_SLOT(Section.CONSOLE, "slot", "1", "place on the PCI bus, 1 to 30"),
    CONSOLE_JOURNAL(Section.CONSOLE, "journal", "false", "what its process does is recorded, for jvmm-replay"),
    CONSOLE_PORT_NAME(Section.CONSOLE_PORT, "name", "(required)", "the guest's /dev/virtio-ports/NAME"),
    CONSOLE_PORT_BACKEND(Section.CONSOLE_PORT, "backend", "(required)", "as with [[serial]]"),
    CONSOLE_PORT_PATH(Section.CONSOLE_PORT, "path", "(none)", "as with [[serial]]"),

    RNG_ENABLED(Section.RNG, "enabled", "true", "every machine has an entropy source that does not say false"),
    RNG_RATE_BYTES(Section.RNG, "rate_bytes", "no limit", "most bytes a second"),
    RNG_SLOT(Section.RNG, "slot", "2", "place on the PCI bus, 1 to 30"),
    RNG_JOURNAL(Section.RNG, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    BALLOON_TARGET(Section.BALLOON, "target", "\"0\"", "memory that the guest is asked to give up"),
    BALLOON_FREE_PAGE_REPORTING(
            Section.BALLOON, "free_page_reporting", "true", "the guest's free memory goes back to the host"),
    BALLOON_DEFLATE_ON_OOM(
            Section.BALLOON, "deflate_on_oom", "true", "a guest without other memory takes from the balloon"),
    BALLOON_STATS_INTERVAL_S(Section.BALLOON, "stats_interval_s", "0", "seconds between statistics, 0: none"),
    BALLOON_SLOT(Section.BALLOON, "slot", "3", "place on the PCI bus, 1 to 30"),
    BALLOON_JOURNAL(Section.BALLOON, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    VSOCK_CID(Section.VSOCK, "cid", "(required)", "the guest's address, 3 and up"),
    VSOCK_PATH(
            Section.VSOCK, "path", "(required)", "unix socket: CONNECT port; the guest's port N is path_N on the host"),
    VSOCK_ID(Section.VSOCK, "id", "its number", "names it in messages: small letters, digits, '_'"),
    VSOCK_ISOLATION(Section.VSOCK, "isolation", "\"class\"", "\"instance\": a process of its own"),
    VSOCK_SLOT(Section.VSOCK, "slot", "4 and up", "place on the PCI bus, 1 to 30"),
    VSOCK_JOURNAL(Section.VSOCK, "journal", "false", "what its process does is recorded, for jvmm-replay"),

    JAIL_UID_RANGE(Section.JAIL, "uid_range", "\"100000-165535\"", "as root: each process runs under a uid of these"),
    JAIL_MODE(
            Section.JAIL, "mode", "\"enforce\"", "\"log\" permits what a policy forbids; needs --unsafe-jail-log too"),
    JAIL_MAX_DESCRIPTORS(Section.JAIL, "max_descriptors", "128", "open descriptors of a process, 64 to 4096"),
    JAIL_MAX_THREADS(Section.JAIL, "max_threads", "128", "threads of a process, 32 to 4096 (applies as root)"),

    IPC_SPIN_US(
            Section.IPC, "spin_us", "50", "a waiter spins so long (a busy vCPU 4 ms more), 0 to 10000 microseconds"),
    IPC_READ_TIMEOUT_MS(
            Section.IPC, "read_timeout_ms", "1000", "a register read unanswered so long gives all ones, 1 to 60000"),

    LIFECYCLE_READY_TIMEOUT_S(
            Section.LIFECYCLE, "ready_timeout_s", "20", "a process not ready by then is a failure, 1 to 600"),
    LIFECYCLE_POWER_BUTTON_TIMEOUT_S(
            Section.LIFECYCLE,
            "power_button_timeout_s",
            "30",
            "after SIGTERM the guest has so long to power off, 0 to 3600"),
    LIFECYCLE_RESTART_BUDGET(
            Section.LIFECYCLE,
            "restart_budget",
            "10",
            "a device that dies more often in its window is broken, 0 to 100000"),
    LIFECYCLE_RESTART_WINDOW_S(
            Section.LIFECYCLE, "restart_window_s", "60", "how far back deaths are counted, 1 to 3600"),
    LIFECYCLE_RESTART_BACKOFF_MS(
            Section.LIFECYCLE,
            "restart_backoff_ms",
            "100",
            "delay before the next replacement at once, doubled each time, 0 to 5000"),
    LIFECYCLE_STANDBY(
            Section.LIFECYCLE,
            "standby",
            "\"all\"",
            "a warm spare for each class; \"none\", or a list: [\"block\", \"net\"]"),
    LIFECYCLE_HANG_TIMEOUT_MS(
            Section.LIFECYCLE,
            "hang_timeout_ms",
            "2000",
            "a device process that is silent so long is replaced, 0 (never) to 60000"),
    LIFECYCLE_REPLACE_TIMEOUT_MS(
            Section.LIFECYCLE,
            "replace_timeout_ms",
            "5000",
            "the guest waits so long for a device that is being replaced, 1 to 60000"),

    CONTROL_SOCKET(
            Section.CONTROL,
            "socket",
            "by name",
            "unix socket for jvmmctl, or \"none\"; without it jvmmctl --vm finds it"),

    JOURNAL_DIRECTORY(Section.JOURNAL, "directory", "(required)", "where recordings are kept; of this machine alone"),
    JOURNAL_MAX_SIZE_MB(Section.JOURNAL, "max_size_mb", "1024", "beyond, the oldest whole lives go, 16 to 1048576"),
    JOURNAL_MAX_AGE_HOURS(Section.JOURNAL, "max_age_hours", "168", "older lives go, 1 to 87600"),
    JOURNAL_LIFE_SIZE_MB(Section.JOURNAL, "life_size_mb", "64", "after so much a device gets another life, 1 to 4096"),
    METRICS_LISTEN(
            Section.METRICS,
            "listen",
            "nowhere",
            "HTTP for Prometheus: \"127.0.0.1:9100\", \"[::1]:9100\" or a socket's path");

    /** The tables of the file. */
    public enum Section {
        MACHINE("machine", false),
        BOOT("boot", false),
        SERIAL("serial", true),
        PLATFORM("platform", false),
        BLOCK("block", true),
        NET("net", true),
        CONSOLE("console", false),
        /** Inside {@link #CONSOLE}. */
        CONSOLE_PORT("console.port", true),
        RNG("rng", false),
        BALLOON("balloon", false),
        VSOCK("vsock", true),
        JAIL("jail", false),
        IPC("ipc", false),
        LIFECYCLE("lifecycle", false),
        CONTROL("control", false),
        JOURNAL("journal", false),
        METRICS("metrics", false);

        private final String table;
        private final boolean repeated;

        Section(String table, boolean repeated) {
            this.table = table;
            this.repeated = repeated;
        }

        public String table() {
            return table;
        }

        /** Whether it is written {@code [[table]]}, once for each thing of the kind. */
        public boolean repeated() {
            return repeated;
        }

        /** Those that stand at the top of a file. */
        static List<Section> top() {
            return Arrays.stream(values()).filter(s -> !s.table.contains(".")).toList();
        }

        /** Whether {@code name} is no key of a table but a table in it. */
        static boolean isNested(Section outer, String name) {
            return Arrays.stream(values()).anyMatch(s -> s.table.equals(outer.table + "." + name));
        }

        public String header() {
            return repeated ? "[[" + table + "]]" : "[" + table + "]";
        }

        public List<ConfigKey> keys() {
            return Arrays.stream(ConfigKey.values())
                    .filter(k -> k.section == this)
                    .toList();
        }
    }

    private final Section section;
    private final String key;
    private final String standard;
    private final String meaning;

    ConfigKey(Section section, String key, String standard, String meaning) {
        this.section = section;
        this.key = key;
        this.standard = standard;
        this.meaning = meaning;
    }

    public Section section() {
        return section;
    }

    /** The name inside its table. */
    public String key() {
        return key;
    }

    /** What holds when the key is absent, as one would write it. */
    public String standard() {
        return standard;
    }

    public String meaning() {
        return meaning;
    }

    /** {@code machine.memory} */
    public String dotted() {
        return section.table + "." + key;
    }
}
