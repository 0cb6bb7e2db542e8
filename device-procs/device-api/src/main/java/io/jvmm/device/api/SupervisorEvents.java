package io.jvmm.device.api;

import io.jvmm.ipc.link.ProcessEndpoint;

/** Events of back ends for the supervisor; what does not fit into its ring is sent again by {@link #retry}. */
final class SupervisorEvents implements HostEvents {

    private static final int NOTHING = -1;

    private final ProcessEndpoint supervisor;
    private final int[] escapeToSend;
    private final int[] lostToSend;
    private boolean anythingToSend;

    SupervisorEvents(ProcessEndpoint supervisor, int hostPorts) {
        this.supervisor = supervisor;
        this.escapeToSend = new int[hostPorts];
        this.lostToSend = new int[hostPorts];
        java.util.Arrays.fill(escapeToSend, NOTHING);
        java.util.Arrays.fill(lostToSend, NOTHING);
    }

    @Override
    public void escape(int port, int what) {
        escapeToSend[port] = what;
        anythingToSend = true;
        retry();
    }

    @Override
    public void backendLost(int port, int errno) {
        lostToSend[port] = errno;
        anythingToSend = true;
        retry();
    }

    /** Whether something found its ring full and waits to be sent. */
    boolean pending() {
        return anythingToSend;
    }

    /** Sends what did not fit before. */
    void retry() {
        if (!anythingToSend) {
            return;
        }
        anythingToSend = false;
        for (int port = 0; port < escapeToSend.length; port++) {
            if (escapeToSend[port] != NOTHING && supervisor.escape(port, escapeToSend[port])) {
                escapeToSend[port] = NOTHING;
            }
            if (lostToSend[port] != NOTHING && supervisor.backendLost(port, lostToSend[port])) {
                lostToSend[port] = NOTHING;
            }
            anythingToSend |= escapeToSend[port] != NOTHING || lostToSend[port] != NOTHING;
        }
    }
}
