package io.jvmm.supervisor.config;

import io.jvmm.supervisor.config.VirtioConfig.Isolation;
import io.jvmm.supervisor.config.VirtioConfig.Placement;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/** Reads the tables of {@code vm.toml} that describe devices on the PCI bus. One file, one thread. */
final class VirtioTables {
    private final String machine;
    private final JournalTable journal;
    private final Readers readers;
    private final PathClaims paths;
    private final List<VirtioConfig> devices = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final Map<Integer, String> slots = new HashMap<>();

    /** Makes the reader of one table. */
    interface Readers {
        TableReader reader(
                ConfigKey.Section section, String prefix, @Nullable TomlTable table, @Nullable TomlPosition header);
    }

    VirtioTables(String machine, JournalTable journal, Readers readers, PathClaims paths) {
        this.machine = machine;
        this.journal = journal;
        this.readers = readers;
        this.paths = paths;
    }

    /** The devices that are in order; what is wrong with others has been told to their readers. */
    List<VirtioConfig> read(TomlTable toml) {
        console(toml);
        rng(toml);
        balloon(toml);
        int number = 0;
        for (TableReader t : all(toml, ConfigKey.Section.VSOCK, "vsock")) {
            vsock(t, number++);
        }
        number = 0;
        for (TableReader t : all(toml, ConfigKey.Section.BLOCK, "block")) {
            block(t, number++);
        }
        number = 0;
        for (TableReader t : all(toml, ConfigKey.Section.NET, "net")) {
            net(t, number++);
        }
        return devices;
    }

    private List<TableReader> all(TomlTable toml, ConfigKey.Section section, String prefix) {
        List<TableReader> all = new ArrayList<>();
        String key = prefix.substring(prefix.lastIndexOf('.') + 1);
        if (toml.get(List.of(key)) instanceof TomlArray array) {
            for (int i = 0; i < array.size(); i++) {
                if (array.get(i) instanceof TomlTable table) {
                    all.add(readers.reader(section, prefix + "[" + (i + 1) + "]", table, array.inputPositionOf(i)));
                }
            }
        }
        return all;
    }

    private TableReader one(TomlTable toml, ConfigKey.Section section) {
        List<String> name = List.of(section.table());
        return readers.reader(
                section, section.table(), toml.get(name) instanceof TomlTable t ? t : null, toml.inputPositionOf(name));
    }

    private void block(TableReader t, int number) {
        t.require(ConfigKey.BLOCK_PATH, "\"disk.qcow2\"");
        var path = t.path(ConfigKey.BLOCK_PATH);
        BlockConfig.Format format = t.choice(
                ConfigKey.BLOCK_FORMAT,
                BlockConfig.Format.values(),
                path.map(BlockConfig.Format::ofName).orElse(BlockConfig.Format.RAW));
        List<Path> backing = t.paths(ConfigKey.BLOCK_BACKING);
        boolean readOnly = t.bool(ConfigKey.BLOCK_READ_ONLY, false);
        BlockConfig.Cache cache =
                t.choice(ConfigKey.BLOCK_CACHE, BlockConfig.Cache.values(), BlockConfig.Cache.WRITEBACK);
        int queues = t.integer(ConfigKey.BLOCK_QUEUES, 1, BlockConfig.MOST_QUEUES, 1);
        int queueSize = t.checked(ConfigKey.BLOCK_QUEUE_SIZE, VirtioConfig::checkQueueSize, 256);
        String serial = t.parsed(ConfigKey.BLOCK_SERIAL, BlockConfig::checkSerial, "");
        boolean discard = t.bool(ConfigKey.BLOCK_DISCARD, true);
        boolean packed = t.bool(ConfigKey.BLOCK_PACKED, false);
        int blockSize = t.checked(ConfigKey.BLOCK_BLOCK_SIZE, BlockConfig::checkBlockSize, 512);
        Placement placement = placement(
                t,
                "block",
                number,
                Optional.of(ConfigKey.BLOCK_ID),
                Optional.of(ConfigKey.BLOCK_ISOLATION),
                ConfigKey.BLOCK_SLOT,
                ConfigKey.BLOCK_JOURNAL);
        try {
            BlockConfig.checkBacking(format, backing);
        } catch (IllegalArgumentException e) {
            t.complain(ConfigKey.BLOCK_BACKING, String.valueOf(e.getMessage()));
        }
        if (path.isPresent() && !t.isWrong(ConfigKey.BLOCK_BACKING)) {
            devices.add(new BlockConfig(
                    placement,
                    path.get(),
                    format,
                    backing,
                    readOnly,
                    cache,
                    queues,
                    queueSize,
                    serial,
                    discard,
                    packed,
                    blockSize));
        }
    }

