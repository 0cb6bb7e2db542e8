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

    PLATFORM_RTC(Section.PLATFORM, "rtc", "\"utc\"", "\"utc\", \"localtime\", or the seconds since 1970 to start at"),
    PLATFORM_DEBUG_CONSOLE(
            Section.PLATFORM, "debug_console", "(none)", "file for what the guest writes to port 0x402 or 0xe9"),

    JAIL_UID_RANGE(Section.JAIL, "uid_range", "\"100000-165535\"", "as root: each process runs under a uid of these"),
    JAIL_MODE(
            Section.JAIL, "mode", "\"enforce\"", "\"log\" permits what a policy forbids; needs --unsafe-jail-log too"),
    JAIL_MAX_DESCRIPTORS(Section.JAIL, "max_descriptors", "128", "open descriptors of a process, 64 to 4096"),
    JAIL_MAX_THREADS(Section.JAIL, "max_threads", "128", "threads of a process, 32 to 4096 (applies as root)"),

    IPC_SPIN_US(
            Section.IPC, "spin_us", "50", "a waiter spins so long at most before it sleeps, 0 to 10000 microseconds"),
    IPC_READ_TIMEOUT_MS(
            Section.IPC, "read_timeout_ms", "1000", "a register read unanswered so long gives all ones, 1 to 60000"),

    LIFECYCLE_READY_TIMEOUT_S(
            Section.LIFECYCLE, "ready_timeout_s", "20", "a process not ready by then is a failure, 1 to 600"),
    LIFECYCLE_POWER_BUTTON_TIMEOUT_S(
            Section.LIFECYCLE,
            "power_button_timeout_s",
            "30",
            "after SIGTERM the guest has so long to power off, 0 to 3600");

    /** The tables of the file. */
    public enum Section {
        MACHINE("machine", false),
        BOOT("boot", false),
        SERIAL("serial", true),
        PLATFORM("platform", false),
        JAIL("jail", false),
        IPC("ipc", false),
        LIFECYCLE("lifecycle", false);

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
