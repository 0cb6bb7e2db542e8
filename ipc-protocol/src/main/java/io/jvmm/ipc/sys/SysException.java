package io.jvmm.ipc.sys;

/**
 * A system call failed: an error of the host, never of the guest or of a peer.
 *
 * <p>The message is one line: the operation, the errno by name with its meaning, and the cure when one is known. The
 * subclasses are the distinctions callers act on.
 */
public abstract sealed class SysException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String operation;
    private final int number;
    private final Errno errno;
    private final String cure;

    private SysException(String operation, int number, String cure) {
        super(describe(operation, number, cure), null, true, true);
        this.operation = operation;
        this.number = number;
        this.errno = Errno.of(number);
        this.cure = cure;
    }

    /** EPERM, EACCES: the process may not do this. */
    public static final class Denied extends SysException {
        private static final long serialVersionUID = 1L;

        private Denied(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** ENOENT, ENODEV, ENXIO, ESRCH, ENOTDIR: what was named is not there. */
    public static final class Missing extends SysException {
        private static final long serialVersionUID = 1L;

        private Missing(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** ENOSYS, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT: this kernel (or the seccomp filter) does not offer it. */
    public static final class Unsupported extends SysException {
        private static final long serialVersionUID = 1L;

        private Unsupported(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, EAGAIN, ENOBUFS: a limit was reached. */
    public static final class Exhausted extends SysException {
        private static final long serialVersionUID = 1L;

        private Exhausted(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** EPIPE, ECONNRESET, ECONNREFUSED, ENOTCONN, ESHUTDOWN, ECONNABORTED: the other end is gone. */
    public static final class Disconnected extends SysException {
        private static final long serialVersionUID = 1L;

        private Disconnected(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** EEXIST, EBUSY, EADDRINUSE, ETXTBSY: someone else has it. */
    public static final class Conflict extends SysException {
        private static final long serialVersionUID = 1L;

        private Conflict(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** ETIMEDOUT: it did not happen in time. */
    public static final class TimedOut extends SysException {
        private static final long serialVersionUID = 1L;

        private TimedOut(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** Everything else, most often EINVAL or EBADF, and most often a bug of ours. */
    public static final class Failed extends SysException {
        private static final long serialVersionUID = 1L;

        private Failed(String operation, int number, String cure) {
            super(operation, number, cure);
        }
    }

    /** The exception for a positive error number, with the general cure of that errno. */
    public static SysException of(String operation, int number) {
        return of(operation, number, Errno.of(number).cure());
    }

    /** The exception for a positive error number, with a cure that fits the operation better than the general one. */
    public static SysException of(String operation, int number, String cure) {
        return switch (Errno.of(number)) {
            case EPERM, EACCES -> new Denied(operation, number, cure);
            case ENOENT, ENODEV, ENXIO, ESRCH, ENOTDIR -> new Missing(operation, number, cure);
            case ENOSYS, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT -> new Unsupported(operation, number, cure);
            case ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, EAGAIN, ENOBUFS -> new Exhausted(operation, number, cure);
            case EPIPE, ECONNRESET, ECONNREFUSED, ECONNABORTED, ENOTCONN, ESHUTDOWN ->
                new Disconnected(operation, number, cure);
            case EEXIST, EBUSY, EADDRINUSE, ETXTBSY -> new Conflict(operation, number, cure);
            case ETIMEDOUT -> new TimedOut(operation, number, cure);
            default -> new Failed(operation, number, cure);
        };
    }

    /** What was attempted: {@code open("/dev/kvm")}. */
    public final String operation() {
        return operation;
    }

    /** The error by name; {@link Errno#UNKNOWN} when the table lacks {@link #number()}. */
    public final Errno errno() {
        return errno;
    }

    /** The positive error number. */
    public final int number() {
        return number;
    }

    /** What to do about it, as an imperative; empty when nothing is known. */
    public final String cure() {
        return cure;
    }

    private static String describe(String operation, int number, String cure) {
        Errno errno = Errno.of(number);
        String name = errno == Errno.UNKNOWN ? "errno " + number : errno.name() + " (" + errno.meaning() + ")";
        return cure.isEmpty() ? operation + ": " + name : operation + ": " + name + "; " + cure;
    }
}
