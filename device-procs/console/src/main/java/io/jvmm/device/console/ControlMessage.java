package io.jvmm.device.console;

/**
 * What the device tells the driver about a port through the control queue (virtio 1.2 §5.3.6.2), in the order in which it has to be
 * told. A port has at most one of each waiting: a later one of the same kind replaces it, so nothing grows when a driver does
 * not read.
 */
enum ControlMessage {
    /** The port exists. */
    DEVICE_ADD(0, 1),
    /** It is a console. */
    CONSOLE_PORT(1, 4),
    /** Its name. */
    PORT_NAME(2, 7),
    /** Its size in characters. */
    RESIZE(3, 5),
    /** Whether somebody is at the host's end. */
    PORT_OPEN(4, 6);

    /** Sent by the driver: it can be told of ports. */
    static final int EVENT_DEVICE_READY = 0;
    /** Sent by the driver: it has made the port, or could not. */
    static final int EVENT_PORT_READY = 3;
    /** Sent by both. */
    static final int EVENT_PORT_OPEN = 6;

    /** {@code struct virtio_console_control}: le32 id, le16 event, le16 value. */
    static final int HEADER_BYTES = 8;

    static final int EVENT_OFFSET = 4;
    static final int VALUE_OFFSET = 6;

    /** All of {@link #bit}. */
    static final int ALL_BITS = (1 << values().length) - 1;

    private static final ControlMessage[] IN_ORDER = values();

    private final int place;
    private final int event;

    ControlMessage(int place, int event) {
        this.place = place;
        this.event = event;
    }

    /** {@code event} of the message. */
    int event() {
        return event;
    }

    /** Its place in the set of messages that wait. */
    int bit() {
        return 1 << place;
    }

    /** The one to send first of a set that is not empty. */
    static ControlMessage firstOf(int bits) {
        return IN_ORDER[Integer.numberOfTrailingZeros(bits)];
    }
}
