package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.BoardDevice;
import java.util.List;

/**
 * What all device processes say of the functions that the supervisor has plugged. Open until the bus is put together; from then on a device may
 * only say again what has been said, as the successor of one that has died does, and that changes nothing. Board thread; devices are hostile.
 */
final class Declarations {
    private static final String NO_SLOT = "declares a PCI function that it has no slot for";

    private final List<PciSlot> plugged;
    private final Declaration[] all;
    private boolean closed;

    /** @param plugged sorted by slot */
    Declarations(List<PciSlot> plugged) {
        this.plugged = plugged;
        this.all = new Declaration[plugged.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = new Declaration(plugged.get(i));
        }
    }

    /** That of the slot at this place of the list. */
    Declaration at(int i) {
        return all[i];
    }

    /** From now on nothing new is taken. */
    void close() {
        closed = true;
    }

    /** What is wrong with its being said, for people; empty when nothing is, or when it is {@link Declaration#problem} that tells. */
    String declare(BoardDevice device, PciFunction function) {
        final int i = find(device, function.function());
        if (i < 0) {
            return NO_SLOT;
        }
        if (!closed) {
            all[i].declare(function);
            return "";
        }
        return all[i].repeat(function) ? "" : differs(i, "itself");
    }

    /** The same for a capability. */
    String declare(BoardDevice device, int function, byte[] capability) {
        final int i = find(device, function);
        if (i < 0) {
            return NO_SLOT;
        }
        if (!closed) {
            all[i].declare(capability);
            return "";
        }
        return all[i].repeat(capability) ? "" : differs(i, "a capability");
    }

    private String differs(int i, String what) {
        return plugged.get(i).name() + ": declares " + what + " differently from before the guest started";
    }

    private int find(BoardDevice device, int function) {
        for (int i = 0; i < all.length; i++) {
            if (plugged.get(i).device() == device && plugged.get(i).function() == function) {
                return i;
            }
        }
        return -1;
    }
}
