package io.jvmm.ipc.link;

import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/** STUB: bodies follow. */
public final class ProcessEndpoint {
    public ProcessEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell) {}

    /** Makes the supervisor's next request current; false when there is none. */
    public boolean next() {
        return false;
    }

    public SupervisorRequestType request() {
        throw new UnsupportedOperationException();
    }

    public long argument() {
        return 0;
    }

    public void release() {}

    public boolean ready(long monotonicNs, byte[] filterHash, int threads) {
        return false;
    }

    public boolean ack(SupervisorRequestType request, int status) {
        return false;
    }

    /** Never waits: drops and counts when the ring is full. Cut to 480 bytes of UTF-8. */
    public void log(LogLevel level, CharSequence text) {}

    /** Log records dropped so far. */
    public long logDropped() {
        return 0;
    }

    public boolean counter(int id, long value) {
        return false;
    }

    public boolean guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        return false;
    }

    public boolean deviceHung(int deviceIndex, long waitedNs) {
        return false;
    }

    public boolean peerViolation(int deviceIndex, Violation violation) {
        return false;
    }

    public boolean escape(int port, int what) {
        return false;
    }

    public boolean firstInstruction(long monotonicNs) {
        return false;
    }

    public boolean backendLost(int port, int errno) {
        return false;
    }

    public boolean prepareToSleep() {
        return false;
    }

    public void awake() {}

    public EventFd requestDoorbell() {
        throw new UnsupportedOperationException();
    }

    public LinkHealth health() {
        return LinkHealth.CONNECTED;
    }

    public @Nullable Violation violation() {
        return null;
    }
}
