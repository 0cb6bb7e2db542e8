package io.jvmm.ipc.message;

/**
 * Bytes of the events of a device link. Little-endian; u32 unless said otherwise.
 *
 * <pre>
 *                   0            4            8              16
 *   CONFIG_CHANGED  | function   | generation |
 *   NEEDS_RESET     | function   | reason     |
 *   GUEST_ERROR     | code       | reserved   | u64 detail   |
 *   POWER           | action     | origin     |
 * </pre>
 *
 * <p>{@code function} is below 256, {@code action} and {@code origin} are
 * numbers of {@link PowerAction} and {@link PowerOrigin}.
 */
public final class DeviceEventLayout {
    public static final int FIRST = 0;
    public static final int SECOND = 4;
    public static final int DETAIL = 8;

    /** Longest event of a device link. */
    public static final int MAX_LENGTH_BYTES = 16;

    public static final int MAX_FUNCTION = 255;

    private DeviceEventLayout() {}
}
