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
 *   PCI_FUNCTION    see {@link PciFunction}
 *   PCI_CAPABILITY  | function   | length     | length bytes, zeros up to 32 |
 * </pre>
 *
 * <p>The bytes of a capability are all of it: id, a next pointer that is ignored, and what follows; 4..32, a multiple of 4.
 *
 * <p>{@code function} is below 256, {@code action} and {@code origin} are
 * numbers of {@link PowerAction} and {@link PowerOrigin}.
 */
public final class DeviceEventLayout {
    public static final int FIRST = 0;
    public static final int SECOND = 4;
    public static final int DETAIL = 8;

    /** Longest event of a device link. */
    public static final int MAX_LENGTH_BYTES = PciFunction.LENGTH_BYTES;

    /** Longest PCI capability. */
    public static final int MAX_CAPABILITY_BYTES = 32;

    public static final int MAX_FUNCTION = 255;

    private DeviceEventLayout() {}
}
