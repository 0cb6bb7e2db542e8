package io.jvmm.device.api;

import java.lang.foreign.MemoryLayout;
import java.util.List;

/**
 * The constant facts of a device, declared once.
 *
 * @param name process name: {@code serial}
 * @param deviceId number in the header of the state segment; a segment of another device is refused
 * @param stateVersion version of {@code stateLayout}; a new field means a new version
 * @param stateLayout the state segment, field by field, with the data sheet's names
 * @param regions the register windows, indexed by region number
 * @param interrupts the interrupt lines, indexed by line number
 * @param hostPorts how many character streams to the host the core has
 */
public record DeviceIdentity(
        String name,
        int deviceId,
        int stateVersion,
        MemoryLayout stateLayout,
        List<Region> regions,
        List<Interrupt> interrupts,
        int hostPorts) {

    public DeviceIdentity {
        regions = List.copyOf(regions);
        interrupts = List.copyOf(interrupts);
        if (!name.matches("[a-z][a-z0-9-]*")) {
            throw new IllegalArgumentException("device name '" + name + "' is not lower-case letters, digits and -");
        }
        if (stateLayout.byteSize() <= 0 || stateLayout.byteSize() > 1 << 20) {
            throw new IllegalArgumentException("state of " + stateLayout.byteSize() + " bytes; allowed are 1..1048576");
        }
        if (hostPorts < 0 || hostPorts > 16) {
            throw new IllegalArgumentException("host ports: " + hostPorts + "; allowed are 0..16");
        }
    }

    /** Length of the state in bytes. */
    public int stateLengthBytes() {
        return Math.toIntExact(stateLayout.byteSize());
    }

    /**
     * A register window.
     *
     * @param name for people: {@code COM1}
     * @param usualPort where a PC has it, for the scripted peer, or -1 when the region is not in PIO space; the device
     *     itself never learns where the board put it
     * @param lengthBytes how long the window is
     */
    public record Region(String name, int usualPort, int lengthBytes) {
        public Region {
            if (lengthBytes <= 0 || usualPort < -1 || usualPort + lengthBytes > 0x1_0000) {
                throw new IllegalArgumentException("region " + name + ": port " + usualPort + " length " + lengthBytes);
            }
        }
    }

    /**
     * An interrupt line.
     *
     * @param name for people: {@code COM1}
     * @param usualGsi where a PC has it
     * @param level level-triggered (asserted until the guest ends it), else edge
     */
    public record Interrupt(String name, int usualGsi, boolean level) {}
}
