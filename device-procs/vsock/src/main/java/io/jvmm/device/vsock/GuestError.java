package io.jvmm.device.vsock;

/** What a guest can do wrong; the ordinal is the code of the GUEST_ERROR event. */
enum GuestError {
    /** A packet shorter than its header. Dropped. */
    SHORT_PACKET,
    /** A packet from a context id that is not the guest's (§5.10.6.1). Dropped. */
    SOURCE_CID,
    /** A packet to a context id other than the host's. Dropped. */
    DESTINATION_CID,
    /** A socket type that was not negotiated; answered with RST (§5.10.6.4). */
    TYPE,
    /** {@code len} is more than the buffer holds. The connection is reset. */
    LENGTH,
    /** An operation nobody knows. The connection is reset. */
    OPERATION,
    /** An operation that is out of place on this connection. It is reset. */
    STATE,
    /** More data than there was credit for (§5.10.6.3). The connection is reset. */
    CREDIT,
    /** A receive buffer without room for a header and a byte. Given back empty. */
    RECEIVE_BUFFER,
    /** A buffer for events that is too short. Given back empty. */
    EVENT_BUFFER
}
