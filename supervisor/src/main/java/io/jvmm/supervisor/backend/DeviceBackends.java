package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import io.jvmm.supervisor.config.BalloonConfig;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.ConsoleConfig;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.NetConfig;
import io.jvmm.supervisor.config.RngConfig;
import io.jvmm.supervisor.config.SerialConfig;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VsockConfig;
import io.jvmm.supervisor.sys.WindowSize;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the devices on the PCI bus are wired to. Most of it outlives a reset of the guest. Made anew for each life are a stream
 * of frames, for nobody knows where in a frame it stopped, and the connections of a vsock, which are the last guest's.
 * One thread.
 */
public final class DeviceBackends implements AutoCloseable {
    private static final int VSOCK_BACKLOG = 64;
    private static final VsockStreamsLayout VSOCK_STREAMS =
            new VsockStreamsLayout(VsockConfig.MOST_CONNECTIONS, 128 * 1024);

    private final Opening opening;
    private final Map<VirtioConfig, Wiring> wirings = new HashMap<>();
    private final List<Passt> passts = new ArrayList<>();
    private final Map<VirtioConfig, Path> passtPrograms = new HashMap<>();
    private final Map<VirtioConfig, Fd> listeners = new HashMap<>();
    private final List<Channel> channels = new ArrayList<>();

    /** What a vsock has of the host in one life of the machine. */
    private record Channel(VirtioConfig device, VsockBroker broker) {}

    public DeviceBackends(Opening opening) {
        this.opening = opening;
    }

    private List<VirtioConfig> devices() {
        return opening.config().config().devices();
    }

    /** Opens all of it; what cannot be opened becomes a complaint. */
    public void open() {
        devices().forEach(d -> wirings.put(d, open(d)));
    }

    /** Complains about what {@link #open} would, as far as one can tell without making anything. */
    public void check() {
        LoadedConfig config = opening.config();
        for (VirtioConfig device : devices()) {
            switch (device) {
                case BlockConfig disk -> new DiskImages(opening).open(disk);
                case NetConfig card -> checkPasst(card);
                case ConsoleConfig console -> {
                    for (int n = 0; n < console.ports().size(); n++) {
                        String subject = LoadedConfig.consoleSubject(n, "path");
                        console.ports().get(n).path().ifPresent(path -> opening.checkPlace(subject, path));
                    }
                }
                case VsockConfig vsock ->
                    new Streams(opening).checkListen(config.deviceSubject(vsock, "path"), vsock.path());
                case RngConfig _, BalloonConfig _ -> {}
            }
        }
    }

    private Wiring open(VirtioConfig device) {
        return switch (device) {
            case BlockConfig disk -> new DiskImages(opening).open(disk);
            case NetConfig card -> openNet(card);
            case ConsoleConfig console -> openConsole(console);
            case RngConfig rng -> {
                Wiring wiring = new Wiring();
                rng.rateBytes().ifPresent(rate -> wiring.put("rate-bytes", rate));
                yield wiring;
            }
            case BalloonConfig balloon ->
                new Wiring()
                        .put("target-bytes", balloon.targetBytes())
                        .put("free-page-reporting", balloon.freePageReporting())
                        .put("deflate-on-oom", balloon.deflateOnOom())
                        .put("stats-interval-s", balloon.statsIntervalS());
            case VsockConfig vsock -> openVsock(vsock);
        };
    }

    private Wiring openNet(NetConfig card) {
        Wiring wiring = new Wiring()
                .put("backend", card.backend().word())
                .put("mac", card.mac())
                .put("mtu", card.mtu())
                .put("pairs", card.pairs())
                .put("queue-size", card.queueSize())
                .put("packed", card.packed())
                .put("offloads", card.offloads());
        switch (card.backend()) {
            case TAP -> new Taps(opening).open(card, wiring);
            case PASST -> checkPasst(card).ifPresent(program -> passtPrograms.put(card, program));
            case NONE -> {}
        }
        return wiring;
    }

    private Optional<Path> checkPasst(NetConfig card) {
        if (card.backend() != NetConfig.Backend.PASST) {
            return Optional.empty();
        }
        Optional<Path> program = Passt.find();
        if (program.isEmpty()) {
            opening.complain(
                    opening.config().deviceSubject(card, "backend"),
                    "this host has no passt. Install it: sudo apt-get install passt");
        }
        if (!card.hostLoopback() && HostResolvers.read().areOutOfReach()) {
            opening.notice("the host's resolver is on ::1 alone, where the guest of " + card.title()
                    + " does not reach it: give it another, or say host_loopback = true");
        }
        return program;
    }

