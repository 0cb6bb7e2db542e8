package io.jvmm.policy.parse;

import io.jvmm.ipc.sys.Errno;
import java.util.Locale;

/** What happens to a system call. */
public sealed interface Action {
    /** It is carried out. */
    record Allow() implements Action {
        @Override
        public String toString() {
            return "allow";
        }
    }

    /** It is carried out and the kernel's audit log says so. */
    record Log() implements Action {
        @Override
        public String toString() {
            return "log";
        }
    }

    /** It fails at once with this error. */
    record Deny(Errno errno) implements Action {
        @Override
        public String toString() {
            return "errno " + errno.name();
        }
    }

    /** The thread gets SIGSYS, which a handler could catch. */
    record Trap() implements Action {
        @Override
        public String toString() {
            return "trap";
        }
    }

    /** The process dies with SIGSYS. */
    record Kill() implements Action {
        @Override
        public String toString() {
            return "kill";
        }
    }

    /** Whether the call is carried out. */
    default boolean permits() {
        return this instanceof Allow || this instanceof Log;
    }

    /** The word a policy uses. */
    default String keyword() {
        return toString().split(" ", 2)[0].toLowerCase(Locale.ROOT);
    }
}
