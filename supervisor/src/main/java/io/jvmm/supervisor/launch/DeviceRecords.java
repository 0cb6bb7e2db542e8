package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.supervisor.backend.StreamBroker;
import io.jvmm.supervisor.backend.Streams;
import io.jvmm.supervisor.backend.Wiring;
import io.jvmm.supervisor.config.RtcBase;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VmConfig;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The part of a boot record that is a device's own. Ports and regions are counted from 0 here, as on the wire. */
final class DeviceRecords {
    private DeviceRecords() {}

    static void serial(List<Backends.Port> ports, BootRecord.Builder record) {
        // A machine without serial ports still has the device, with one port that is wired to nothing and has no
        // window.
        record.put("ports", Math.max(1, ports.size()));
        for (int n = 0; n < ports.size(); n++) {
            Backends.Port port = ports.get(n);
            SerialConfig config = port.config();
            SerialConfig.Backend backend = config == null ? SerialConfig.Backend.NONE : config.backend();
            record.put("port." + n + ".backend", Streams.word(backend));
            record.put(
                    "port." + n + ".escape",
                    config == null ? "none" : config.escape().word());
            fd(record, "backend." + n + ".in", port.stream().in());
            fd(record, "backend." + n + ".out", port.stream().out());
            StreamBroker socket = port.stream().socket();
            if (socket != null) {
                record.fd("backend." + n + ".connect", socket.connect());
                record.fd("backend." + n + ".stream", socket.stream());
            }
        }
    }

    static void platform(VmConfig config, Backends backends, BootRecord.Builder record) {
        RtcBase rtc = config.platform().rtc();
        record.put("rtc.base", rtc.word());
        // A jailed process has no time zone data.
        record.put(
                "rtc.offset-seconds",
                rtc instanceof RtcBase.LocalTime
                        ? ZoneId.systemDefault()
                                .getRules()
                                .getOffset(Instant.now())
                                .getTotalSeconds()
                        : 0);
        record.put("debugcon", Boolean.toString(backends.debugConsole().isPresent()));
        record.put("memory.bytes", config.machine().memory().bytes());
        record.put("vcpus", config.machine().vcpus());
        backends.debugConsole().ifPresent(fd -> record.fd("backend.0.out", fd));
    }

    /**
     * Entries and descriptors of function F begin {@code F.}.
     *
     * @param host with the descriptors
     */
    static void virtio(List<Wiring> functions, boolean host, BootRecord.Builder record) {
        record.put("functions", functions.size());
        for (int f = 0; f < functions.size(); f++) {
            String prefix = f + ".";
            functions.get(f).entries().forEach((key, value) -> record.put(prefix + key, value));
            if (host) {
                functions.get(f).fds().forEach((name, fd) -> record.fd(prefix + name, fd));
            }
        }
    }

    private static void fd(BootRecord.Builder record, String name, @Nullable Fd fd) {
        if (fd != null) {
            record.fd(name, fd);
        }
    }
}
