package io.jvmm.device.net;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.StateFormats;
import java.util.Map;

/** How the network device's own part of the state is shown, in the words of virtio 1.2 §5.1. */
final class NetFormats {
    private NetFormats() {}

    static StateFormats state() {
        StateFormats formats = StateFormats.NONE
                .and(FieldFormat.MAC, "mac", "unicast", "multicast")
                .and(FieldFormat.flags(features()), "guestOffloads")
                .and(FieldFormat.flags("LINK_UP", "ANNOUNCE"), "status")
                .and(FieldFormat.flags("PROMISC", "ALLMULTI", "ALLUNI", "NOMULTI", "NOUNI", "NOBCAST"), "rxMode")
                .and(FieldFormat.flags("UNICAST", "MULTICAST"), "overflow")
                .and(FieldFormat.DECIMAL, "pairs", "unicasts", "multicasts");
        for (NetCounter counter : NetCounter.values()) {
            formats = formats.and(FieldFormat.DECIMAL, "counters." + counter.name());
        }
        return formats;
    }

    /** §5.1.3. */
    static Map<Integer, String> features() {
        return Map.ofEntries(
                Map.entry(0, "CSUM"),
                Map.entry(1, "GUEST_CSUM"),
                Map.entry(2, "CTRL_GUEST_OFFLOADS"),
                Map.entry(3, "MTU"),
                Map.entry(5, "MAC"),
                Map.entry(7, "GUEST_TSO4"),
                Map.entry(8, "GUEST_TSO6"),
                Map.entry(9, "GUEST_ECN"),
                Map.entry(10, "GUEST_UFO"),
                Map.entry(11, "HOST_TSO4"),
                Map.entry(12, "HOST_TSO6"),
                Map.entry(13, "HOST_ECN"),
                Map.entry(14, "HOST_UFO"),
                Map.entry(15, "MRG_RXBUF"),
                Map.entry(16, "STATUS"),
                Map.entry(17, "CTRL_VQ"),
                Map.entry(18, "CTRL_RX"),
                Map.entry(19, "CTRL_VLAN"),
                Map.entry(20, "CTRL_RX_EXTRA"),
                Map.entry(21, "GUEST_ANNOUNCE"),
                Map.entry(22, "MQ"),
                Map.entry(23, "CTRL_MAC_ADDR"),
                Map.entry(54, "GUEST_USO4"),
                Map.entry(55, "GUEST_USO6"),
                Map.entry(56, "HOST_USO"),
                Map.entry(63, "SPEED_DUPLEX"));
    }
}