    private void net(TableReader t, int number) {
        t.require(ConfigKey.NET_BACKEND, "\"passt\"");
        NetConfig.Backend backend = t.choice(ConfigKey.NET_BACKEND, NetConfig.Backend.values(), NetConfig.Backend.NONE);
        Optional<String> tap = t.text(ConfigKey.NET_TAP).isPresent()
                ? Optional.of(t.parsed(ConfigKey.NET_TAP, NetConfig::checkTap, "tap0"))
                : Optional.empty();
        List<NetConfig.Forward> forwards = t.list(ConfigKey.NET_FORWARD, NetConfig.Forward::parse);
        boolean hostLoopback = t.bool(ConfigKey.NET_HOST_LOOPBACK, false);
        int mtu = t.integer(ConfigKey.NET_MTU, NetConfig.SMALLEST_MTU, NetConfig.LARGEST_MTU, NetConfig.STANDARD_MTU);
        int pairs = t.integer(ConfigKey.NET_QUEUES, 1, NetConfig.MOST_PAIRS, 1);
        int queueSize =
                t.checked(ConfigKey.NET_QUEUE_SIZE, VirtioConfig::checkQueueSize, NetConfig.STANDARD_QUEUE_SIZE);
        boolean packed = t.bool(ConfigKey.NET_PACKED, false);
        boolean offloads = t.bool(ConfigKey.NET_OFFLOADS, true);
        Placement placement = placement(
                t,
                "net",
                number,
                Optional.of(ConfigKey.NET_ID),
                Optional.of(ConfigKey.NET_ISOLATION),
                ConfigKey.NET_SLOT,
                ConfigKey.NET_JOURNAL);
        String mac = t.parsed(ConfigKey.NET_MAC, NetConfig::checkMac, NetConfig.standardMac(machine, placement.id()));
        if (!t.isGood(ConfigKey.NET_BACKEND) || t.isWrong(ConfigKey.NET_TAP)) {
            return;
        }
        if (tap.isPresent() && backend != NetConfig.Backend.TAP) {
            t.complain(ConfigKey.NET_TAP, "only backend \"tap\" has an interface. Remove tap.");
        } else if (!forwards.isEmpty() && backend != NetConfig.Backend.PASST) {
            t.complain(ConfigKey.NET_FORWARD, "only backend \"passt\" forwards ports. Remove forward.");
        } else if (NetConfig.Forward.repeated(forwards).isPresent()) {
            t.complain(
                    ConfigKey.NET_FORWARD,
                    NetConfig.Forward.repeated(forwards).get()
                            + " takes a port of the host that another one has taken. Give it another, or remove it.");
        } else if (t.isPresent(ConfigKey.NET_HOST_LOOPBACK) && backend != NetConfig.Backend.PASST) {
            t.complain(ConfigKey.NET_HOST_LOOPBACK, NetConfig.NO_LOOPBACK);
        } else if (pairs != 1 && backend == NetConfig.Backend.PASST) {
            t.complain(ConfigKey.NET_QUEUES, "passt has one pair of queues. Remove queues, or use a tap.");
        } else {
            devices.add(new NetConfig(
                    placement, backend, tap, mac, mtu, pairs, queueSize, packed, offloads, forwards, hostLoopback));
        }
    }

