package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import java.time.Duration;

/** Why a device's process is replaced. */
public sealed interface Why {
    /** What became of it, to be read behind its name. */
    String text();

    /** Whether it counts against the device's budget of restarts. */
    default boolean counts() {
        return true;
    }

    /** How long it had done nothing when this was found; 0 where nobody waited. */
    default long silentNs() {
        return 0;
    }

    /** Whether what it leaves in the link to the vCPU process is not to be used again. */
    default boolean renewsLink() {
        return false;
    }

    /** It ended, unasked. */
    record Died(ExitStatus how, String lastWords) implements Why {
        @Override
        public String text() {
            return told(how) + (lastWords.isEmpty() ? "" : ", saying: " + lastWords);
        }

        @Override
        public boolean renewsLink() {
            return exited(ProcessExit.PEER_VIOLATION);
        }

        /** Whether it ended by itself, with this status. */
        boolean exited(ProcessExit exit) {
            return how instanceof ExitStatus.Exited(int code) && code == exit.code();
        }
    }

    /** It did not answer the supervisor. */
    record Silent(long silentNs) implements Why {
        @Override
        public String text() {
            return "did not answer for " + Duration.ofNanos(silentNs).toMillis() + " ms and was killed";
        }
    }

    /** It did not answer the guest. */
    record Hung(long waitedNs) implements Why {
        @Override
        public String text() {
            return "did not answer the guest for " + Duration.ofNanos(waitedNs).toMillis() + " ms and was killed";
        }

        @Override
        public long silentNs() {
            return waitedNs;
        }
    }

    /**
     * It broke the protocol, or says that the vCPU process did, which a liar would say too.
     *
     * @param renewsLink whether it was that of its link to the vCPU process
     */
    record Violated(String what, boolean renewsLink) implements Why {
        @Override
        public String text() {
            return what + "; it was killed";
        }
    }

    /** There is no process: it could not even be started. */
    record NotStarted(String reason) implements Why {
        @Override
        public String text() {
            return "could not be started (" + reason + ")";
        }
    }

    /** The user wants it. */
    record Requested() implements Why {
        @Override
        public String text() {
            return "was restarted on request";
        }

        @Override
        public boolean counts() {
            return false;
        }
    }

    /**
     * What it holds of the host is of no use any more, and there is something new in its place.
     *
     * @param what is new
     */
    record NewBackend(String what) implements Why {
        @Override
        public String text() {
            return "was restarted for " + what;
        }

        @Override
        public boolean counts() {
            return false;
        }
    }

    /** How a process ended, as a clause. */
    static String told(ExitStatus status) {
        return switch (status) {
            case ExitStatus.Killed killed -> "was " + killed;
            case ExitStatus.Exited(int code) -> {
                String meaning = ProcessExit.meaningOf(code);
                yield status + (meaning.isEmpty() ? "" : " (" + meaning + ")");
            }
        };
    }
}
