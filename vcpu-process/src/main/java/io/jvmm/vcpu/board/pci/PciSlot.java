package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.engine.MessageInterrupt;
import java.util.List;

/**
 * A slot of bus 0 and what the supervisor has plugged into it: a function of a device process, and its interrupt lines.
 *
 * @param number 1..31; 0 is the host bridge
 * @param function the device's own number for the function
 * @param vectors one for each MSI-X vector the function may have
 * @param intx signalled by the device when its INTx begins to be asserted
 * @param intxResample signalled by the board when the guest has ended the interrupt: the device asserts again if it still does
 */
public record PciSlot(
        int number, BoardDevice device, int function, List<Vector> vectors, EventFd intx, EventFd intxResample) {
    /**
     * A line that is an MSI-X vector.
     *
     * @param line the device's eventfd
     * @param message what the engine makes of its signals
     */
    public record Vector(EventFd line, MessageInterrupt message) {}

    public PciSlot {
        vectors = List.copyOf(vectors);
        if (number < 1 || number >= PciMap.SLOTS) {
            throw new IllegalArgumentException(
                    "PCI slot " + number + " of bus 0; 1 to " + (PciMap.SLOTS - 1) + " are free");
        }
        if (function < 0 || function > 255) {
            throw new IllegalArgumentException("function " + function + " of a device");
        }
    }

    /** For messages. */
    String name() {
        return device.name() + " function " + function + " (slot " + number + ")";
    }
}
