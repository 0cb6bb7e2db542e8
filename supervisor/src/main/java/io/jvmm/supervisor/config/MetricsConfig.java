package io.jvmm.supervisor.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where metrics are served.
 *
 * @param listen an address of the host's and a port, or a unix socket; nowhere without it
 */
public record MetricsConfig(Optional<SocketAddress> listen) {
    /** Nowhere. */
    public static final MetricsConfig NONE = new MetricsConfig(Optional.empty());

    private static final Pattern TCP = Pattern.compile("(?:\\[([0-9a-fA-F:.]+)]|([0-9.]+|localhost)):([0-9]{1,5})");
    private static final int LARGEST_PORT = 65_535;

    /** Whether somebody on another host could reach it. */
    public boolean isPublic() {
        return listen.map(a ->
                        a instanceof InetSocketAddress tcp && !tcp.getAddress().isLoopbackAddress())
                .orElse(false);
    }

    /** A unix socket's. */
    public Optional<Path> path() {
        return listen.filter(UnixDomainSocketAddress.class::isInstance)
                .map(a -> ((UnixDomainSocketAddress) a).getPath());
    }

    /** Whether a text is a path, and no address. */
    static boolean isPath(String text) {
        return text.contains("/");
    }

    /**
     * A unix socket.
     *
     * @throws IllegalArgumentException when its path is too long
     */
    static MetricsConfig at(Path path) {
        if (path.toString().getBytes(StandardCharsets.UTF_8).length > SerialConfig.LONGEST_SOCKET_PATH) {
            throw new IllegalArgumentException("a socket's path may have " + SerialConfig.LONGEST_SOCKET_PATH
                    + " bytes, and " + path + " has more. Choose a shorter one.");
        }
        return new MetricsConfig(Optional.of(UnixDomainSocketAddress.of(path)));
    }

    /**
     * An address and a port. Names are not asked for: only numbers, and localhost.
     *
     * @throws IllegalArgumentException when it is none
     */
    static MetricsConfig at(String text) {
        Matcher m = TCP.matcher(text);
        if (!m.matches() || Integer.parseInt(m.group(3)) > LARGEST_PORT) {
            throw new IllegalArgumentException(Quoted.of(text)
                    + " is no address. Write \"127.0.0.1:9100\", \"[::1]:9100\", or the path of a unix socket.");
        }
        String host = m.group(1) == null ? m.group(2) : m.group(1);
        try {
            InetAddress address =
                    host.equals("localhost") ? InetAddress.ofLiteral("127.0.0.1") : InetAddress.ofLiteral(host);
            return new MetricsConfig(Optional.of(new InetSocketAddress(address, Integer.parseInt(m.group(3)))));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(Quoted.of(host) + " is no address of the Internet's. Write numbers.", e);
        }
    }
}
