package io.jvmm.ipc.link;

import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/** STUB: bodies follow. */
public final class DeviceEndpoint {
    public DeviceEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell, long resumePosition) {}

    /** Makes the next request current; false when there is none (or the link is severed: see {@link #health()}). */
    public boolean next() {
        return false;
    }

    /** Wire number of the current request. */
    public int type() {
        return 0;
    }

    /** The current request's type. */
    public DeviceRequestType request() {
        throw new UnsupportedOperationException();
    }

    public int vcpu() {
        return 0;
    }

    public int region() {
        return 0;
    }

    public int offset() {
        return 0;
    }

    public int widthBytes() {
        return 0;
    }

    public long value() {
        return 0;
    }

    public long sequence() {
        return 0;
    }

    public int queue() {
        return 0;
    }

    /** Ring position after the current request: what the state commit records. */
    public long positionAfter() {
        return 0;
    }

    public void release() {}

    /** Answers the current READ. */
    public void reply(long value) {}

    /** False when the event ring is full: nothing was sent. */
    public boolean irqLevel(int line, boolean high) {
        return false;
    }

    public boolean configChanged(int function, int generation) {
        return false;
    }

    public boolean needsReset(int function, int reason) {
        return false;
    }

    public boolean guestError(int code, long detail) {
        return false;
    }

    public boolean power(PowerAction action, PowerOrigin origin) {
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
