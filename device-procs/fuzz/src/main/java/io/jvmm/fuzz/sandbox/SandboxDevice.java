package io.jvmm.fuzz.sandbox;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.balloon.BalloonDevice;
import io.jvmm.device.block.BlockFactory;
import io.jvmm.device.console.ConsoleDevice;
import io.jvmm.device.net.NetDevice;
import io.jvmm.device.platform.PlatformDevice;
import io.jvmm.device.rng.RngDevice;
import io.jvmm.device.serial.SerialDevice;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.device.vsock.VsockFactory;
import io.jvmm.fuzz.program.Operation;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A device for the sandbox: what its process is told, and its host. The entries are those of the device target where both have the same host, so that what is found here can
 * be shown there.
 *
 * @param name of the process
 * @param factory asked for facts only; the device runs elsewhere
 * @param entries of the boot record
 * @param vocabulary of its operations
 * @param host its host's side
 */
record SandboxDevice(
        String name,
        DeviceFactory factory,
        Map<String, String> entries,
        List<Operation> vocabulary,
        SandboxHost.Maker host) {

    SandboxDevice {
        entries = Map.copyOf(entries);
        vocabulary = List.copyOf(vocabulary);
    }

    /**
     * By its name.
     *
     * @throws IllegalArgumentException when it is no device
     */
    static SandboxDevice named(String name) {
        return switch (name) {
            case "serial" -> serial();
            case "platform" -> platform();
            case "rng" -> virtio(new RngDevice(), Map.of("rate-bytes", "100000"), null);
            case "balloon" ->
                virtio(new BalloonDevice(), Map.of("stats-interval-s", "1", "target-bytes", "65536"), null);
            case "console" -> console();
            case "block" ->
                virtio(
                        new BlockFactory(),
                        Map.of(
                                "path", "scratch",
                                "format", "qcow2",
                                "backing.0.format", "qcow2",
                                "queues", "2",
                                "serial", "jvmm-fuzz",
                                "io-threads", "1"),
                        null);
            case "net" ->
                virtio(
                        new NetDevice(),
                        Map.of("backend", "tap", "pairs", "2", "mtu", "1500"),
                        () -> new SandboxHost.Taps(2));
            case "vsock" ->
                virtio(
                        new VsockFactory(),
                        Map.of("cid", "3", "connections", "8", "buffer-bytes", "4096"),
                        () -> new SandboxHost.Broker(8, 4096));
            default -> throw new IllegalArgumentException("--sandbox is for devices; '" + name + "' is none");
        };
    }

    private static SandboxDevice serial() {
        Map<String, String> entries =
                new TreeMap<>(Map.of("ports", "4", "port.3.pace", "baud", "port.2.rts", "ignore"));
        entries.put("port.0.backend", "terminal");
        entries.put("port.1.backend", "pty");
        entries.put("port.2.backend", "file");
        entries.put("port.3.backend", "terminal");
        entries.put("port.3.escape", "none");
        return new SandboxDevice(
                "serial",
                new SerialDevice(),
                entries,
                Operation.OF_REGISTERS,
                () -> new SandboxHost.Streams("backend.", 4));
    }

    private static SandboxDevice platform() {
        return new SandboxDevice(
                "platform",
                new PlatformDevice(),
                Map.of("rtc.base", "951782398", "debugcon", "true", "vcpus", "2", "firmware", "true"),
                Operation.OF_PLATFORM,
                () -> new SandboxHost.Streams("backend.", 1));
    }

    private static SandboxDevice console() {
        Map<String, String> entries = new TreeMap<>(Map.of("ports", "2", "1.name", "org.jvmm.example"));
        entries.putAll(Map.of("cols", "80", "rows", "25", "0.backend", "terminal", "1.backend", "pty"));
        return virtio(new ConsoleDevice(), entries, () -> new SandboxHost.Streams("0.", 2));
    }

    private static SandboxDevice virtio(
            VirtioFactory factory, Map<String, String> entries, SandboxHost.@Nullable Maker host) {
        VirtioProcess process = new VirtioProcess(factory);
        Map<String, String> all = new TreeMap<>(Map.of("functions", "1", "0.packed", "true"));
        if (!(factory instanceof BalloonDevice)) {
            all.put("0.queue-size", "16");
        }
        entries.forEach((key, value) -> all.put("0." + key, value));
        return new SandboxDevice(
                process.name(),
                process,
                all,
                Operation.OF_VIRTIO,
                host == null ? () -> new SandboxHost.Still(process) : host);
    }

    DeviceConfig config() {
        return key -> key.equals("memory.bytes")
                ? Optional.of(Long.toString(SandboxMachine.MEMORY_BYTES))
                : Optional.ofNullable(entries.get(key));
    }

    DeviceIdentity identity() {
        return factory.identity(config());
    }

    /** Whether it takes pages away that the guest names, those with its rings on them too: then what lies there proves nothing. */
    boolean takesMemory() {
        return name.equals("balloon");
    }
}
