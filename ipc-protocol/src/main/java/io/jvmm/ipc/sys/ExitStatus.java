package io.jvmm.ipc.sys;

/** How a process ended. */
public sealed interface ExitStatus {
    /** It returned from main or called exit. {@code code}: 0..255. */
    record Exited(int code) implements ExitStatus {
        @Override
        public String toString() {
            return "exited with " + code;
        }
    }

    /** A signal ended it. {@code signal}: its number; {@code coreDumped}: whether it left a core file. */
    record Killed(int signal, boolean coreDumped) implements ExitStatus {
        @Override
        public String toString() {
            return "killed by " + Signals.name(signal);
        }
    }

    /** What a shell would say: the code, or 128 plus the signal. */
    default int shellCode() {
        return switch (this) {
            case Exited exited -> exited.code();
            case Killed killed -> 128 + killed.signal();
        };
    }
}
