package io.jvmm.device.console;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.util.Map;

/** How the console's own part of the state is shown, in the words of virtio 1.2 §5.3. */
final class ConsoleFormats {
    private ConsoleFormats() {}

    static StateFormats state() {
        return StateFormats.NONE
                .and(
                        FieldFormat.DECIMAL,
                        "cols",
                        "rows",
                        "emergencyHead",
                        "emergencyCount",
                        "emergencyLost",
                        "port.txPosition",
                        "port.inPosition",
                        "port.outPosition")
                .and(FieldFormat.YES_NO, "driverReady", "port.guestOpen", "port.hostOpen", "port.ready")
                .and(
                        FieldFormat.flags("DEVICE_ADD", "CONSOLE_PORT", "PORT_NAME", "RESIZE", "PORT_OPEN"),
                        "port.toTell");
    }

    /** §5.3.3. */
    static Map<Integer, String> features() {
        return Map.of(0, "SIZE", 1, "MULTIPORT", 2, "EMERG_WRITE");
    }
}
