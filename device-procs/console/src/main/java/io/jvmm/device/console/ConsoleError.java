package io.jvmm.device.console;

/** Codes of {@link io.jvmm.device.virtio.VirtioHost#guestError} of the console. */
final class ConsoleError {

    /** A buffer of the wrong direction (§5.3.6.1). Detail: the queue. */
    static final int DIRECTION = 1;
    /** A receive or control buffer too small for anything. Detail: the queue. */
    static final int NO_ROOM = 2;
    /** A control message that is none: too short, an unknown event, a port that is not there. Detail: id, event. */
    static final int CONTROL = 3;

    private ConsoleError() {}
}
