package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.backend.Opening;
import io.jvmm.supervisor.backend.Streams;
import io.jvmm.supervisor.backend.Streams.Stream;
import io.jvmm.supervisor.config.BootConfig;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.ControlConfig;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.MemorySize;
import io.jvmm.supervisor.config.MetricsConfig;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VsockConfig;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The host's side of a machine: kernel, initrd, and what the serial ports and the debug console are wired to, opened by the
 * supervisor because no other process can open anything. It outlives a reset of the guest: a pty stays the same pty.
 */
public final class Backends implements AutoCloseable {
    private static final int READ = FileIo.READ_ONLY | FileIo.NO_CONTROLLING_TERMINAL;

    private static final String CONTROL_SUBJECT = "control.socket";
    private static final int CONTROL_BACKLOG = 16;
    private static final String METRICS_SUBJECT = "metrics.listen";
    private static final int METRICS_BACKLOG = 16;

    private final LoadedConfig config;
    private final Opening opening;
    private final List<Port> ports = new ArrayList<>();
    private final DeviceBackends devices;
    private @Nullable Fd kernel;
    private @Nullable Fd initrd;
    private @Nullable Fd debugConsole;
    private @Nullable Fd control;
    private @Nullable ServerSocketChannel metrics;

    /**
     * What one port is wired to.
     *
     * @param config null for a port that is only there because a higher one is
     */
    public record Port(@Nullable SerialConfig config, Stream stream) {}

    private Backends(LoadedConfig config, RuntimeDirectory runtime) {
        this.config = config;
        this.opening = new Opening(config, runtime);
        this.devices = new DeviceBackends(opening);
    }

    /** Opens everything, or says all that cannot be opened and leaves nothing open. */
    public static Backends open(LoadedConfig config, RuntimeDirectory runtime) throws ConfigException {
        Backends b = new Backends(config, runtime);
        b.openBootFiles();
        b.openPorts();
        b.devices.open();
        b.openControl(runtime);
        b.openMetrics();
        config.config()
                .platform()
                .debugConsole()
                .ifPresent(path -> b.debugConsole = b.opening.openFile("platform.debug_console", path, Streams.APPEND));
        if (!b.opening.problems().isEmpty()) {
            b.close();
            throw new ConfigException(b.opening.problems());
        }
        return b;
    }

    /** What {@link #open} would complain about, as far as one can tell without making a file. */
    public static List<ConfigProblem> check(LoadedConfig config, RuntimeDirectory runtime) {
        try (Backends b = new Backends(config, runtime)) {
            b.openBootFiles();
            for (SerialConfig port : config.config().serial()) {
                port.path().ifPresent(path -> b.opening.checkPlace(config.serialSubject(port.port(), "path"), path));
            }
            config.config().platform().debugConsole().ifPresent(p -> b.opening.checkPlace("platform.debug_console", p));
            b.devices.check();
            config.config()
                    .control()
                    .socket()
                    .filter(b::controlIsNobodyElses)
                    .ifPresent(p -> new Streams(b.opening).checkListen(CONTROL_SUBJECT, p));
            config.config().metrics().path().ifPresent(p -> new Streams(b.opening).checkListen(METRICS_SUBJECT, p));
            return b.opening.problems();
        }
    }

    /** The kernel's image, or that of the firmware. */
    public Fd kernel() {
        return java.util.Objects.requireNonNull(kernel);
    }

    public Optional<Fd> initrd() {
        return Optional.ofNullable(initrd);
    }

    public Optional<Fd> debugConsole() {
        return Optional.ofNullable(debugConsole);
    }

    /** COM1 first, without gaps, up to the highest that is configured. */
    public List<Port> ports() {
        return List.copyOf(ports);
    }

    /** What the devices on the PCI bus are wired to. */
    public DeviceBackends devices() {
        return devices;
    }

    /** Where clients of the control socket are to be listened for. */
    public Optional<Fd> control() {
        return Optional.ofNullable(control);
    }

    /** Where metrics are to be served; whoever takes it closes it. */
    public Optional<ServerSocketChannel> metrics() {
        return Optional.ofNullable(metrics);
    }

    /** What the user must be told: the names of ptys. */
    public List<String> notices() {
        return opening.notices();
    }

    private void openBootFiles() {
        BootConfig boot = config.config().boot();
        kernel = openImage(boot.firmware() ? "boot.firmware" : "boot.kernel", boot.kernel());
        config.config().boot().initrd().ifPresent(path -> initrd = openImage("boot.initrd", path));
    }

