package io.jvmm.device.vsock;

/** What a guest can do wrong. */
enum GuestError {
    /** A packet shorter than its header. Dropped. */
    SHORT_PACKET(1),
    /** A packet from a context id that is not the guest's (§5.10.6.1). Dropped. */
    SOURCE_CID(2),
    /** A packet to a context id other than the host's. Dropped. */
    DESTINATION_CID(3),
    /** A socket type that was not negotiated; answered with RST (§5.10.6.4). */
    TYPE(4),
    /** {@code len} is more than the buffer holds. The connection is reset. */
    LENGTH(5),
    /** An operation nobody knows. The connection is reset. */
    OPERATION(6),
    /** An operation that is out of place on this connection. It is reset. */
    STATE(7),
    /** More data than there was credit for (§5.10.6.3). The connection is reset. */
    CREDIT(8),
    /** A receive buffer without room for a header and a byte. Given back empty. */
    RECEIVE_BUFFER(9),
    /** A buffer for events that is too short. Given back empty. */
    EVENT_BUFFER(10);

    private final int code;

    GuestError(int code) {
        this.code = code;
    }

    /** The code of the GUEST_ERROR event. */
    int code() {
        return code;
    }
}
