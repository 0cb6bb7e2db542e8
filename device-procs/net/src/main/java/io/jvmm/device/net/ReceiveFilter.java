package io.jvmm.device.net;

/**
 * Which frames the driver wants (virtio 1.2 §5.1.6.5.1 to §5.1.6.5.3): modes, address tables, VLANs, as the control queue
 * set them. A service to the driver, no border: a guest may ask for everything its host's side carries.
 */
final class ReceiveFilter {
    private static final long BROADCAST = 0xFFFF_FFFF_FFFFL;

    private final NetState state;

    ReceiveFilter(NetState state) {
        this.state = state;
    }

    /** Whether the frame behind a header is wanted. */
    boolean wants(FrameHeader frame, long features) {
        int mode = state.rxMode();
        if ((mode & NetState.PROMISC) != 0) {
            return true;
        }
        if ((features & NetFeatures.CTRL_VLAN) != 0 && frame.tagged() && !state.vlan(frame.vid())) {
            return false;
        }
        long destination = frame.destination();
        return (destination >>> 40 & 1) != 0 ? wantsGroup(destination, mode) : wantsStation(destination, mode);
    }

    private boolean wantsGroup(long destination, int mode) {
        if (destination == BROADCAST) {
            return (mode & NetState.NOBCAST) == 0;
        }
        if ((mode & NetState.NOMULTI) != 0) {
            return false;
        }
        if ((mode & NetState.ALLMULTI) != 0 || (state.overflow() & NetState.MULTICAST_OVERFLOW) != 0) {
            return true;
        }
        for (int i = 0; i < state.multicasts(); i++) {
            if (state.multicast(i) == destination) {
                return true;
            }
        }
        return false;
    }

    private boolean wantsStation(long destination, int mode) {
        if ((mode & NetState.NOUNI) != 0) {
            return false;
        }
        boolean all = (mode & NetState.ALLUNI) != 0 || (state.overflow() & NetState.UNICAST_OVERFLOW) != 0;
        if (all || destination == state.mac()) {
            return true;
        }
        for (int i = 0; i < state.unicasts(); i++) {
            if (state.unicast(i) == destination) {
                return true;
            }
        }
        return false;
    }
}
