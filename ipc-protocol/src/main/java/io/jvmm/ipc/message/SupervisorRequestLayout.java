package io.jvmm.ipc.message;

/**
 * Bytes of the requests of a supervisor link, all alike. Little-endian.
 *
 * <pre>
 *   0                8                16
 *   | u64 argument   | u64 detail     |
 * </pre>
 *
 * <p>RESIZE: columns in the low half of the argument, rows in the high half. BALLOON: bytes the
 * guest is to give back in all. DEVICE_AWAY: the device's index in the low half of the argument, the reason
 * ({@link #AWAY_LINK_KEPT}, {@link #AWAY_LINK_RENEWED}) in the high half; detail: CLOCK_MONOTONIC, nanoseconds, when its process died or
 * was drained. DEVICE_BACK, DEVICE_BROKEN: the device's index. Everything else ignores both.
 */
public final class SupervisorRequestLayout {
    public static final int ARGUMENT = 0;
    public static final int DETAIL = 8;

    /** Reason of DEVICE_AWAY: requests stay in their ring, and go on being posted. */
    public static final int AWAY_LINK_KEPT = 0;

    /** Reason of DEVICE_AWAY: the whole link will be scrubbed. */
    public static final int AWAY_LINK_RENEWED = 1;

    /** Length of every request of a supervisor link. */
    public static final int LENGTH_BYTES = 16;

    private SupervisorRequestLayout() {}

    /** The argument of DEVICE_AWAY. */
    public static long away(int deviceIndex, int reason) {
        return (long) reason << Integer.SIZE | Integer.toUnsignedLong(deviceIndex);
    }
}
