package io.jvmm.device.api;

import io.jvmm.ipc.message.PciFunction;
import java.util.List;

/**
 * A PCI function as the device declares it to the board, before READY. A successor of a killed process declares the same
 * again.
 *
 * @param capabilities each 4 to 32 bytes, a multiple of 4: id, a next pointer that is ignored, and what follows
 */
public record PciDeclaration(PciFunction function, List<byte[]> capabilities) {
    public PciDeclaration {
        capabilities = List.copyOf(capabilities);
    }
}
