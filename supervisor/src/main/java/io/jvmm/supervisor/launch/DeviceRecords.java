package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Fd;
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
            record.put("port." + n + ".backend", word(backend));
            record.put(
                    "port." + n + ".escape",
                    config == null ? "none" : config.escape().word());
            fd(record, "backend." + n + ".in", port.in());
            fd(record, "backend." + n + ".out", port.out());
            fd(record, "backend." + n + ".listen", port.listen());
        }
    }

    /** The serial process knows a standard stream as a terminal that nobody types on. */
    private static String word(SerialConfig.Backend backend) {
        return switch (backend) {
            case STDOUT, STDERR -> SerialConfig.Backend.TERMINAL.word();
            case TERMINAL, PTY, FILE, SOCKET, NONE -> backend.word();
        };
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

    private static void fd(BootRecord.Builder record, String name, @Nullable Fd fd) {
        if (fd != null) {
            record.fd(name, fd);
        }
    }
}
