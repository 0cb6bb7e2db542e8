package io.jvmm.it;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One connection to a control socket (CONTROL.md), for a test that asks often: {@code jvmmctl} takes a JVM each time. One thread. */
final class ControlLine implements AutoCloseable {
    private static final Pattern DEVICE = Pattern.compile(
            "\\{\"name\":\"([^\"]+)\",\"class\":\"([^\"]+)\"(?:,\"devices\":\\[[^]]*])?,\"pid\":(\\d+),\"state\":\"([a-z]+)\",\"restarts\":(\\d+),\"spare\":(\\w+)");
    private static final Pattern STALL = Pattern.compile(
            "\\{\"class\":\"([^\"]+)\",\"what\":\"([^\"]+)\",\"count\":(\\d+),\"p50Ns\":(\\d+),\"p99Ns\":(\\d+),\"maxNs\":(\\d+)");
    private static final double NS_PER_MS = 1e6;

    private final SocketChannel channel;

    /** A device process; {@code pid} is 0 when there is none just now. */
    record Device(String name, String deviceClass, long pid, String state, int restarts, boolean spare) {
        boolean serves() {
            return state.equals("serving");
        }
    }

    ControlLine(Path socket) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    private String ask(String request) throws IOException {
        channel.write(ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8)));
        StringBuilder reply = new StringBuilder();
        ByteBuffer bytes = ByteBuffer.allocate(8192);
        while (reply.isEmpty() || reply.charAt(reply.length() - 1) != '\n') {
            if (channel.read(bytes.clear()) < 0) {
                throw new IOException("the control socket has ended after " + reply);
            }
            reply.append(new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8));
        }
        return reply.toString();
    }

    List<Device> devices() throws IOException {
        String reply = ask("{\"do\":\"device-list\"}");
        List<Device> devices = new ArrayList<>();
        for (Matcher m = DEVICE.matcher(reply); m.find(); ) {
            devices.add(new Device(
                    m.group(1),
                    m.group(2),
                    Long.parseLong(m.group(3)),
                    m.group(4),
                    Integer.parseInt(m.group(5)),
                    Boolean.parseBoolean(m.group(6))));
        }
        if (devices.isEmpty()) {
            throw new AssertionError("no devices in " + reply);
        }
        return devices;
    }

    Device device(String name) throws IOException {
        return devices().stream()
                .filter(d -> d.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no device " + name));
    }

    /** How long devices were away and the guest waited, a line each. */
    String stalls() throws IOException {
        StringBuilder table = new StringBuilder(
                String.format("%-10s %-14s %6s %9s %9s %9s%n", "class", "what", "count", "p50 ms", "p99 ms", "max ms"));
        for (Matcher m = STALL.matcher(ask("{\"do\":\"stalls\"}")); m.find(); ) {
            table.append(String.format(
                    "%-10s %-14s %6s %9.1f %9.1f %9.1f%n",
                    m.group(1),
                    m.group(2),
                    m.group(3),
                    Long.parseLong(m.group(4)) / NS_PER_MS,
                    Long.parseLong(m.group(5)) / NS_PER_MS,
                    Long.parseLong(m.group(6)) / NS_PER_MS));
        }
        return table.toString();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
