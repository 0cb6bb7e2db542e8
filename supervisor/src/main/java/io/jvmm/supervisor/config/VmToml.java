package io.jvmm.supervisor.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * Reads {@code vm.toml}. Strict: an unknown key is an error, as are a wrong type and a value out of range; all errors of a
 * file are reported together. Not reported here: what only opening a file can tell.
 */
public final class VmToml {
    /** A file longer than this is not a configuration. */
    static final int LONGEST_FILE = 1 << 20;

    /** tomlj's words for a key given twice. */
    private static final Pattern TWICE = Pattern.compile("(.+) previously defined at line (\\d+), column \\d+");

    private final String file;
    private final Path directory;
    private final HostFacts host;
    private final Options options;
    private final List<ConfigProblem> problems = new ArrayList<>();
    private final JournalTable journal = new JournalTable();
    private final Map<String, String> where = new HashMap<>();
    private final Map<Integer, Integer> serialTables = new HashMap<>();
    private final PathClaims paths = new PathClaims();

    /**
     * What the command line says about the reading.
     *
     * @param permitLogMode whether {@code jail.mode = "log"} has been asked for a second time
     */
    public record Options(boolean permitLogMode) {
        public static final Options STANDARD = new Options(false);
    }

    private VmToml(String file, Path directory, HostFacts host, Options options) {
        this.file = file;
        this.directory = directory;
        this.host = host;
        this.options = options;
    }

    /** Reads a file; paths in it are relative to its directory. */
    public static LoadedConfig load(Path path, HostFacts host, Options options) throws ConfigException {
        String file = path.toString();
        String text;
        try {
            text = text(path);
        } catch (NoSuchFileException e) {
            throw refused(file, "there is no such file. Start from one of the examples: jvmm-supervisor --help.");
        } catch (AccessDeniedException e) {
            throw refused(file, "it may not be read by this user (permission denied). Mend it: chmod +r " + file);
        } catch (CharacterCodingException e) {
            throw refused(file, "is not UTF-8 text. Name a vm.toml.");
        } catch (IOException e) {
            throw refused(
                    file,
                    Files.isDirectory(path) ? "is a directory. Name a vm.toml." : "cannot be read: " + e.getMessage());
        }
        Path directory = Objects.requireNonNullElse(path.toAbsolutePath().getParent(), Path.of("/"));
        return read(text, file, directory, host, options);
    }

    /** Reads a text as if it stood in {@code file} in {@code directory}. */
    public static LoadedConfig read(String text, String file, Path directory, HostFacts host, Options options)
            throws ConfigException {
        return new VmToml(file, directory, host, options).read(text);
    }

    /** All of the file, which may be a pipe or something without an end. */
    private static String text(Path path) throws IOException, ConfigException {
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(LONGEST_FILE + 1);
            if (bytes.length > LONGEST_FILE) {
                throw refused(path.toString(), "is longer than 1 MiB, which no configuration is. Name a vm.toml.");
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        }
    }

    private TomlParseResult parse(String text) throws ConfigException {
        try {
            return Toml.parse(text);
        } catch (TomlParseError e) {
            // A mistake in the key of a table is thrown, and not one of the result's errors (tomlj 1.1.1).
            throw new ConfigException(List.of(syntax(e)));
        } catch (RuntimeException e) {
            // Its own mistakes, such as NullPointerException for a date and time whose offset is cut short. They have
            // no place.
            throw refused(
                    file, "is not TOML: the parser gave it up (" + e + "). Look for a damaged date, time or escape.");
        } catch (StackOverflowError e) {
            // The parser goes down one level for each bracket. Nothing of it is kept.
            throw refused(file, "is nested deeper than any configuration is. Name a vm.toml.");
        }
    }

    private static ConfigException refused(String file, String message) {
        return new ConfigException(List.of(new ConfigProblem(file, "", message)));
    }

