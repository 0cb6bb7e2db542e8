package io.jvmm.device.rng;

import io.jvmm.device.api.DeviceCore;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;

/**
 * A token bucket that holds what may flow in one second and starts full. Its contents are in the device's state, so that a
 * process that is killed and replaced does not fill it. Pure: time comes in with each call.
 */
final class RateLimiter {

    private static final long SECOND_NS = 1_000_000_000;
    /** Not worth a buffer: where more is wanted the driver waits until so much has come together. */
    private static final int LEAST_GRANT_BYTES = 64;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final int rateBytes;
    private final AtomicBuffer state;

    /** @param rateBytes bytes in a second, or 0 for no limit */
    RateLimiter(int rateBytes, AtomicBuffer state) {
        this.rateBytes = rateBytes;
        this.state = state;
    }

    /** Full, as after power-on. */
    void fill(long nowNs) {
        state.putLong(RngStateLayout.TOKENS, rateBytes, LE);
        state.putLong(RngStateLayout.FILLED_NS, nowNs, LE);
    }

    /** Whether the state can be a bucket of this size. */
    boolean plausible() {
        long tokens = state.getLong(RngStateLayout.TOKENS, LE);
        return tokens >= 0 && tokens <= rateBytes;
    }

    /** How much of {@code wantedBytes} (positive) may flow now; 0: ask again at {@link #dueNs}. */
    int granted(int wantedBytes, long nowNs) {
        if (rateBytes == 0) {
            return wantedBytes;
        }
        refill(nowNs);
        long tokens = state.getLong(RngStateLayout.TOKENS, LE);
        return tokens < worthwhile(wantedBytes) ? 0 : (int) Math.min(wantedBytes, tokens);
    }

    /** So much has flowed. */
    void take(int bytes) {
        if (rateBytes != 0) {
            state.putLong(RngStateLayout.TOKENS, state.getLong(RngStateLayout.TOKENS, LE) - bytes, LE);
        }
    }

    /** When {@link #granted} gives something, after it has given nothing. */
    long dueNs(int wantedBytes) {
        if (rateBytes == 0) {
            return DeviceCore.NO_DEADLINE;
        }
        long missing = worthwhile(wantedBytes) - state.getLong(RngStateLayout.TOKENS, LE);
        long waitNs = Math.ceilDiv(missing * SECOND_NS, rateBytes);
        return state.getLong(RngStateLayout.FILLED_NS, LE) + Math.max(waitNs, 1);
    }

    private int worthwhile(int wantedBytes) {
        return Math.min(Math.min(wantedBytes, LEAST_GRANT_BYTES), rateBytes);
    }

    private void refill(long nowNs) {
        long filledNs = state.getLong(RngStateLayout.FILLED_NS, LE);
        long elapsedNs = nowNs - filledNs;
        if (elapsedNs < 0 || filledNs < 0) { // the clock of another boot: it begins anew, with what there was
            state.putLong(RngStateLayout.FILLED_NS, nowNs, LE);
        } else if (elapsedNs >= SECOND_NS) {
            fill(nowNs);
        } else {
            long tokens = state.getLong(RngStateLayout.TOKENS, LE);
            long more = elapsedNs * rateBytes / SECOND_NS;
            if (tokens + more >= rateBytes) {
                fill(nowNs);
            } else if (more > 0) {
                state.putLong(RngStateLayout.TOKENS, tokens + more, LE);
                // Only the time that these bytes took: a fraction of a byte is not lost, however often one looks.
                state.putLong(RngStateLayout.FILLED_NS, filledNs + more * SECOND_NS / rateBytes, LE);
            }
        }
    }
}
