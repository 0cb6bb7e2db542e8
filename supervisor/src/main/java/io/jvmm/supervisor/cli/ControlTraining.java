package io.jvmm.supervisor.cli;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlRequest;
import io.jvmm.supervisor.control.ControlServer;
import io.jvmm.supervisor.control.PollSet;
import io.jvmm.supervisor.ctl.CtlMain;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;

/** The part of the training run in which a client asks for something: jvmmctl runs on the same class cache as the supervisor. */
final class ControlTraining implements PollSet {
    private static final long TURN_NS = 10_000_000L;
    private static final int MOST_TURNS = 1000;

    /** Slots are numbered as they come: a few clients do not fill it. */
    private final Poller poller = new Poller(16);

    /** Asks for two things; true when both were answered. */
    static boolean run(PrintStream nowhere) throws IOException {
        Path directory = Files.createTempDirectory("jvmm-train-");
        Path socket = directory.resolve("control");
        UnixSocket listening = UnixSocket.listen(socket, 1);
        listening.fd().setNonBlocking(true);
        try (ControlServer server = new ControlServer(listening.fd())) {
            return new ControlTraining().run(server, socket.toString(), nowhere);
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(directory);
        }
    }

    private boolean run(ControlServer server, String socket, PrintStream nowhere) {
        server.join(this, (request, answer) -> answer.accept(answer(request)));
        AtomicBoolean answered = new AtomicBoolean();
        Thread client = Thread.ofPlatform().start(() -> {
            CtlMain ctl = new CtlMain(nowhere, nowhere);
            answered.set(ctl.run("--socket", socket, "status") == 0
                    && ctl.run("--socket", socket, "device", "list") == 0
                    && ctl.run("--help") == 0);
        });
        for (int turn = 0; turn < MOST_TURNS && client.isAlive(); turn++) {
            poller.await(TURN_NS);
            server.serve();
        }
        return answered.get();
    }

    private static ControlReply answer(ControlRequest request) {
        return request instanceof ControlRequest.Status
                ? new ControlReply.Status("trained", "running", 1, "x86", 1, 1 << 20, 1)
                : new ControlReply.Devices(List.of(new ControlReply.Device(
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