    private LoadedConfig read(String text) throws ConfigException {
        TomlParseResult toml = parse(text.startsWith("\uFEFF") ? text.substring(1) : text);
        if (toml.hasErrors()) {
            // What did parse is only part of the file: complaints about the rest would mislead.
            throw new ConfigException(toml.errors().stream().map(this::syntax).toList());
        }
        checkTables(toml);
        MachineConfig machine = machine(table(toml, ConfigKey.Section.MACHINE));
        @Nullable BootConfig boot = boot(table(toml, ConfigKey.Section.BOOT));
        List<SerialConfig> serial = serial(toml);
        List<VirtioConfig> devices = new VirtioTables(machine.name(), journal, this::reader, paths).read(toml);
        serial = withoutTerminal(toml, serial, devices);
        checkRoom(devices);
        PlatformConfig platform = platform(table(toml, ConfigKey.Section.PLATFORM));
        JailConfig jail = jail(table(toml, ConfigKey.Section.JAIL));
        IpcConfig ipc = ipc(table(toml, ConfigKey.Section.IPC));
        LifecycleConfig lifecycle = LifecycleTable.read(table(toml, ConfigKey.Section.LIFECYCLE));
        ControlConfig control = control(table(toml, ConfigKey.Section.CONTROL));
        JournalConfig recorded =
                journal.read(table(toml, ConfigKey.Section.JOURNAL), toml.get(List.of("journal")) instanceof TomlTable);
        MetricsConfig metrics = metrics(table(toml, ConfigKey.Section.METRICS));
        if (!problems.isEmpty() || boot == null) {
            problems.sort(java.util.Comparator.comparingInt(VmToml::line));
            throw new ConfigException(problems);
        }
        return new LoadedConfig(
                new VmConfig(
                        machine, boot, serial, platform, jail, ipc, lifecycle, devices, control, recorded, metrics),
                file,
                where,
                serialTables);
    }

    private static int line(ConfigProblem problem) {
        String[] parts = problem.where().split(":", -1);
        try {
            return parts.length < 3 ? Integer.MAX_VALUE : Integer.parseInt(parts[parts.length - 2]);
        } catch (NumberFormatException e) {
            return Integer.MAX_VALUE;
        }
    }

    private ConfigProblem syntax(TomlParseError error) {
        String place =
                file + ":" + error.position().line() + ":" + error.position().column();
        String said = String.valueOf(error.getMessage());
        Matcher twice = TWICE.matcher(said);
        if (twice.matches()) {
            return new ConfigProblem(
                    place, twice.group(1), "is given twice (first in line " + twice.group(2) + "). Remove one.");
        }
        return new ConfigProblem(place, "", "not TOML: " + said + ".");
    }

    /** Tables and keys at the top of the file: known, and of the right shape. */
    private void checkTables(TomlParseResult toml) {
        List<String> known =
                ConfigKey.Section.top().stream().map(ConfigKey.Section::table).toList();
        for (String name : toml.keySet()) {
            @Nullable Object value = toml.get(List.of(name));
            String place = place(toml, name);
            Optional<ConfigKey.Section> section = ConfigKey.Section.top().stream()
                    .filter(s -> s.table().equals(name))
                    .findFirst();
            if (section.isPresent()) {
                checkShape(section.get(), value, place);
                continue;
            }
            boolean table = value instanceof TomlTable || isTables(value);
            String advice = Spelling.nearest(name, known)
                    .map(n -> "Did you mean " + header(n) + "?")
                    .or(() -> TableReader.elsewhere(name, null))
                    .orElse("The tables are "
                            + String.join(
                                    ", ", known.stream().map(VmToml::header).toList()) + ".");
            problems.add(new ConfigProblem(
                    place, TableReader.plain(name), "unknown " + (table ? "table" : "key") + ". " + advice));
        }
    }

    private void checkShape(ConfigKey.Section section, @Nullable Object value, String place) {
        boolean right = section.repeated() ? isTables(value) : value instanceof TomlTable;
        if (!right) {
            problems.add(new ConfigProblem(
                    place,
                    section.table(),
                    "is " + TableReader.describe(value) + ", and must be "
                            + (section.repeated() ? "a list of tables" : "a table") + ". Write " + section.header()
                            + "."));
        }
    }

    /** A list of tables; the empty list, {@code serial = []}, is one too. */
    private static boolean isTables(@Nullable Object value) {
        return value instanceof TomlArray a && a.toList().stream().allMatch(TomlTable.class::isInstance);
    }