    private void console(TomlTable toml) {
        if (!(toml.get(List.of("console")) instanceof TomlTable table)) {
            return;
        }
        TableReader t = one(toml, ConfigKey.Section.CONSOLE);
        List<ConsoleConfig.Port> ports = new ArrayList<>();
        port(t, "", ConfigKey.CONSOLE_BACKEND, ConfigKey.CONSOLE_PATH, "\"pty\"")
                .ifPresent(ports::add);
        Set<String> portNames = new HashSet<>();
        boolean terminal = !ports.isEmpty() && ports.getFirst().backend() == SerialConfig.Backend.TERMINAL;
        for (TableReader p : all(table, ConfigKey.Section.CONSOLE_PORT, "console.port")) {
            p.require(ConfigKey.CONSOLE_PORT_NAME, "\"org.example.agent\"");
            String name = p.parsed(ConfigKey.CONSOLE_PORT_NAME, ConsoleConfig::checkName, "");
            if (!portNames.add(name) && p.isGood(ConfigKey.CONSOLE_PORT_NAME)) {
                p.complain(ConfigKey.CONSOLE_PORT_NAME, "another port has this name. Choose another.");
            }
            var port = port(p, name, ConfigKey.CONSOLE_PORT_BACKEND, ConfigKey.CONSOLE_PORT_PATH, "\"socket\"");
            if (port.isPresent() && port.get().backend() == SerialConfig.Backend.TERMINAL && terminal) {
                p.complain(ConfigKey.CONSOLE_PORT_BACKEND, "the terminal is taken. Use e.g. backend = \"pty\".");
            }
            terminal |= port.isPresent() && port.get().backend() == SerialConfig.Backend.TERMINAL;
            port.ifPresent(ports::add);
            if (ports.size() > ConsoleConfig.MOST_PORTS) {
                p.complain(
                        ConfigKey.CONSOLE_PORT_NAME,
                        "the console has " + ConsoleConfig.MOST_PORTS + " ports with its own at most. Remove one.");
                return;
            }
        }
        Placement placement = placement(
                t, "console", 0, Optional.empty(), Optional.empty(), ConfigKey.CONSOLE_SLOT, ConfigKey.CONSOLE_JOURNAL);
        if (!ports.isEmpty()) {
            devices.add(new ConsoleConfig(placement, ports));
        }
    }

