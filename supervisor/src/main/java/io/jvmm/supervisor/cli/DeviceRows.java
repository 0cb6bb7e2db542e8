package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.BalloonConfig;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.ConsoleConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.NetConfig;
import io.jvmm.supervisor.config.RngConfig;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VsockConfig;
import java.util.stream.Collectors;

/** Devices on the PCI bus in the words of {@code --check}. */
final class DeviceRows {
    private DeviceRows() {}

    /** What a device is. */
    static String describe(VirtioConfig device) {
        return switch (device) {
            case BlockConfig d ->
                d.path() + ", " + d.format().word()
                        + d.backing().stream().map(b -> ", on " + b).collect(Collectors.joining())
                        + (d.readOnly() ? ", read only" : "") + ", cache "
                        + d.cache().word() + queues(d.queues());
            case NetConfig n ->
                switch (n.backend()) {
                            case TAP -> n.tap().map(t -> "interface " + t).orElse("a new interface");
                            case PASST -> "passt";
                            case NONE -> "no cable";
                        }
                        + ", " + n.mac() + ", mtu " + n.mtu() + queues(n.pairs())
                        + n.forwards().stream().map(f -> ", " + f).collect(Collectors.joining())
                        + (n.hostLoopback() ? ", the gateway is the host's loopback" : "");
            case ConsoleConfig c ->
                c.ports().stream()
                        .map(p -> (p.name().isEmpty() ? "hvc0" : p.name()) + ": "
                                + p.backend().word()
                                + p.path().map(path -> " " + path).orElse(""))
                        .collect(Collectors.joining(", "));
            case RngConfig r ->
                r.rateBytes().isPresent() ? r.rateBytes().getAsInt() + " bytes a second at most" : "no limit";
            case BalloonConfig b ->
                "asks for " + MemorySize.human(b.targetBytes()) + (b.freePageReporting() ? ", takes free pages" : "");
            case VsockConfig v -> "cid " + v.cid() + " at " + v.path();
        };
    }

    /** What its process holds of the host. */
    static String holds(VirtioConfig device) {
        return switch (device) {
            case BlockConfig d ->
                d.path().getFileName()
                        + (d.readOnly() ? " (read only)" : "")
                        + d.backing().stream()
                                .map(b -> ", " + b.getFileName() + " (read only)")
                                .collect(Collectors.joining());
            case NetConfig n ->
                switch (n.backend()) {
                    case TAP -> n.tap().orElse("a tap");
                    case PASST -> "a socket to passt";
                    case NONE -> "";
                };
            case ConsoleConfig c ->
                c.ports().stream().map(p -> p.backend().word()).collect(Collectors.joining(", "));
            case RngConfig _, BalloonConfig _ -> "";
            case VsockConfig v -> "the socket " + v.path().getFileName();
        };
    }

    private static String queues(int count) {
        return count == 1 ? "" : ", " + count + " queues";
    }
}
