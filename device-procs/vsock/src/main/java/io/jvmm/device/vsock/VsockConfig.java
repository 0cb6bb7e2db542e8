package io.jvmm.device.vsock;

import io.jvmm.device.api.DeviceConfig;

/**
 * The configuration of one vsock function, validated.
 *
 * <table>
 * <caption>Entries of the configuration record, after {@code F.}</caption>
 * <tr><td>{@code cid}</td><td>3..4294967294: the guest's context id (§5.10.4); 3 by default</td></tr>
 * <tr><td>{@code connections}</td><td>1..1024: most connections at a time; 256 by default</td></tr>
 * <tr><td>{@code buffer-bytes}</td><td>4096..1048576, a multiple of 4096: what a connection holds for a host that is slow;
 *     131072 by default</td></tr>
 * <tr><td>{@code queue-size}</td><td>2..1024, a power of two; 256 by default</td></tr>
 * <tr><td>{@code packed}</td><td>{@code true} or {@code false} (default): whether packed virtqueues are offered</td></tr>
 * </table>
 */
record VsockConfig(long cid, int connections, int bufferBytes, int queueSize, boolean packed) {

    private static final long FIRST_CID = 3;
    private static final long LAST_CID = 0xFFFF_FFFEL;
    private static final int PAGE_BYTES = 4096;

    VsockConfig {
        if (cid < FIRST_CID || cid > LAST_CID) {
            throw new IllegalArgumentException("cid: " + cid + "; allowed are " + FIRST_CID + ".." + LAST_CID);
        }
        range("connections", connections, 1, 1024);
        range("buffer-bytes", bufferBytes, PAGE_BYTES, 1 << 20);
        range("queue-size", queueSize, 2, 1024);
        if (bufferBytes % PAGE_BYTES != 0) {
            throw new IllegalArgumentException("buffer-bytes: " + bufferBytes + " is no multiple of " + PAGE_BYTES);
        }
        if (Integer.bitCount(queueSize) != 1) {
            throw new IllegalArgumentException("queue-size: " + queueSize + " is no power of two");
        }
    }

    private static void range(String key, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(key + ": " + value + "; allowed are " + least + ".." + most);
        }
    }

    /**
     * Reads the entries.
     *
     * @throws IllegalArgumentException naming the key, its value and what is allowed
     */
    static VsockConfig from(DeviceConfig entries) {
        String packed = entries.text("packed", "false");
        if (!packed.equals("true") && !packed.equals("false")) {
            throw new IllegalArgumentException("packed: '" + packed + "'; allowed are true, false");
        }
        return new VsockConfig(
                cid(entries.text("cid", "3")),
                entries.integer("connections", 256),
                entries.integer("buffer-bytes", 128 * 1024),
                entries.integer("queue-size", 256),
                packed.equals("true"));
    }

    private static long cid(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "cid: '" + text + "' is not a number; allowed are " + FIRST_CID + ".." + LAST_CID, e);
        }
    }
}
