package io.jvmm.device.vsock;

/** How long somebody may take, in nanoseconds. */
final class Timeouts {
    /** So long a guest may take to answer REQUEST, and the supervisor to connect; Firecracker and Linux wait as long. */
    static final long REQUEST_NS = 2_000_000_000L;
    /** So long a guest may take to answer SHUTDOWN of both directions with RST; Linux waits as long. */
    static final long SHUTDOWN_NS = 8_000_000_000L;
    /** So long a client may take to say its line; somebody may be typing it. */
    static final long HANDSHAKE_NS = 60_000_000_000L;
    /** So long a host may take nothing of what a guest that has gone had sent. */
    static final long LINGER_NS = 30_000_000_000L;

    private Timeouts() {}
}
