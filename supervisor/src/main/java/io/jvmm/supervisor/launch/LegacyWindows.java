package io.jvmm.supervisor.launch;

import java.util.List;

/**
 * Where a PC has its platform devices. The supervisor tells the board; a device itself sees region numbers and offsets, and
 * its own interrupt numbers, and never learns these.
 */
final class LegacyWindows {
    private LegacyWindows() {}

    /**
     * An interrupt.
     *
     * @param gsi global system interrupt, that is IOAPIC pin
     * @param level level-triggered, with a resample descriptor; else edge
     */
    record Interrupt(int gsi, boolean level) {
        String text() {
            return "gsi:" + gsi + ":" + (level ? "level" : "edge");
        }
    }

    /** COM1 to COM4, as many as there are ports. */
    static List<String> serialWindows(int ports) {
        return List.of("pio:3f8:8", "pio:2f8:8", "pio:3e8:8", "pio:2e8:8").subList(0, ports);
    }

    /** COM1 and COM3 share a line, and so do COM2 and COM4. */
    static List<Interrupt> serialInterrupts(int ports) {
        return List.of(
                        new Interrupt(4, false),
                        new Interrupt(3, false),
                        new Interrupt(4, false),
                        new Interrupt(3, false))
                .subList(0, ports);
    }

    /** The platform's region of the firmware configuration device; mapped where there is firmware. */
    static final int FIRMWARE_REGION = 7;

    static final String FIRMWARE_WINDOW = "pio:510:c:nonposted";

    /** Clock, keyboard controller (data, command), ACPI power management, reset control, debug console (two ports). */
    static List<String> platformWindows(boolean debugConsole) {
        List<String> all =
                List.of("pio:70:2", "pio:60:1", "pio:64:1", "pio:600:40", "pio:cf9:1", "pio:402:1", "pio:e9:1");
        return debugConsole ? all : all.subList(0, 5);
    }

    /** Clock, keyboard, mouse, ACPI (the SCI, which is level-triggered). */
    static List<Interrupt> platformInterrupts() {
        return List.of(
                new Interrupt(8, false), new Interrupt(1, false), new Interrupt(12, false), new Interrupt(9, true));
    }

    static List<String> windows(ProcessInstance device, int ports, boolean debugConsole) {
        return switch (device.kind()) {
            case SERIAL -> serialWindows(ports);
            case PLATFORM -> platformWindows(debugConsole);
            default -> List.of();
        };
    }

    static List<Interrupt> interrupts(ProcessInstance device, int ports) {
        return switch (device.kind()) {
            case SERIAL -> serialInterrupts(ports);
            case PLATFORM -> platformInterrupts();
            default -> List.of();
        };
    }
}
