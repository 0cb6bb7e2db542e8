package io.jvmm.supervisor.cli;

import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.bus.TelemetryBus;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlRequest;
import io.jvmm.supervisor.control.ControlServer;
import io.jvmm.supervisor.control.PollSet;
import io.jvmm.supervisor.ctl.CtlMain;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The part of the training run in which a client asks for something and observes: jvmmctl runs on the same class cache as the supervisor, and so does the
 * stream's end on either side.
 */
final class ControlTraining implements PollSet {
    private static final long TURN_NS = 10_000_000L;
    private static final long MOST_NS = 120_000_000_000L;

    /** Slots are numbered as they come: a few clients do not fill it. */
    private final Poller poller = new Poller(16);

    private final TelemetryHub hub = new TelemetryHub();

    /** Asks for some things, and watches for two samples; true when all were answered. */
    static boolean run(PrintStream nowhere) throws IOException {
        Path directory = Files.createTempDirectory("jvmm-train-");
        Path socket = directory.resolve("control");
        UnixSocket listening = UnixSocket.listen(socket, 1);
        listening.fd().setNonBlocking(true);
        try (ControlServer server = new ControlServer(listening.fd())) {
            ControlTraining training = new ControlTraining();
            try (TelemetryHub _ = training.hub;
                    TelemetryBus bus = new TelemetryBus(training.hub, directory)) {
                return training.run(server, bus, socket.toString(), nowhere);
            }
        } finally {
            Files.deleteIfExists(socket);
            removeIfEmpty(directory);
        }
    }

    /** A stream that ends late on a busy host leaves something behind; no build fails of it. */
    private static void removeIfEmpty(Path directory) throws IOException {
        try {
            Files.deleteIfExists(directory);
        } catch (DirectoryNotEmptyException e) {
            System.err.println(directory + " is not empty");
        }
    }

    private boolean run(ControlServer server, TelemetryBus bus, String socket, PrintStream nowhere) {
        server.join(this, (request, answer) -> answer.accept(answer(request, bus)));
        hub.served(true);
        hub.event(Telemetry.Kind.RUNNING, LogLevel.INFO, "", 0, Telemetry.UNKNOWN, "the guest runs");
        AtomicBoolean answered = new AtomicBoolean();
        Thread client = Thread.ofPlatform().start(() -> {
            CtlMain ctl = new CtlMain(nowhere, nowhere);
            answered.set(ctl.run("--socket", socket, "status") == 0
                    && ctl.run("--socket", socket, "device", "list") == 0
                    && ctl.run("--socket", socket, "events") == 0
                    && ctl.run("--socket", socket, "top", "--once") == 0
                    && ctl.run("--help") == 0);
        });
        long endNs = System.nanoTime() + MOST_NS;
        while (client.isAlive() && System.nanoTime() - endNs < 0) {
            poller.await(TURN_NS);
            server.serve();
            hub.asked().forEach(ControlTraining::look);
        }
        return answered.get();
    }

    private static void look(TelemetryHub.Request request) {
        if (request instanceof TelemetryHub.Request.Sample sample) {
            List<Telemetry.Count> counts = Arrays.stream(DeviceCounter.values())
                    .map(c -> new Telemetry.Count(c.number(), 1))
                    .toList();
            Telemetry.Row row = new Telemetry.Row(
                    "rng",
                    "rng",
                    "serving",
                    (int) ProcessHandle.current().pid(),
                    0,
                    Telemetry.Usage.NOTHING,
                    1,
                    new Telemetry.Latency(1, 1000, 1000),
                    Telemetry.Latency.NONE,
                    0,
                    Telemetry.Counters.DEVICE,
                    counts);
            Telemetry.Machine machine = new Telemetry.Machine("trained", "running", "x86", 1, 1 << 20, 1, 1);
            sample.answer().accept(new Telemetry.Sample(machine, List.of(row), List.of(), 0));
        }
    }

    private ControlReply answer(ControlRequest request, TelemetryBus bus) {
        return switch (request) {
            case ControlRequest.Status _ -> new ControlReply.Status("trained", "running", 1, "x86", 1, 1 << 20, 1);
            case ControlRequest.Events _ -> new ControlReply.Events(hub.history());
            case ControlRequest.Observe _ -> new ControlReply.Bus(bus.open());
            default ->
                new ControlReply.Devices(List.of(new ControlReply.Device(
                        "rng",
                        "rng",
                        List.of("rng0"),
                        1,
                        "serving",
                        0,
                        true,
                        OptionalInt.of(1),
                        "1",
                        "connected",
                        "/")));
        };
    }

    @Override
    public int take(Fd fd, int events) {
        return poller.add(fd, events);
    }

    @Override
    public void change(int slot, int events) {
        poller.setEvents(slot, events);
    }

    @Override
    public void free(int slot) {
        poller.ignore(slot);
    }

    @Override
    public int ready(int slot) {
        return poller.ready(slot);
    }
}
