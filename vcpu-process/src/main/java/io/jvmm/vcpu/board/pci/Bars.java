package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.PciMap;
import org.jspecify.annotations.Nullable;

/** Where the BARs of all slots are: puts them somewhere as firmware would, and says what decodes. Under the bus's lock. */
final class Bars {
    private Bars() {}

    /** The largest ones first, so that each is aligned where the one before ends; false when they need more room than there is. */
    static boolean assign(@Nullable ConfigSpace[] slots) {
        long next = PciMap.WINDOW_START;
        for (int length = PciFunction.LARGEST_BAR_BYTES; length > 0; length >>= 1) {
            for (final ConfigSpace slot : slots) {
                if (slot instanceof Endpoint endpoint) {
                    for (int bar = 0; bar < endpoint.barCount(); bar++) {
                        if (endpoint.barLengthBytes(bar) == length) {
                            endpoint.assign(bar, next);
                            next += length;
                        }
                    }
                }
            }
        }
        return next <= PciMap.WINDOW_END;
    }

    /** What answers which address now. */
    static Decoder decode(HostBridge bridge, @Nullable ConfigSpace[] slots) {
        final Decoder.Builder builder = new Decoder.Builder(bridge.ecamStart(), bridge.ecamBytes(), 2 * slots.length);
        for (final ConfigSpace slot : slots) {
            if (slot instanceof Endpoint endpoint) {
                endpoint.addTo(builder);
            }
        }
        return builder.build();
    }
}
