package io.jvmm.device.net;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.virtio.RingOptions;

/**
 * The configuration of one network function, validated.
 *
 * <table>
 * <caption>Entries of the configuration record</caption>
 * <tr><td>{@code backend}</td><td>{@code tap|passt|none}</td></tr>
 * <tr><td>{@code mac}</td><td>{@code 52:54:00:12:34:56}; unicast, not all zeros</td></tr>
 * <tr><td>{@code mtu}</td><td>68..65535, default 1500</td></tr>
 * <tr><td>{@code pairs}</td><td>queue pairs, 1..8; 1 with passt</td></tr>
 * <tr><td>{@code packed}, {@code queue-size}</td><td>see {@link RingOptions}; 256</td></tr>
 * <tr><td>{@code offloads}</td><td>{@code true} (default) or {@code false}: checksum and segmentation offloads</td></tr>
 * </table>
 *
 * @param backend what carries the frames
 * @param mac address, first byte in bits 40..47
 * @param mtu largest packet above the Ethernet header, bytes
 * @param pairs receive and transmit virtqueues
 * @param ring the virtqueues but the control queue
 * @param offloads whether the offloads are offered
 */
record NetConfig(Backend backend, long mac, int mtu, int pairs, RingOptions ring, boolean offloads) {

    /** The least an IPv4 host must take (RFC 791), and virtio 1.2 §5.1.4.1's least. */
    static final int LEAST_MTU = 68;

    static final int MOST_MTU = 65535;
    static final int MOST_PAIRS = 8;
    static final int CONTROL_QUEUE_SIZE = 64;
    private static final int QUEUE_SIZE = 256;
    private static final int MAC_BYTES = 6;
    private static final String EXAMPLE_MAC = "52:54:00:12:34:56";

    /** What carries frames between this process and the host. */
    enum Backend {
        /** A tap descriptor for each pair. */
        TAP,
        /** A stream socket to passt. */
        PASST,
        /** Nothing: the link is down. */
        NONE,
        /** Every frame comes back, by way of a tap's and of passt's code: the warm-up. */
        ECHO
    }

    NetConfig {
        if (!isUnicast(mac)) {
            throw new IllegalArgumentException("mac: '" + text(mac)
                    + "' is no unicast address; the first byte is even and not all are 0: " + EXAMPLE_MAC);
        }
        range("mtu", mtu, LEAST_MTU, MOST_MTU);
        range("pairs", pairs, 1, MOST_PAIRS);
        if (backend == Backend.PASST && pairs != 1) {
            throw new IllegalArgumentException("pairs: " + pairs + "; passt has one stream, so 1 is allowed");
        }
    }

    /** Whether an address can be an interface's own. */
    static boolean isUnicast(long mac) {
        return (mac >>> 40 & 1) == 0 && mac != 0;
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
    static NetConfig from(DeviceConfig entries) {
        return new NetConfig(
                backend(entries.text("backend", "none")),
                mac(entries.text("mac", EXAMPLE_MAC)),
                entries.integer("mtu", 1500),
                entries.integer("pairs", 1),
                RingOptions.from(entries, QUEUE_SIZE),
                RingOptions.flag(entries, "offloads", true));
    }

    private static Backend backend(String value) {
        return switch (value) {
            case "tap" -> Backend.TAP;
            case "passt" -> Backend.PASST;
            case "none" -> Backend.NONE;
            case "echo" -> Backend.ECHO;
            default ->
                throw new IllegalArgumentException("backend: '" + value + "'; allowed are tap, passt, none, echo");
        };
    }

    private static long mac(String value) {
        if (!value.matches("[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")) {
            throw new IllegalArgumentException("mac: '" + value + "'; write it as " + EXAMPLE_MAC);
        }
        return Long.parseLong(value.replace(":", ""), 16);
    }

    private static String text(long mac) {
        StringBuilder text = new StringBuilder();
        for (int i = MAC_BYTES - 1; i >= 0; i--) {
            text.append("%02x".formatted(mac >>> (8 * i) & 0xFF)).append(i > 0 ? ":" : "");
        }
        return text.toString();
    }
}
