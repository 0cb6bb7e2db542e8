package io.jvmm.device.vsock;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.util.Map;

/** How the vsock device's own part of the state is shown. */
final class VsockFormats {
    private VsockFormats() {}

    static StateFormats state() {
        return StateFormats.NONE
                .and(
                        FieldFormat.DECIMAL,
                        "guestCid",
                        "nextHostPort",
                        "packetsToGuest",
                        "packetsFromGuest",
                        "bytesToGuest",
                        "bytesFromGuest",
                        "connections",
                        "refused",
                        "resets",
                        "guestErrors",
                        "epoch",
                        "resetHead",
                        "resetCount")
                .and(FieldFormat.YES_NO, "resetPending");
    }

    /** Virtio 1.2 §5.10.3. */
    static Map<Integer, String> features() {
        return Map.of(0, "STREAM", 1, "SEQPACKET");
    }
}