    private String place(TomlTable toml, String name) {
        var position = toml.inputPositionOf(List.of(name));
        return position == null ? file : file + ":" + position.line() + ":" + position.column();
    }

    private static String header(String table) {
        return Arrays.stream(ConfigKey.Section.values())
                .filter(s -> s.table().equals(table))
                .findFirst()
                .map(ConfigKey.Section::header)
                .orElse(table);
    }

    private TableReader table(TomlTable toml, ConfigKey.Section section) {
        String name = section.table();
        return reader(
                section,
                name,
                toml.get(List.of(name)) instanceof TomlTable t ? t : null,
                toml.inputPositionOf(List.of(name)));
    }

    private TableReader reader(
            ConfigKey.Section section, String prefix, @Nullable TomlTable table, @Nullable TomlPosition header) {
        return new TableReader(file, directory, section, prefix, table, header, problems, where);
    }

    private void checkRoom(List<VirtioConfig> devices) {
        try {
            PciSlots.assign(devices);
        } catch (IllegalArgumentException e) {
            problems.add(new ConfigProblem(file, "", String.valueOf(e.getMessage()) + " Remove some."));
        }
    }

    /** The one terminal is the virtio console's where that wants it: COM1 goes without then, if nothing is said of it. */
    private List<SerialConfig> withoutTerminal(TomlTable toml, List<SerialConfig> serial, List<VirtioConfig> devices) {
        if (!ConsoleConfig.wantsTerminal(devices)
                || serial.stream().noneMatch(s -> s.backend() == SerialConfig.Backend.TERMINAL)) {
            return serial;
        }
        if (toml.get(List.of("serial")) == null) {
            return List.of(new SerialConfig(1, SerialConfig.Backend.NONE, Optional.empty(), SerialConfig.Escape.NONE));
        }
        problems.add(new ConfigProblem(
                place(toml, "console"),
                "console",
                "the terminal is taken by a serial port. Use e.g. backend = \"none\" for that."));
        return serial;
    }

    private MachineConfig machine(TableReader t) {
        String name = t.parsed(
                ConfigKey.MACHINE_NAME,
                n -> {
                    MachineConfig.checkName(n);
                    return n;
                },
                "vm");
        MemorySize memory = t.parsed(ConfigKey.MACHINE_MEMORY, this::memory, new MemorySize(512L << 20));
        int vcpus = t.integer(ConfigKey.MACHINE_VCPUS, 1, MachineConfig.MOST_VCPUS, 1);
        MachineConfig.Engine engine =
                t.choice(ConfigKey.MACHINE_ENGINE, MachineConfig.Engine.values(), MachineConfig.Engine.AUTO);
        return new MachineConfig(name, memory, vcpus, engine);
    }

    private MemorySize memory(String text) {
        MemorySize size = MemorySize.parse(text);
        if (size.bytes() > host.memoryBytes()) {
            throw new IllegalArgumentException(MemorySize.human(size.bytes()) + " is more than this host has ("
                    + MemorySize.human(host.memoryBytes()) + "). Use e.g. memory = \"512M\".");
        }
        return size;
    }

    private @Nullable BootConfig boot(TableReader t) {
        if (!t.isPresent(ConfigKey.BOOT_FIRMWARE)) {
            t.require(ConfigKey.BOOT_KERNEL, "\"vmlinuz\"");
        }
        Optional<Path> kernel = t.path(ConfigKey.BOOT_KERNEL);
        Optional<Path> firmware = t.path(ConfigKey.BOOT_FIRMWARE);
        Optional<Path> initrd = t.path(ConfigKey.BOOT_INITRD);
        String cmdline = t.parsed(
                ConfigKey.BOOT_CMDLINE,
                c -> {
                    BootConfig.checkCmdline(c);
                    return c;
                },
                "");
        BootConfig.OnReset onReset =
                t.choice(ConfigKey.BOOT_ON_RESET, BootConfig.OnReset.values(), BootConfig.OnReset.RESTART);
        if (firmware.isPresent()) {
            for (ConfigKey key : List.of(ConfigKey.BOOT_KERNEL, ConfigKey.BOOT_INITRD, ConfigKey.BOOT_CMDLINE)) {
                if (t.isPresent(key)) {
                    t.complain(key, "firmware finds on the disks what it starts. Remove " + key.key() + ".");
                }
            }
            return new BootConfig(firmware.get(), true, Optional.empty(), "", onReset);
        }
        return kernel.map(k -> new BootConfig(k, false, initrd, cmdline, onReset))
                .orElse(null);
    }