    private Wiring openConsole(ConsoleConfig console) {
        Wiring wiring = new Wiring().put("ports", console.ports().size());
        Streams streams = new Streams(opening);
        for (int n = 0; n < console.ports().size(); n++) {
            ConsoleConfig.Port port = console.ports().get(n);
            String title = n == 0 ? "hvc0" : "port " + port.name();
            Streams.Stream stream = streams.open(
                    title, LoadedConfig.consoleSubject(n, "path"), port.backend(), port.path(), Optional.of(console));
            StreamBroker socket = stream.socket();
            wiring.put(n + ".name", port.name())
                    .put(n + ".backend", Streams.word(port.backend()))
                    .put(n + ".escape", port.backend() == SerialConfig.Backend.TERMINAL ? "ctrl-a" : "none")
                    .fd(n + ".in", stream.in())
                    .fd(n + ".out", stream.out())
                    .fd(n + ".connect", socket == null ? null : socket.connect())
                    .fd(n + ".stream", socket == null ? null : socket.stream());
        }
        if (console.ports().getFirst().backend() == SerialConfig.Backend.TERMINAL) {
            WindowSize.of(Fd.of(0))
                    .filter(s -> s.columns() > 0 && s.rows() > 0)
                    .ifPresent(size -> wiring.put("cols", size.columns()).put("rows", size.rows()));
        }
        return wiring;
    }

    private Wiring openVsock(VsockConfig vsock) {
        @Nullable
        Fd listen =
                new Streams(opening).listen(opening.config().deviceSubject(vsock, "path"), vsock.path(), VSOCK_BACKLOG);
        if (listen != null) {
            listeners.put(vsock, listen);
        }
        return new Wiring()
                .put("cid", vsock.cid())
                .put("connections", VSOCK_STREAMS.connections())
                .put("buffer-bytes", VSOCK_STREAMS.bufferBytes());
    }

    /**
     * Begins a life of the machine: what cannot be shared with the last one is made.
     *
     * @throws SysException when the host cannot
     */
    public void beginLife() {
        endLife();
        passtPrograms.forEach((device, program) -> {
            if (device instanceof NetConfig card) {
                passts.add(Passt.start(card, program));
            }
        });
        for (VirtioConfig device : devices()) {
            if (device instanceof VsockConfig vsock) {
                channels.add(new Channel(vsock, new VsockBroker(vsock.path(), listeners.get(vsock), VSOCK_STREAMS)));
            }
        }
    }

    /** Ends what {@link #beginLife} began. */
    private void endLife() {
        passts.forEach(Passt::close);
        passts.clear();
        channels.forEach(c -> c.broker().close());
        channels.clear();
    }

    /** What a device's process is told and given. */
    public Wiring wiring(VirtioConfig device) {
        Wiring fixed = Objects.requireNonNull(wirings.get(device));
        Wiring wiring = new Wiring();
        fixed.entries().forEach(wiring::put);
        fixed.fds().forEach(wiring::fd);
        passts.stream()
                .filter(p -> p.title().equals(device.title()))
                .forEach(p ->
                        wiring.fd("passt", p.socket()).fd("streams", p.streams().fd()));
        channels.stream()
                .filter(c -> c.device().equals(device))
                .forEach(c -> wiring.fd("connect", c.broker().deviceEnd())
                        .fd("streams", c.broker().streams()));
        return wiring;
    }

    /**
     * Starts another passt for a card whose passt has ended. What {@link #wiring} tells of the card is new then: its process must be replaced.
     *
     * @throws SysException when the host cannot
     */
    public Passt restart(Passt ended) {
        NetConfig card = passtPrograms.keySet().stream()
                .filter(device -> device.title().equals(ended.title()))
                .map(NetConfig.class::cast)
                .findFirst()
                .orElseThrow();
        Passt started = Passt.start(card, Objects.requireNonNull(passtPrograms.get(card)));
        passts.remove(ended);
        passts.add(started);
        ended.close();
        return started;
    }

    /** The card of a helper. */
    public VirtioConfig cardOf(Passt passt) {
        return devices().stream()
                .filter(device -> device.title().equals(passt.title()))
                .findFirst()
                .orElseThrow();
    }

    /** The helpers of this life. */
    public List<Passt> passts() {
        return List.copyOf(passts);
    }

    /** Those who bring clients of unix sockets, and connect the guest to them, for the serial device's ports too. */
    public List<Opening.Brokered> brokers() {
        List<Opening.Brokered> all = new ArrayList<>(opening.brokers());
        channels.forEach(c -> all.add(new Opening.Brokered(Optional.of(c.device()), c.broker())));
        return all;
    }

    @Override
    public void close() {
        endLife();
    }
}
