package io.jvmm.supervisor.launch;

/** The host does not give what a machine needs. The message is one line that ends with the cure. Exit code 3. */
public final class HostLackException extends Exception {
    private static final long serialVersionUID = 1;

    public HostLackException(String message) {
        super(message);
    }

    public HostLackException(String message, Throwable cause) {
        super(message, cause);
    }
}
