package io.jvmm.ipc.message;

/**
 * Bytes of the requests of a device link. Little-endian; u32 unless said otherwise.
 *
 * <pre>
 *           0          4          8                    16         20         24
 *   READ    | vcpu     | region   | u64 sequence       | offset   | width    |
 *   WRITE   | vcpu     | region   | u64 value          | offset   | width    |
 *   KICK    | vcpu     | queue    |
 *   RESET   | vcpu     | reserved |
 * </pre>
 *
 * <p>{@code width} is 1, 2, 4 or 8 bytes; {@code offset} is below 2³¹; {@code region} below 256; {@code queue} below
 * 65536; {@code vcpu} below the number of reply slots.
 */
public final class DeviceRequestLayout {
    public static final int VCPU = 0;
    public static final int REGION = 4;
    public static final int QUEUE = 4;
    public static final int SEQUENCE = 8;
    public static final int VALUE = 8;
    public static final int OFFSET = 16;
    public static final int WIDTH = 20;

    /** Longest request of a device link. */
    public static final int MAX_LENGTH_BYTES = 24;

    public static final int MAX_REGION = 255;
    public static final int MAX_QUEUE = 65535;

    private DeviceRequestLayout() {}
}
