package io.jvmm.device.api;

import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * Effects of a device in its process: interrupts are eventfds, the rest are records of the event ring. A full event ring
 * (a board that does not read) loses guest errors, which are counted, but never a power request: that waits here and is sent
 * again by {@link #retry}.
 */
final class LinkEffects implements DeviceEffects {

    /** Guest errors sent one by one; after that only when the count is a power of two. */
    private static final int CHATTY_GUEST_ERRORS = 16;

    private final DeviceEndpoint link;
    private final @Nullable EventFd[] interrupts;
    private final DeviceMeter meter;
    private @Nullable PowerAction powerToSend;
    private PowerOrigin powerOrigin = PowerOrigin.ACPI;
    private long guestErrors;

    /** @param interrupts the eventfd of each line; null for one that is not wired on this board */
    LinkEffects(DeviceEndpoint link, @Nullable EventFd[] interrupts) {
        this(link, interrupts, new DeviceMeter());
    }

    /** The same, which counts them. */
    LinkEffects(DeviceEndpoint link, @Nullable EventFd[] interrupts, DeviceMeter meter) {
        this.meter = meter;
        this.link = link;
        this.interrupts = interrupts.clone();
    }

    @Override
    public void interrupt(int line) {
        EventFd eventFd = interrupts[line];
        if (eventFd != null) {
            eventFd.signal();
            meter.interrupted();
        }
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        EventFd eventFd = interrupts[line];
        if (eventFd != null && asserted) {
            eventFd.signal(); // the engine lowers it when the guest ends the interrupt, and tells through the resample
            // eventfd
            meter.interrupted();
        }
    }

    @Override
    public void guestError(int code, long detail) {
        guestErrors++;
        meter.count(DeviceCounter.GUEST_ERRORS);
        if (guestErrors <= CHATTY_GUEST_ERRORS || Long.bitCount(guestErrors) == 1) {
            link.guestError(code, detail);
        }
    }

    @Override
    public void configChanged(int function, int generation) {
        link.configChanged(function, generation);
    }

    @Override
    public void needsReset(int function, int reason) {
        link.needsReset(function, reason);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        powerToSend = action;
        powerOrigin = origin;
        retry();
    }

    /** Whether something found its ring full and waits to be sent. */
    boolean pending() {
        return powerToSend != null;
    }

    /** Sends what did not fit before. */
    void retry() {
        PowerAction action = powerToSend;
        if (action != null && link.power(action, powerOrigin)) {
            powerToSend = null;
        }
    }

    DeviceMeter meter() {
        return meter;
    }

    /** Guest errors so far. */
    long guestErrors() {
        return guestErrors;
    }
}
