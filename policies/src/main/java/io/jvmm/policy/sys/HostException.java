package io.jvmm.policy.sys;

import java.io.Serial;

/**
 * The host refused something the jail needs. The message says what was tried, the errno by name and what to do about it. Never
 * caused by the guest.
 */
public final class HostException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final String operation;
    private final int errno;
    private final String cure;

    public HostException(String operation, int errno, String cure) {
        super(operation + ": " + (errno == 0 ? "refused" : ErrnoName.of(errno)) + (cure.isEmpty() ? "" : "; " + cure));
        this.operation = operation;
        this.errno = errno;
        this.cure = cure;
    }

    static HostException of(String operation, int errno) {
        return new HostException(operation, errno, "");
    }

    /** What was tried, as a reader knows it: {@code jail step "pivot_root"}. */
    public String operation() {
        return operation;
    }

    /** The errno, or 0 when the refusal is ours. */
    public int errno() {
        return errno;
    }

    /** What to do about it; empty where nothing useful is known. */
    public String cure() {
        return cure;
    }
}