    /** A file to read whole: it must be one, not be empty, and fit into the guest. */
    private @Nullable Fd openImage(String subject, Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            opening.complain(subject, path + " is not a regular file. Name an image.");
            return null;
        }
        Fd fd = opening.openFile(subject, path, READ);
        if (fd == null) {
            return null;
        }
        long size = FileIo.size(fd);
        long memory = config.config().machine().memory().bytes();
        if (size == 0) {
            opening.complain(subject, path + " is empty. Name an image.");
        } else if (size > memory) {
            opening.complain(
                    subject,
                    path + " has " + MemorySize.human(size) + ", which does not fit into the guest's memory ("
                            + MemorySize.human(memory) + "). Raise machine.memory.");
        }
        return fd;
    }

    private void openControl(RuntimeDirectory runtime) {
        ControlConfig wanted = config.config().control();
        if (!wanted.enabled()) {
            return;
        }
        Path path = wanted.socket().orElse(runtime.controlSocket());
        if (path.toString().getBytes(StandardCharsets.UTF_8).length > SerialConfig.LONGEST_SOCKET_PATH) {
            opening.notice("no control socket, for " + path + " is too long for one. For jvmmctl set control.socket");
            return;
        }
        if (!controlIsNobodyElses(path)) {
            return;
        }
        control = new Streams(opening).listen(CONTROL_SUBJECT, path, CONTROL_BACKLOG);
        try {
            runtime.announce(config.config().machine().name(), path);
        } catch (IOException e) {
            opening.complain(CONTROL_SUBJECT, "the machine cannot be announced: " + e.getMessage() + ".");
        }
    }

    private void openMetrics() {
        MetricsConfig wanted = config.config().metrics();
        if (wanted.path().isPresent()) {
            metrics = new Streams(opening)
                    .listenOnChannel(METRICS_SUBJECT, wanted.path().get(), METRICS_BACKLOG);
        } else if (wanted.listen().isPresent()) {
            SocketAddress address = wanted.listen().get();
            try {
                ServerSocketChannel channel = ServerSocketChannel.open();
                metrics = channel;
                channel.bind(address, METRICS_BACKLOG);
            } catch (IOException e) {
                opening.complain(
                        METRICS_SUBJECT,
                        address + " cannot be listened on: " + e.getMessage() + ". Choose another address or port.");
            }
        }
        if (wanted.isPublic()) {
            opening.notice("metrics are served to everybody who reaches "
                    + wanted.listen().get() + ", without a password. For this host alone: 127.0.0.1");
        }
    }

    /** A guest reaches whoever listens where its vsock's port leads, and must not reach what its own machine obeys. */
    private boolean controlIsNobodyElses(Path path) {
        String place = path.toAbsolutePath().normalize().toString();
        for (VirtioConfig device : config.config().devices()) {
            if (device instanceof VsockConfig vsock) {
                String of = vsock.path().toAbsolutePath().normalize().toString();
                if (place.equals(of)) {
                    opening.complain(CONTROL_SUBJECT, path + " is where the vsock listens. Choose another path.");
                    return false;
                }
                if (place.startsWith(of + "_")
                        && place.substring(of.length() + 1).matches("[0-9]+")) {
                    opening.complain(
                            CONTROL_SUBJECT,
                            path
                                    + " is where a port of the vsock leads: the guest could control its own machine. Choose"
                                    + " another path.");
                    return false;
                }
            }
        }
        return true;
    }

    private void openPorts() {
        List<SerialConfig> configured = config.config().serial();
        int last = configured.isEmpty() ? 0 : configured.getLast().port();
        for (int number = 1; number <= last; number++) {
            int wanted = number;
            Port port = configured.stream()
                    .filter(s -> s.port() == wanted)
                    .findFirst()
                    .map(this::openPort)
                    .orElse(new Port(null, Stream.NONE));
            ports.add(port);
        }
    }

    private Port openPort(SerialConfig s) {
        String subject = config.serialSubject(s.port(), "path");
        return new Port(
                s, new Streams(opening).open("COM" + s.port(), subject, s.backend(), s.path(), Optional.empty()));
    }

    @Override
    public void close() {
        ServerSocketChannel m = metrics;
        if (m != null) {
            try {
                m.close();
            } catch (IOException e) {
                opening.notice("the socket of the metrics cannot be closed: " + e.getMessage());
            }
        }
        devices.close();
        opening.close();
    }
}
