package io.jvmm.supervisor.config;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A network card (virtio 1.2 §5.1).
 *
 * @param tap interface of the host, used or created; with {@link Backend#TAP} only
 * @param mac station address, six pairs of hexadecimal digits
 * @param mtu largest packet in bytes
 * @param pairs of a receive and a transmit queue
 * @param offloads whether checksums and segmentation are offered
 * @param forwards ports of the host that lead into the guest; with {@link Backend#PASST} only
 * @param hostLoopback whether the gateway's address is the host's loopback to the guest; with {@link Backend#PASST} only
 */
public record NetConfig(
        Placement placement,
        Backend backend,
        Optional<String> tap,
        String mac,
        int mtu,
        int pairs,
        int queueSize,
        boolean packed,
        boolean offloads,
        List<Forward> forwards,
        boolean hostLoopback)
        implements VirtioConfig {
    public static final int MOST_PAIRS = 8;
    static final int STANDARD_MTU = 1500;
    static final int STANDARD_QUEUE_SIZE = 256;
    public static final int SMALLEST_MTU = 68;
    public static final int LARGEST_MTU = 65520;

    /** {@code IFNAMSIZ} without the end mark (netdevice(7)). */
    public static final int LONGEST_TAP = 15;

    static final String NO_LOOPBACK = "only backend \"passt\" can lead to the host's loopback. Remove host_loopback.";

    private static final Pattern MAC = Pattern.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}");
    private static final Pattern TAP = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    /** What the card is joined to. */
    public enum Backend implements Word {
        /** An interface of the host. */
        TAP,
        /** passt(1): the guest has the host's network through the user's own sockets. */
        PASST,
        /** Nothing: no cable. */
        NONE
    }

    /**
     * A port of the host's loopback that leads to one of the guest.
     *
     * @param tcp or else UDP
     */
    public record Forward(boolean tcp, int hostPort, int guestPort) {
        private static final Pattern WRITTEN = Pattern.compile("(tcp|udp):(\\d{1,5}):(\\d{1,5})");
        private static final int LAST_PORT = 65535;

        public Forward {
            if (hostPort < 1 || hostPort > LAST_PORT || guestPort < 1 || guestPort > LAST_PORT) {
                throw new IllegalArgumentException("ports are 1 to " + LAST_PORT + ".");
            }
        }

        /** Reads {@code tcp:8080:80}. */
        public static Forward parse(String text) {
            Matcher m = WRITTEN.matcher(text);
            if (!m.matches()) {
                throw new IllegalArgumentException(Quoted.of(text)
                        + " is no forward: protocol, port of the host, port of the guest. Use e.g. \"tcp:8080:80\".");
            }
            return new Forward("tcp".equals(m.group(1)), Integer.parseInt(m.group(2)), Integer.parseInt(m.group(3)));
        }

        /** The first that takes a port of the host which one before it has taken. */
        static Optional<Forward> repeated(List<Forward> forwards) {
            Set<Integer> taken = new HashSet<>();
            for (Forward f : forwards) {
                if (!taken.add(f.tcp ? f.hostPort : -f.hostPort)) {
                    return Optional.of(f);
                }
            }
            return Optional.empty();
        }

        @Override
        public String toString() {
            return (tcp ? "tcp:" : "udp:") + hostPort + ":" + guestPort;
        }
    }

    public NetConfig {
        forwards = List.copyOf(forwards);
        checkMac(mac);
        tap.ifPresent(NetConfig::checkTap);
        VirtioConfig.checkQueueSize(queueSize);
        if (mtu < SMALLEST_MTU || mtu > LARGEST_MTU) {
            throw new IllegalArgumentException(
                    mtu + " is no MTU: " + SMALLEST_MTU + " to " + LARGEST_MTU + " bytes can be had.");
        }
        if (pairs < 1 || pairs > MOST_PAIRS) {
            throw new IllegalArgumentException(pairs + " pairs of queues: 1 to " + MOST_PAIRS + " can be had.");
        }
        if (backend == Backend.PASST && pairs != 1) {
            throw new IllegalArgumentException("passt has one pair of queues. Remove queues, or use a tap.");
        }
        if (tap.isPresent() && backend != Backend.TAP) {
            throw new IllegalArgumentException("only backend \"tap\" has an interface. Remove tap.");
        }
        if (!forwards.isEmpty() && backend != Backend.PASST) {
            throw new IllegalArgumentException("only backend \"passt\" forwards ports. Remove forward.");
        }
        if (hostLoopback && backend != Backend.PASST) {
            throw new IllegalArgumentException(NO_LOOPBACK);
        }
    }

    /** A card with a network through passt, everything else as it is when nothing is said of it. */
    public static NetConfig passt(String machine) {
        return new NetConfig(
                Placement.standard("0"),
                Backend.PASST,
                Optional.empty(),
                standardMac(machine, "0"),
                STANDARD_MTU,
                1,
                STANDARD_QUEUE_SIZE,
                false,
                true,
                List.of(),
                false);
    }

    @Override
    public String deviceClass() {
        return "net";
    }

    /** The pairs and the control queue (§5.1.2). */
    @Override
    public int queues() {
        return 2 * pairs + 1;
    }

    static String checkMac(String mac) {
        String text = mac.toLowerCase(Locale.ROOT);
        if (!MAC.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    Quoted.of(mac) + " is no MAC address. Use e.g. mac = \"02:00:00:00:00:01\".");
        }
        if ((Integer.parseInt(text.substring(0, 2), 16) & 1) != 0) {
            throw new IllegalArgumentException(
                    mac + " is a group's address, and a card needs its own: an even second digit.");
        }
        return text;
    }

    static String checkTap(String tap) {
        if (tap.length() > LONGEST_TAP || !TAP.matcher(tap).matches()) {
            throw new IllegalArgumentException(Quoted.of(tap) + " is no name of an interface: at most " + LONGEST_TAP
                    + " letters, digits, '.', '_' and '-'. Use e.g. tap = \"tap0\".");
        }
        return tap;
    }

    /**
     * The address of a card that is given none: the same at every start, different for another machine and another card, and
     * marked as locally administered (IEEE 802, bit 1 of the first octet).
     */
    static String standardMac(String machine, String id) {
        long hash = 0xcbf29ce484222325L;
        for (char c : (machine + "/" + id).toCharArray()) {
            hash = (hash ^ c) * 0x100000001b3L;
        }
        hash ^= hash >>> 32;
        StringBuilder mac = new StringBuilder("02");
        for (int octet = 4; octet >= 0; octet--) {
            mac.append(String.format(":%02x", hash >>> (8 * octet) & 0xff));
        }
        return mac.toString();
    }
}
