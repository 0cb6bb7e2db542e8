package io.jvmm.device.api;

/** What a {@link Backend} tells the supervisor. Never blocks, never fails; does not allocate unless it says so. */
public interface HostEvents {

    /** {@link #escape}: the user wants to leave. */
    int ESCAPE_QUIT = 1;

    /** The user typed a command to the monitor rather than to the guest. */
    void escape(int port, int what);

    /** The back end of a port is gone for good, or until a new peer comes. {@code errno} 0: it hung up. */
    void backendLost(int port, int errno);

    /** A line for the log, once for each thing that happens; may allocate. */
    default void warn(String line) {}
}
