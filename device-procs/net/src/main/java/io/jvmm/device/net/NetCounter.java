package io.jvmm.device.net;

/** What a network function counts; kept in its state. The order is that of the state segment. */
enum NetCounter {
    /** Frames given to the guest, and their bytes. */
    RX_FRAMES,
    RX_BYTES,
    /** Frames nobody in the guest wants: the driver's own filter. */
    RX_FILTERED,
    /** Frames lost: too long for the guest's buffers or its MTU, or of a kind it did not negotiate. */
    RX_DROPPED,
    /** Frames given to the host, and their bytes. */
    TX_FRAMES,
    TX_BYTES,
    /** Frames lost because the host did not take them, or the link is down. */
    TX_DROPPED,
    /** Frames whose header or length the specification forbids. */
    TX_MALFORMED,
    /** Commands carried out, and refused. */
    COMMANDS,
    COMMANDS_REFUSED,
    /** How often the host's side was lost. */
    BACKEND_LOST
}
