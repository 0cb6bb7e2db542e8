package io.jvmm.device.api;

import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.sys.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * Effects of a device in its process: interrupts are eventfds, the rest are records of the event ring. A full event ring
 * (a board that does not read) loses guest errors, which are counted, but never a power request or a line's level: those
 * wait here and are sent again by {@link #retry}.
 */
final class LinkEffects implements DeviceEffects {

    /** Guest errors sent one by one; after that only when the count is a power of two. */
    private static final int CHATTY_GUEST_ERRORS = 16;

    private final DeviceEndpoint link;
    private final @Nullable EventFd[] interrupts;
    private final boolean[] level;
    private final boolean[] levelToSend;
    private @Nullable PowerAction powerToSend;
    private PowerOrigin powerOrigin = PowerOrigin.ACPI;
    private boolean anythingToSend;
    private long guestErrors;

    /** @param interrupts the eventfd of each line; null where the link carries the level instead */
    LinkEffects(DeviceEndpoint link, @Nullable EventFd[] interrupts) {
        this.link = link;
        this.interrupts = interrupts.clone();
        this.level = new boolean[interrupts.length];
        this.levelToSend = new boolean[interrupts.length];
    }

    @Override
    public void interrupt(int line) {
        EventFd eventFd = interrupts[line];
        if (eventFd != null) {
            eventFd.signal();
        } else {
            // An engine without irqfds: an edge is the line going up and down again.
            interruptLevel(line, true);
            interruptLevel(line, false);
        }
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        EventFd eventFd = interrupts[line];
        if (eventFd == null) {
            level[line] = asserted;
            levelToSend[line] = !link.irqLevel(line, asserted);
            anythingToSend |= levelToSend[line];
        } else if (asserted) {
            eventFd.signal(); // KVM lowers it when the guest ends the interrupt, and tells through the resample eventfd
        }
    }

    @Override
    public void guestError(int code, long detail) {
        guestErrors++;
        if (guestErrors <= CHATTY_GUEST_ERRORS || Long.bitCount(guestErrors) == 1) {
            link.guestError(code, detail);
        }
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        powerToSend = action;
        powerOrigin = origin;
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
        for (int line = 0; line < levelToSend.length; line++) {
            if (levelToSend[line]) {
                levelToSend[line] = !link.irqLevel(line, level[line]);
                anythingToSend |= levelToSend[line];
            }
        }
        PowerAction action = powerToSend;
        if (action != null) {
            if (link.power(action, powerOrigin)) {
                powerToSend = null;
            } else {
                anythingToSend = true;
            }
        }
    }

    /** Guest errors so far. */
    long guestErrors() {
        return guestErrors;
    }
}
