package io.jvmm.device.serial;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.HostStreams.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * The serial device's configuration, validated.
 *
 * <table>
 * <caption>Entries of the configuration record</caption>
 * <tr><td>{@code ports}</td><td>1..4</td></tr>
 * <tr><td>{@code port.N.backend}</td><td>{@code none|terminal|pty|file|socket}</td></tr>
 * <tr><td>{@code port.N.escape}</td><td>{@code ctrl-a} (default for a terminal) or {@code none}</td></tr>
 * <tr><td>{@code port.N.rts}</td><td>{@code honour} (default): host input waits while the guest holds RTS low;
 *     {@code ignore}: a three-wire line</td></tr>
 * <tr><td>{@code port.N.pace}</td><td>{@code none} (default) or {@code baud}: output at the programmed rate</td></tr>
 * </table>
 *
 * @param ports one to four; index 0 is COM1
 */
record SerialConfig(List<Port> ports) {

    SerialConfig {
        ports = List.copyOf(ports);
        if (ports.isEmpty() || ports.size() > SerialStateLayout.MAX_PORTS) {
            throw new IllegalArgumentException("ports: " + ports.size() + "; a PC has 1 to 4");
        }
    }

    /**
     * One port.
     *
     * @param backend what is at the other end of the line
     * @param escape whether Ctrl-A commands are taken out of the input
     * @param rtsFlowControl whether host input waits for RTS
     * @param paced whether output takes the time its baud rate says
     */
    record Port(Kind backend, boolean escape, boolean rtsFlowControl, boolean paced) {}

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming the key, its value and what is allowed
     */
    static SerialConfig from(DeviceConfig entries) {
        int count = entries.integer("ports", 1);
        if (count < 1 || count > SerialStateLayout.MAX_PORTS) {
            throw new IllegalArgumentException("ports: " + count + "; a PC has 1 to 4");
        }
        List<Port> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = "port." + i + ".";
            Kind backend = Kind.of(key + "backend", entries.text(key + "backend", "none"));
            boolean escape = backend.escape(entries, key + "escape");
            boolean rts = either(entries, key + "rts", "honour", "honour", "ignore");
            boolean paced = either(entries, key + "pace", "none", "baud", "none");
            ports.add(new Port(backend, escape, rts, paced));
        }
        return new SerialConfig(ports);
    }

    private static boolean either(DeviceConfig entries, String key, String byDefault, String yes, String no) {
        String value = entries.text(key, byDefault);
        if (value.equals(yes)) {
            return true;
        }
        if (value.equals(no)) {
            return false;
        }
        throw new IllegalArgumentException(key + ": '" + value + "'; allowed are " + yes + ", " + no);
    }
}
