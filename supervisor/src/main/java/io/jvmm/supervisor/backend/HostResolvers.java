package io.jvmm.supervisor.backend;

import java.io.IOException;
import java.io.InputStream;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The host's resolvers as resolv.conf(5) names them, and what passt(1) needs for a guest that may not reach the host's loopback.
 * passt reads the file, gives the guest its addresses by DHCP, and leaves out what is on the loopback (127.0.0.53 where systemd
 * resolves), which may be all of them. Such a resolver the guest is told to have at another address, {@link #STAND_IN}, of which
 * passt brings UDP port 53 alone to the first resolver it reads of. Options alone do not do that: with {@code --dns} passt
 * 2023-03-09 forgets whom to forward to, and without it does not tell the guest. So it gets a file that names both.
 *
 * @param text of the file
 */
record HostResolvers(String text) {
    static final HostResolvers NONE = new HostResolvers("");

    /** Link-local (RFC 3927), so that nobody beyond the gateway has it. */
    static final String STAND_IN = "169.254.1.1";

    static final Path FILE = Path.of("/etc/resolv.conf");

    private static final int MOST_BYTES = 64 * 1024;
    /** What follows the address the C library does not look at. */
    private static final Pattern NAMESERVER = Pattern.compile("nameserver[ \\t]+([0-9a-fA-F.:]+)(%\\S*)?(\\s.*)?");

    /** Those of this host now; none when the file cannot be read. */
    static HostResolvers read() {
        try (InputStream in = Files.newInputStream(FILE)) {
            return new HostResolvers(new String(in.readNBytes(MOST_BYTES), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return NONE;
        }
    }

    /** Whether one of them is where passt leaves it out, but can be told to forward to it. */
    boolean needStandIn() {
        return first().isPresent();
    }

    /** Whether all of them are on the loopback of IPv6, for which there is no stand-in. */
    boolean areOutOfReach() {
        List<InetAddress> all = text.lines().flatMap(l -> address(l).stream()).toList();
        return !all.isEmpty() && all.stream().allMatch(a -> a.isLoopbackAddress() && !isIpv4Loopback(a));
    }

    /** What passt is to read in the file's stead: first whom it forwards to, and in that one's old place the stand-in. */
    String withStandIn() {
        StringBuilder changed = new StringBuilder();
        first().ifPresent(a -> changed.append(nameserver(String.valueOf(a.getHostAddress()))));
        boolean stoodIn = false;
        for (String line : text.lines().toList()) {
            if (address(line).filter(HostResolvers::isIpv4Loopback).isEmpty()) {
                changed.append(line).append('\n');
            } else if (!stoodIn) {
                changed.append(nameserver(STAND_IN));
                stoodIn = true;
            }
        }
        return changed.toString();
    }

    private static String nameserver(String address) {
        return "nameserver " + address + "\n";
    }

    private Optional<InetAddress> first() {
        return text.lines()
                .flatMap(l -> address(l).stream())
                .filter(HostResolvers::isIpv4Loopback)
                .findFirst();
    }

    private static boolean isIpv4Loopback(InetAddress address) {
        return address instanceof Inet4Address && address.isLoopbackAddress();
    }

    /** The resolver of a line, if it names one. */
    private static Optional<InetAddress> address(String line) {
        Matcher m = NAMESERVER.matcher(line);
        try {
            return m.matches() ? Optional.of(InetAddress.ofLiteral(m.group(1))) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
