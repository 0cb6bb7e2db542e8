package io.jvmm.device.block;

import io.jvmm.device.api.HostEvents;
import io.jvmm.ipc.sys.Errno;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What the host refuses one disk: a full file system, a failing medium. The guest has its I/O error in any case; this tells whoever runs the
 * machine, once for each errno, and again when it still happens a minute later. Device thread; {@link #note} allocates nothing.
 */
final class HostTrouble {
    static final long SILENCE_NS = 60_000_000_000L;

    private static final int LARGEST_ERRNO = 133;
    private static final long NEVER = Long.MIN_VALUE;

    private final String image;
    private final long[] toldNs = new long[LARGEST_ERRNO + 1];
    private @Nullable RequestType type;
    private int errno;

    HostTrouble(String image) {
        this.image = image;
        Arrays.fill(toldNs, NEVER);
    }

    /** A request came to nothing: {@code result} is a negated errno. */
    void note(RequestType failed, long result) {
        long number = -result;
        if (type == null && number > 0 && number <= LARGEST_ERRNO) {
            type = failed;
            errno = (int) number;
        }
    }

    /** Tells what was noted, unless it has been told a short while ago. */
    void tell(HostEvents events, long nowNs) {
        RequestType failed = type;
        if (failed == null) {
            return;
        }
        type = null;
        if (toldNs[errno] != NEVER && nowNs - toldNs[errno] < SILENCE_NS) {
            return;
        }
        toldNs[errno] = nowNs;
        Errno reason = Errno.of(errno);
        String cure = reason.cure().isEmpty() ? "" : " (" + reason.cure() + ")";
        events.warn(image + ": " + what(failed) + " failed: "
                + reason.name() + ", " + reason.meaning().toLowerCase(Locale.ROOT) + cure
                + "; the guest gets an I/O error for each request that this befalls");
    }

    /** The medium lets us wait, and we no longer do. */
    void tellWait(HostEvents events, RequestType unfinished, long waitedNs) {
        events.warn(image + ": " + what(unfinished) + " has not ended within " + waitedNs / 1_000_000
                + " ms: its medium does not answer");
    }

    private static String what(RequestType type) {
        return switch (type) {
            case IN, GET_ID -> "reading";
            case OUT -> "writing";
            case FLUSH -> "bringing it to the medium";
            case DISCARD -> "discarding";
            case WRITE_ZEROES -> "writing zeros";
        };
    }
}