    private List<SerialConfig> serial(TomlTable toml) {
        if (!(toml.get(List.of("serial")) instanceof TomlArray array)) {
            // A file that says nothing about serial ports gets what one expects: COM1 on the terminal.
            return List.of(
                    new SerialConfig(1, SerialConfig.Backend.TERMINAL, Optional.empty(), SerialConfig.Escape.CTRL_A));
        }
        List<SerialConfig> ports = new ArrayList<>();
        int terminal = 0;
        for (int i = 0; i < array.size(); i++) {
            if (!(array.get(i) instanceof TomlTable table)) {
                continue;
            }
            TableReader t =
                    reader(ConfigKey.Section.SERIAL, "serial[" + (i + 1) + "]", table, array.inputPositionOf(i));
            @Nullable SerialConfig port = port(t);
            if (port == null) {
                continue;
            }
            @Nullable Integer before = serialTables.putIfAbsent(port.port(), i + 1);
            if (before != null) {
                t.complain(
                        ConfigKey.SERIAL_PORT,
                        "port " + port.port() + " is taken by serial[" + before + "]. Choose another of 1 to 4.");
            } else if (port.backend() == SerialConfig.Backend.TERMINAL && terminal != 0) {
                t.complain(
                        ConfigKey.SERIAL_BACKEND,
                        "the terminal is taken by serial[" + terminal + "]. Use e.g. backend = \"pty\".");
            } else {
                terminal = port.backend() == SerialConfig.Backend.TERMINAL ? i + 1 : terminal;
                ports.add(port);
            }
        }
        return ports;
    }

    private @Nullable SerialConfig port(TableReader t) {
        t.require(ConfigKey.SERIAL_PORT, "1");
        t.require(ConfigKey.SERIAL_BACKEND, "\"terminal\"");
        int port = t.integer(ConfigKey.SERIAL_PORT, 1, SerialConfig.PORTS, 1);
        SerialConfig.Backend backend =
                t.choice(ConfigKey.SERIAL_BACKEND, SerialConfig.Backend.values(), SerialConfig.Backend.NONE);
        Optional<Path> path = t.path(ConfigKey.SERIAL_PATH);
        journal.device(t, ConfigKey.SERIAL_JOURNAL, "serial");
        boolean terminal = backend == SerialConfig.Backend.TERMINAL;
        SerialConfig.Escape escape = t.choice(
                ConfigKey.SERIAL_ESCAPE,
                SerialConfig.Escape.values(),
                terminal ? SerialConfig.Escape.CTRL_A : SerialConfig.Escape.NONE);
        if (!t.isGood(ConfigKey.SERIAL_PORT)
                || !t.isGood(ConfigKey.SERIAL_BACKEND)
                || t.isWrong(ConfigKey.SERIAL_PATH)) {
            return null;
        }
        if (t.isGood(ConfigKey.SERIAL_ESCAPE) && escape != SerialConfig.Escape.NONE && !terminal) {
            t.complain(
                    ConfigKey.SERIAL_ESCAPE,
                    "only a terminal has an escape key, and this is a " + backend.word() + ". Remove it.");
        }
        if (!paths.claim(t, ConfigKey.SERIAL_PATH, path, "COM" + port)) {
            return null;
        }
        try {
            return new SerialConfig(port, backend, path, escape);
        } catch (IllegalArgumentException e) {
            t.complain(ConfigKey.SERIAL_PATH, String.valueOf(e.getMessage()));
            return null;
        }
    }