    private Optional<ConsoleConfig.Port> port(
            TableReader t, String name, ConfigKey backendKey, ConfigKey pathKey, String example) {
        t.require(backendKey, example);
        SerialConfig.Backend backend = t.choice(backendKey, SerialConfig.Backend.values(), SerialConfig.Backend.NONE);
        var path = t.path(pathKey);
        if (!t.isGood(backendKey) || t.isWrong(pathKey)) {
            return Optional.empty();
        }
        if (!paths.claim(t, pathKey, path, name.isEmpty() ? "hvc0" : "the console's port " + Quoted.of(name))) {
            return Optional.empty();
        }
        try {
            return Optional.of(new ConsoleConfig.Port(name, backend, path));
        } catch (IllegalArgumentException e) {
            t.complain(pathKey, String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    private void rng(TomlTable toml) {
        TableReader t = one(toml, ConfigKey.Section.RNG);
        int rate = t.integer(ConfigKey.RNG_RATE_BYTES, RngConfig.LEAST_RATE, RngConfig.MOST_RATE, RngConfig.MOST_RATE);
        boolean enabled = t.bool(ConfigKey.RNG_ENABLED, RngConfig.ENABLED);
        if (!enabled) {
            return;
        }
        Placement placement =
                placement(t, "rng", 0, Optional.empty(), Optional.empty(), ConfigKey.RNG_SLOT, ConfigKey.RNG_JOURNAL);
        devices.add(new RngConfig(
                placement, t.isGood(ConfigKey.RNG_RATE_BYTES) ? OptionalInt.of(rate) : OptionalInt.empty()));
    }

    private void balloon(TomlTable toml) {
        if (!(toml.get(List.of("balloon")) instanceof TomlTable)) {
            return;
        }
        TableReader t = one(toml, ConfigKey.Section.BALLOON);
        long target = t.parsed(
                ConfigKey.BALLOON_TARGET,
                text -> "0".equals(text) ? 0L : MemorySize.parse(text).bytes(),
                0L);
        boolean reporting = t.bool(ConfigKey.BALLOON_FREE_PAGE_REPORTING, true);
        boolean deflate = t.bool(ConfigKey.BALLOON_DEFLATE_ON_OOM, true);
        int stats = t.integer(ConfigKey.BALLOON_STATS_INTERVAL_S, 0, BalloonConfig.LONGEST_STATS_INTERVAL_S, 0);
        devices.add(new BalloonConfig(
                placement(
                        t,
                        "balloon",
                        0,
                        Optional.empty(),
                        Optional.empty(),
                        ConfigKey.BALLOON_SLOT,
                        ConfigKey.BALLOON_JOURNAL),
                target,
                reporting,
                deflate,
                stats));
    }

    private void vsock(TableReader t, int number) {
        t.require(ConfigKey.VSOCK_CID, "3");
        t.require(ConfigKey.VSOCK_PATH, "\"vm.vsock\"");
        long cid =
                t.longInteger(ConfigKey.VSOCK_CID, VsockConfig.FIRST_CID, VsockConfig.LAST_CID, VsockConfig.FIRST_CID);
        var path = t.path(ConfigKey.VSOCK_PATH);
        Placement placement = placement(
                t,
                "vsock",
                number,
                Optional.of(ConfigKey.VSOCK_ID),
                Optional.of(ConfigKey.VSOCK_ISOLATION),
                ConfigKey.VSOCK_SLOT,
                ConfigKey.VSOCK_JOURNAL);
        if (path.isEmpty()
                || !t.isGood(ConfigKey.VSOCK_CID)
                || !paths.claim(t, ConfigKey.VSOCK_PATH, path, "the vsock")) {
            return;
        }
        if (number > 0) {
            t.complain(ConfigKey.VSOCK_CID, "a guest has one address, and vsock[1] gives it one. Remove this table.");
            return;
        }
        try {
            devices.add(new VsockConfig(placement, cid, path.get()));
        } catch (IllegalArgumentException e) {
            t.complain(ConfigKey.VSOCK_PATH, String.valueOf(e.getMessage()));
        }
    }

    private Placement placement(
            TableReader t,
            String deviceClass,
            int number,
            Optional<ConfigKey> idKey,
            Optional<ConfigKey> isolationKey,
            ConfigKey slotKey,
            ConfigKey journalKey) {
        String id = idKey.map(k -> t.parsed(k, Placement::checkId, Integer.toString(number)))
                .orElse("0");
        if (!names.add(deviceClass + " " + id)) {
            idKey.ifPresent(k -> t.complain(k, "another " + deviceClass + " device has this id. Choose another."));
        }
        Isolation isolation = isolationKey
                .map(k -> t.choice(k, Isolation.values(), Isolation.CLASS))
                .orElse(Isolation.CLASS);
        OptionalInt slot = OptionalInt.empty();
        if (t.isPresent(slotKey)) {
            int wanted = t.integer(slotKey, 1, Placement.LAST_SLOT, 1);
            if (t.isGood(slotKey)) {
                String taken = slots.putIfAbsent(wanted, deviceClass + " \"" + id + "\"");
                if (taken != null) {
                    t.complain(slotKey, "slot " + wanted + " is taken by " + taken + ". Choose another.");
                } else {
                    slot = OptionalInt.of(wanted);
                }
            }
        }
        journal.device(t, journalKey, isolation == Isolation.INSTANCE ? deviceClass + "-" + id : deviceClass);
        return new Placement(id, isolation, slot);
    }
}
