package io.jvmm.device.api;

import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a device process has to tell its supervisor. What does not fit into the supervisor's ring is kept, one of each kind,
 * and sent again by {@link #retry}.
 */
final class SupervisorEvents implements HostEvents {

    private static final int NOTHING = -1;
    /** Numbers a {@link Backend} may have. */
    private static final int MAX_PORTS = 256;

    private final ProcessEndpoint supervisor;
    private final int[] escapeToSend = new int[MAX_PORTS];
    private final int[] lostToSend = new int[MAX_PORTS];
    private @Nullable SupervisorRequestType ackToSend;
    private int ackStatus;
    private @Nullable Violation violationToSend;
    private boolean anythingToSend;
    private DeviceMeter meter = new DeviceMeter();

    SupervisorEvents(ProcessEndpoint supervisor) {
        this.supervisor = supervisor;
        Arrays.fill(escapeToSend, NOTHING);
        Arrays.fill(lostToSend, NOTHING);
    }

    /** Where what happens is counted. */
    void countIn(DeviceMeter newMeter) {
        meter = newMeter;
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
        meter.count(DeviceCounter.BACKENDS_LOST);
        anythingToSend = true;
        retry();
    }

    @Override
    public void warn(String line) {
        supervisor.log(LogLevel.WARN, line);
    }

    /** Says that a request has been carried out. Only while none {@link #ackPending}. */
    void ack(SupervisorRequestType request, int status) {
        assert ackToSend == null : "an acknowledgement is waiting already";
        ackToSend = request;
        ackStatus = status;
        anythingToSend = true;
        retry();
    }

    /** Whether an acknowledgement found the ring full. No further request is taken until it has been sent. */
    boolean ackPending() {
        return ackToSend != null;
    }

    /** Says that the board broke the protocol. */
    void peerViolation(Violation violation) {
        violationToSend = violation;
        meter.count(DeviceCounter.PEER_VIOLATIONS);
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
        SupervisorRequestType request = ackToSend;
        if (request != null && supervisor.ack(request, ackStatus)) {
            ackToSend = null;
        }
        Violation violation = violationToSend;
        if (violation != null && supervisor.peerViolation(0, violation)) {
            violationToSend = null;
        }
        anythingToSend = ackToSend != null || violationToSend != null;
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
