package io.jvmm.supervisor.backend;

import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.supervisor.config.NetConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A passt(1) for one network card and one life of the machine: it has the other end of a stream socket on which every frame
 * follows its length (four bytes, the highest first), and confines itself. The host's loopback is out of the guest's reach, but
 * for a resolver there ({@link HostResolvers}), unless the card is to lead to it. It ends with the thread that started it, with the
 * socket, or with {@link #close}.
 *
 * @param title of the card, for messages
 * @param socket our end, for the card's process
 * @param output what it says
 * @param streams where a successor of the card's process finds its place in the socket's streams
 */
public record Passt(String title, JailedProcess process, Fd socket, Fd output, MemFd streams) implements AutoCloseable {
    private static final String PROGRAM = "passt";
    private static final String SETSID = "/usr/bin/setsid";
    private static final int SOCKET = 3;
    private static final String LOOPBACK = "127.0.0.1/";

    /** Where it is on this host. */
    static Optional<Path> find() {
        String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        return Stream.concat(Stream.of(path.split(":", -1)), Stream.of("/usr/bin", "/usr/local/bin"))
                .filter(d -> d.startsWith("/"))
                .map(d -> Path.of(d, PROGRAM))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Whether this host has it. */
    public static boolean isThere() {
        return find().isPresent();
    }

    /**
     * Starts one.
     *
     * @throws SysException when the host cannot
     * @throws UncheckedIOException when a temporary file cannot be made; one line for the user
     */
    static Passt start(NetConfig card, Path program) {
        HostResolvers resolvers = card.hostLoopback() ? HostResolvers.NONE : HostResolvers.read();
        List<String> command = command(card, program, resolvers.needStandIn());
        Pipe output = Pipe.create();
        try (Fd writer = output.writer();
                Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0)) {
            output.reader().setNonBlocking(true);
            UnixSocket.Pair pair = UnixSocket.streamPair();
            MemFd streams = null;
            try (Fd theirs = pair.right().fd()) {
                // The process last: whatever fails before it leaves none behind.
                pair.left().fd().setNonBlocking(true);
                streams = MemFd.createSealed("passt-streams", PasstStreamsLayout.TOTAL_BYTES);
                JailedProcess process = spawn(
                        command,
                        resolvers,
                        List.of(
                                new FdMapping(nothing.number(), 0),
                                new FdMapping(writer.number(), 1),
                                new FdMapping(writer.number(), 2),
                                new FdMapping(theirs.number(), SOCKET)));
                return new Passt(card.title(), process, pair.left().fd(), output.reader(), streams);
            } catch (RuntimeException e) {
                if (streams != null) {
                    streams.close();
                }
                pair.left().close();
                throw e;
            }
        } catch (RuntimeException e) {
            output.reader().close();
            throw e;
        }
    }

    private static JailedProcess spawn(List<String> command, HostResolvers resolvers, List<FdMapping> fds) {
        Map<String, String> environment = Map.of("PATH", "/usr/bin:/bin", "LC_ALL", "C");
        if (!resolvers.needStandIn()) {
            return Jail.spawnUnconfined(PROGRAM, command, environment, fds);
        }
        try {
            Path file = Files.createTempFile("jvmm-resolv-", ".conf");
            try {
                // passt started by root becomes nobody before it reads.
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
                Files.writeString(file, resolvers.withStandIn(), StandardCharsets.ISO_8859_1);
                return Jail.spawnUnconfined(PROGRAM, command, environment, fds, file, HostResolvers.FILE);
            } finally {
                Files.deleteIfExists(file); // or a process that runs would be lost to who asked for it
            }
        } catch (IOException e) {
            throw new UncheckedIOException("passt cannot be told of the host's resolver: " + Opening.reason(e), e);
        }
    }

    /** How it is called; {@code standIn}: for a guest that is to have a resolver of the host's loopback. */
    static List<String> command(NetConfig card, Path program, boolean standIn) {
        // In a session of its own: a signal to the supervisor's group, as Ctrl-C sends, is not for the network.
        List<String> argv = new ArrayList<>(List.of(
                SETSID,
                program.toString(),
                "--foreground",
                "--quiet",
                "--stderr",
                "--fd",
                Integer.toString(SOCKET),
                "--mtu",
                Integer.toString(card.mtu())));
        if (!card.hostLoopback()) {
            argv.add("--no-map-gw");
        }
        if (standIn) {
            argv.addAll(List.of("--dns-forward", HostResolvers.STAND_IN));
        }
        argv.addAll(forwards("--tcp-ports", card, true));
        argv.addAll(forwards("--udp-ports", card, false));
        return List.copyOf(argv);
    }

    /** On the loopback address: what is meant for the network needs a tap. */
    private static List<String> forwards(String option, NetConfig card, boolean tcp) {
        String ports = card.forwards().stream()
                .filter(f -> f.tcp() == tcp)
                .map(f -> f.hostPort() + ":" + f.guestPort())
                .collect(Collectors.joining(","));
        return List.of(option, ports.isEmpty() ? "none" : LOOPBACK + ports);
    }

    public Pidfd pidfd() {
        return process.pidfd();
    }

    @Override
    public void close() {
        socket.close();
        streams.close();
        process.kill();
        if (process.await(JailedProcess.DYING_NS).isPresent()) {
            process.pidfd().close();
        }
        output.close();
    }
}
