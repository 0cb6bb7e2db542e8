package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.WindowSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the supervisor's boot record tells the vCPU process, checked. The supervisor is trusted, so a mistake here is a bug
 * of ours; it is still reported by key and value, because that is how it is found.
 *
 * @param engine what runs the guest's code; empty: this process chooses
 * @param memoryBytes size of guest RAM
 * @param kernelName the kernel's file name, for messages
 * @param firmware whether a PC's firmware is started, and no kernel
 * @param spinNs how long a vCPU spins for a reply before it sleeps
 * @param readTimeoutNs after how long a register read is answered with all ones
 * @param replaceTimeoutNs how long an access waits for the successor of a device's process, at most
 */
record VcpuConfig(
        String vmName,
        Optional<EngineKind> engine,
        int vcpus,
        long memoryBytes,
        String commandLine,
        String kernelName,
        boolean firmware,
        List<Device> devices,
        long spinNs,
        long readTimeoutNs,
        long replaceTimeoutNs,
        Jail jail) {
    private static final int MAX_VCPUS = 255;
    private static final int MAX_WINDOWS = 32;
    private static final int MAX_GSI = 23;
    private static final String NON_POSTED = ":nonposted";
    /** Of all functions: what a process has descriptors for, and the state segment room. */
    private static final int MAX_VECTORS = 3000;

    private static final Pattern FUNCTION = Pattern.compile("slot:(\\d{1,2}):line:(\\d{1,4}):vectors:(\\d{1,4})");

    /** How strictly the narrow filter is applied. */
    enum Jail {
        ENFORCE,
        LOG,
        OFF
    }

    /**
     * A device process behind a link.
     *
     * @param name also the prefix of its descriptors in the boot record
     */
    record Device(String name, List<Window> windows, List<Interrupt> interrupts, List<Function> functions) {}

    /**
     * A PCI function of a device; its number is its place in the list.
     *
     * @param slot of bus 0
     * @param line the device's number of its first line: MSI-X vectors, then INTx
     */
    record Function(int slot, int line, int vectors) {
        /** The line that is INTx. */
        int intxLine() {
            return line + vectors;
        }
    }

    /**
     * Addresses that belong to a region of a device.
     *
     * @param region the device's own number for it
     * @param nonPosted the guest goes on behind a write only when the device has handled it
     */
    record Window(int region, WindowSpec place, boolean nonPosted) {}

    /**
     * An interrupt of a device.
     *
     * @param line the device's own number for it
     * @param level level-triggered: its descriptors include a resample eventfd
     */
    record Interrupt(int line, int gsi, boolean level) {}

    /** The slots of all functions of a device class, ascending: of the process of that name, and of those named after one instance. */
    List<Integer> slots(String deviceClass) {
        return devices.stream()
                .filter(d -> d.name().equals(deviceClass) || d.name().startsWith(deviceClass + "-"))
                .flatMap(d -> d.functions().stream())
                .map(Function::slot)
                .sorted()
                .toList();
    }

    /**
     * Reads and checks all entries.
     *
     * @throws IllegalArgumentException naming the entry that is missing or wrong
     */
    static VcpuConfig from(BootRecord record) {
        final List<Device> devices = new ArrayList<>();
        final Set<String> names = new HashSet<>();
        for (String name : record.findText("devices").orElse("").split(",", -1)) {
            if (!name.isBlank()) {
                require(names.add(name.strip()), "devices", name, "each name once");
                devices.add(device(record, name.strip()));
            }
        }
        final int vectors = devices.stream()
                .flatMap(d -> d.functions().stream())
                .mapToInt(Function::vectors)
                .sum();
        require(vectors <= MAX_VECTORS, "devices", vectors + " MSI-X vectors", "at most " + MAX_VECTORS);
        final int vcpus = record.integer("vcpus");
        require(vcpus >= 1 && vcpus <= MAX_VCPUS, "vcpus", "" + vcpus, "1.." + MAX_VCPUS);
        final long memoryBytes = record.longInteger("memory.bytes");
        require(memoryBytes > 0 && (memoryBytes & 0xfff) == 0, "memory.bytes", "" + memoryBytes, "whole pages");
        final String jail = record.findText("jail").orElse("enforce");
        return new VcpuConfig(
                record.findText("vm").orElse("vm"),
                engine(record.findText("engine").orElse("kvm")),
                vcpus,
                memoryBytes,
                record.findText("cmdline").orElse(""),
                record.findText("kernel.name").orElse("kernel"),
                record.findFd("firmware").isPresent(),
                List.copyOf(devices),
                optionalLong(record, "wait.spin-ns", 0),
                optionalLong(record, "read-timeout-ns", 1_000_000_000L),
                optionalLong(record, "replace-timeout-ns", 5_000_000_000L),
                switch (jail) {
                    case "enforce" -> Jail.ENFORCE;
                    case "log" -> Jail.LOG;
                    case "off" -> Jail.OFF;
                    default -> throw invalid("jail", jail, "enforce, log or off");
                });
    }

    private static Optional<EngineKind> engine(String word) {
        return switch (word) {
            case EngineChoice.AUTO -> Optional.empty();
            case "kvm" -> Optional.of(EngineKind.KVM);
            case "x86" -> Optional.of(EngineKind.X86);
            default -> throw invalid("engine", word, "kvm, x86 or auto");
        };
    }

    private static Device device(BootRecord record, String name) {
        final List<Window> windows = new ArrayList<>();
        final List<Interrupt> interrupts = new ArrayList<>();
        for (int i = 0; i < MAX_WINDOWS; i++) {
            final int number = i;
            final String windowKey = name + ".window." + i;
            record.findText(windowKey).ifPresent(text -> windows.add(window(windowKey, number, text)));
            final String interruptKey = name + ".irq." + i;
            record.findText(interruptKey).ifPresent(text -> interrupts.add(interrupt(interruptKey, number, text)));
        }
        return new Device(name, List.copyOf(windows), List.copyOf(interrupts), functions(record, name));
    }

    private static List<Function> functions(BootRecord record, String name) {
        final List<Function> functions = new ArrayList<>();
        while (true) {
            final String key = name + ".pci." + functions.size();
            final Optional<String> text = record.findText(key);
            if (text.isEmpty()) {
                return List.copyOf(functions);
            }
            functions.add(function(key, text.get()));
        }
    }

    /** {@code slot:3:line:0:vectors:2}, numbers decimal. */
    private static Function function(String key, String text) {
        final Matcher parts = FUNCTION.matcher(text);
        require(parts.matches(), key, text, "slot:S:line:L:vectors:V");
        final int slot = Integer.parseInt(parts.group(1));
        final int line = Integer.parseInt(parts.group(2));
        final int vectors = Integer.parseInt(parts.group(3));
        require(slot >= 1 && slot < PciMap.SLOTS, key, text, "a slot from 1 to " + (PciMap.SLOTS - 1));
        require(
                vectors >= 1 && vectors <= PciFunction.MAX_VECTORS,
                key,
                text,
                "1 to " + PciFunction.MAX_VECTORS + " vectors");
        return new Function(slot, line, vectors);
    }

    private static Window window(String key, int region, String text) {
        try {
            final boolean nonPosted = text.endsWith(NON_POSTED);
            final String place = nonPosted ? text.substring(0, text.length() - NON_POSTED.length()) : text;
            return new Window(region, WindowSpec.parse(place), nonPosted);
        } catch (IllegalArgumentException e) {
            throw invalid(
                    key, text, "pio:BASE:LENGTH or mmio:BASE:LENGTH, hexadecimal, perhaps with :nonposted behind it");
        }
    }

    /** {@code gsi:4:edge} or {@code gsi:9:level}, the number decimal. */
    private static Interrupt interrupt(String key, int line, String text) {
        final String[] parts = text.split(":", -1);
        require(
                parts.length == 3 && parts[0].equals("gsi") && (parts[2].equals("edge") || parts[2].equals("level")),
                key,
                text,
                "gsi:N:edge or gsi:N:level");
        final int gsi;
        try {
            gsi = Integer.parseInt(parts[1]);
        } catch (NumberFormatException e) {
            throw invalid(key, text, "gsi:N:edge or gsi:N:level");
        }
        require(gsi >= 0 && gsi <= MAX_GSI, key, text, "a GSI from 0 to " + MAX_GSI);
        return new Interrupt(line, gsi, parts[2].equals("level"));
    }

    private static long optionalLong(BootRecord record, String key, long otherwise) {
        if (record.findText(key).isEmpty()) {
            return otherwise;
        }
        final long value = record.longInteger(key);
        require(value >= 0, key, "" + value, "nanoseconds");
        return value;
    }

    private static void require(boolean condition, String key, String value, String expected) {
        if (!condition) {
            throw invalid(key, value, expected);
        }
    }

    private static IllegalArgumentException invalid(String key, String value, String expected) {
        return new IllegalArgumentException("boot record: " + key + " = " + value + ": expected " + expected);
    }
}
