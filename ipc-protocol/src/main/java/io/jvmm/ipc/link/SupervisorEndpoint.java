package io.jvmm.ipc.link;

import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/** STUB: bodies follow. */
public final class SupervisorEndpoint {
    public SupervisorEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell) {}

    /** False when the ring is full or the link is severed. */
    public boolean send(SupervisorRequestType request, long argument) {
        return false;
    }

    public boolean send(SupervisorRequestType request) {
        return send(request, 0);
    }

    /** Delivers at most {@code limit} events; severs the link when one breaks the protocol. */
    public int pollEvents(SupervisorEventHandler handler, int limit) {
        return 0;
    }

    public boolean prepareToSleep() {
        return false;
    }

    public void awake() {}

    public EventFd eventDoorbell() {
        throw new UnsupportedOperationException();
    }

    public LinkHealth health() {
        return LinkHealth.CONNECTED;
    }

    public @Nullable Violation violation() {
        return null;
    }
}