    private PlatformConfig platform(TableReader t) {
        RtcBase rtc = new RtcBase.Utc();
        if (t.value(ConfigKey.PLATFORM_RTC) instanceof Long seconds) {
            try {
                rtc = new RtcBase.Epoch(seconds);
            } catch (IllegalArgumentException e) {
                t.complain(ConfigKey.PLATFORM_RTC, String.valueOf(e.getMessage()));
            }
        } else {
            rtc = t.parsed(ConfigKey.PLATFORM_RTC, VmToml::rtc, rtc);
        }
        Optional<Path> debugConsole = t.path(ConfigKey.PLATFORM_DEBUG_CONSOLE);
        journal.device(t, ConfigKey.PLATFORM_JOURNAL, "platform");
        paths.claim(t, ConfigKey.PLATFORM_DEBUG_CONSOLE, debugConsole, "the debug console");
        return new PlatformConfig(rtc, debugConsole);
    }

    private static RtcBase rtc(String word) {
        return switch (word) {
            case "utc" -> new RtcBase.Utc();
            case "localtime" -> new RtcBase.LocalTime();
            default ->
                throw new IllegalArgumentException(Quoted.of(word)
                        + " is not known. Use \"utc\", \"localtime\", or a number of seconds since 1970.");
        };
    }

    private JailConfig jail(TableReader t) {
        UidRange range = t.parsed(ConfigKey.JAIL_UID_RANGE, UidRange::parse, UidRange.STANDARD);
        JailConfig.Mode mode = t.choice(ConfigKey.JAIL_MODE, JailConfig.Mode.values(), JailConfig.Mode.ENFORCE);
        if (mode == JailConfig.Mode.LOG && !options.permitLogMode()) {
            t.complain(
                    ConfigKey.JAIL_MODE,
                    "\"log\" lets a process do what its policy forbids. Use \"enforce\", or accept it by adding"
                            + " --unsafe-jail-log to the command line.");
        }
        return new JailConfig(
                range,
                mode,
                t.integer(
                        ConfigKey.JAIL_MAX_DESCRIPTORS,
                        JailConfig.FEWEST_DESCRIPTORS,
                        JailConfig.MOST_DESCRIPTORS,
                        128),
                t.integer(ConfigKey.JAIL_MAX_THREADS, JailConfig.FEWEST_THREADS, JailConfig.MOST_THREADS, 128));
    }

    private IpcConfig ipc(TableReader t) {
        int spinUs = t.integer(ConfigKey.IPC_SPIN_US, 0, (int) (IpcConfig.LONGEST_SPIN.toNanos() / 1000), 50);
        int readMs = t.integer(ConfigKey.IPC_READ_TIMEOUT_MS, 1, (int) IpcConfig.LONGEST_READ_TIMEOUT.toMillis(), 1000);
        return new IpcConfig(Duration.ofNanos(spinUs * 1000L), Duration.ofMillis(readMs));
    }

    private MetricsConfig metrics(TableReader t) {
        try {
            if (t.value(ConfigKey.METRICS_LISTEN) instanceof String s && !MetricsConfig.isPath(s)) {
                return MetricsConfig.at(s);
            }
            Optional<Path> socket = t.path(ConfigKey.METRICS_LISTEN);
            paths.claim(t, ConfigKey.METRICS_LISTEN, socket, "the metrics");
            return socket.map(MetricsConfig::at).orElse(MetricsConfig.NONE);
        } catch (IllegalArgumentException e) {
            t.complain(ConfigKey.METRICS_LISTEN, String.valueOf(e.getMessage()));
            return MetricsConfig.NONE;
        }
    }

    private ControlConfig control(TableReader t) {
        if (t.value(ConfigKey.CONTROL_SOCKET) instanceof String s && s.equals(ControlConfig.NONE_WORD)) {
            return ControlConfig.NONE;
        }
        Optional<Path> socket = t.path(ConfigKey.CONTROL_SOCKET);
        paths.claim(t, ConfigKey.CONTROL_SOCKET, socket, "the control socket");
        try {
            return new ControlConfig(true, socket);
        } catch (IllegalArgumentException e) {
            t.complain(ConfigKey.CONTROL_SOCKET, String.valueOf(e.getMessage()));
            return ControlConfig.STANDARD;
        }
    }
}
