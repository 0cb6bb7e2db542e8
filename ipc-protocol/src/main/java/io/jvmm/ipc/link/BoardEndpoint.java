package io.jvmm.ipc.link;

import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/** STUB: bodies follow. */
public final class BoardEndpoint {
    public BoardEndpoint(LinkMemory memory, EventFd requestDoorbell, EventFd eventDoorbell, WaitPolicy wait) {}

    /** All ones of {@code widthBytes} when the device is hung, severed or too slow. */
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        throw new UnsupportedOperationException();
    }

    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {}

    public void kick(int vcpuIndex, int queueIndex) {}

    public void reset(int vcpuIndex) {}

    public int pollEvents(DeviceEventHandler handler, int limit) {
        return 0;
    }

    public LinkHealth health() {
        throw new UnsupportedOperationException();
    }

    /** How long the read or write that found the device hung had waited; 0 when it is not hung. */
    public long hungAfterNs() {
        return 0;
    }

    /** True: nothing to do, sleep on {@link #eventDoorbell()} and call {@link #awake()} afterwards. False: poll again. */
    public boolean prepareToSleep() {
        return false;
    }

    public void awake() {}

    public EventFd eventDoorbell() {
        throw new UnsupportedOperationException();
    }

    /** Why the link was severed; null while it is not. */
    public @Nullable Violation violation() {
        return null;
    }
}
