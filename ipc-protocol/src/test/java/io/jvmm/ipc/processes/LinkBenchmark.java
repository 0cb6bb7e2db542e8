package io.jvmm.ipc.processes;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Round trips between two processes, in one table: a register read over a link beside the least that shared memory and
 * eventfds cost. Run it on an idle machine with two processors or more; arguments are flags for the device's JVM.
 */
final class LinkBenchmark {
    private static final int WARM_UP = 20_000;
    private static final int SAMPLES = 50_000;
    private static final int SLEEPING_SAMPLES = 10_000;
    private static final int STATE_LENGTH = 256;
    private static final int PING = 0;
    private static final int PONG = 128;
    private static final long STOP = -1;

    private LinkBenchmark() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length == 2 && args[0].equals("peer")) {
            peer(Path.of(args[1]));
            return;
        }
        System.out.printf("%-44s %10s %10s%n", "round trip", "p50 µs", "p99 µs");
        run("VarHandle ping-pong, spinning", 'v', 0, SAMPLES, args);
        run("register read over a link, spinning", 'l', 1_000_000, SAMPLES, args);
        run("register read with state commit, spinning", 'c', 1_000_000, SAMPLES, args);
        run("eventfd ping-pong, sleeping", 'e', 0, SLEEPING_SAMPLES, args);
        run("register read over a link, sleeping", 'l', 0, SLEEPING_SAMPLES, args);
        run("register read with state commit, sleeping", 'c', 0, SLEEPING_SAMPLES, args);
    }

    private static void run(String name, char what, long spinNs, int samples, String[] flags)
            throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("jvmm-benchmark");
        Path path = directory.resolve("socket");
        LinkMemory link = LinkMemory.create(LinkSpec.device(1));
        MemFd words = MemFd.createSealed("benchmark", 4096);
        StateSegment state = StateSegment.create("benchmark-state", 1, 1, STATE_LENGTH);
        EventFd request = EventFd.create();
        EventFd event = EventFd.create();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC"));
        command.addAll(Arrays.asList(flags));
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), LinkBenchmark.class.getName(), "peer", path.toString()));
        Process peer;
        try (UnixSocket listener = UnixSocket.listen(path, 1)) {
            peer = new ProcessBuilder(command).inheritIO().start();
            try (UnixSocket connection = listener.accept()) {
                connection.send(
                        (what + Long.toString(spinNs)).getBytes(StandardCharsets.US_ASCII),
                        List.of(link.fd(), words.fd(), state.fd(), request.fd(), event.fd()));
            }
        }
        try {
            Runnable roundTrip = switch (what) {
                case 'v' -> varHandlePing(words.map().buffer());
                case 'e' -> eventFdPing(request, event);
                default -> {
                    BoardEndpoint board =
                            new BoardEndpoint(link, request, event, new WaitPolicy(spinNs, 60_000_000_000L));
                    yield () -> board.read(0, 0, 0, 4);
                }
            };
            long[] ns = new long[samples];
            for (int i = 0; i < WARM_UP; i++) {
                roundTrip.run();
            }
            for (int i = 0; i < samples; i++) {
                long start = System.nanoTime();
                roundTrip.run();
                ns[i] = System.nanoTime() - start;
            }
            Arrays.sort(ns);
            System.out.printf("%-44s %10.2f %10.2f%n", name, ns[samples / 2] / 1e3, ns[samples * 99 / 100] / 1e3);
        } finally {
            peer.destroyForcibly().waitFor();
            Files.deleteIfExists(path);
            Files.deleteIfExists(directory);
        }
    }

    private static Runnable varHandlePing(UnsafeBuffer words) {
        long[] next = new long[1];
        return () -> {
            long number = ++next[0];
            words.putLongRelease(PING, number);
            while (words.getLongVolatile(PONG) != number) {
                Thread.onSpinWait();
            }
        };
    }

    private static Runnable eventFdPing(EventFd request, EventFd event) {
        Poller poller = new Poller(1);
        poller.add(event.fd(), Poller.READABLE);
        return () -> {
            request.signal();
            poller.await(Poller.FOREVER);
            event.drain();
        };
    }

    private static void peer(Path path) {
        try (UnixSocket socket = UnixSocket.connect(path)) {
            UnixSocket.Received received = socket.receive(64);
            String parameters = new String(received.bytes(), StandardCharsets.US_ASCII);
            char what = parameters.charAt(0);
            long spinNs = Long.parseLong(parameters.substring(1));
            LinkMemory link = LinkMemory.attach(received.fds().get(0), LinkKind.DEVICE);
            UnsafeBuffer words = MemFd.of(received.fds().get(1)).map().buffer();
            StateSegment state = StateSegment.adopt(received.fds().get(2), 1, 1, STATE_LENGTH);
            EventFd request = EventFd.of(received.fds().get(3));
            EventFd event = EventFd.of(received.fds().get(4));
            Poller poller = new Poller(1);
            poller.add(request.fd(), Poller.READABLE);
            switch (what) {
                case 'v' -> varHandlePong(words);
                case 'e' -> eventFdPong(poller, request, event);
                default ->
                    serve(new DeviceEndpoint(link, request, event, 0), what == 'c' ? state : null, poller, spinNs);
            }
        }
    }

    private static void varHandlePong(UnsafeBuffer words) {
        long last = 0;
        while (last != STOP) {
            long number = words.getLongVolatile(PING);
            if (number != last) {
                VarHandle.acquireFence();
                words.putLongRelease(PONG, number);
                last = number;
            } else {
                Thread.onSpinWait();
            }
        }
    }

    private static void eventFdPong(Poller poller, EventFd request, EventFd event) {
        while (request.fd().isOpen()) {
            poller.await(Poller.FOREVER);
            request.drain();
            event.signal();
        }
    }

    private static void serve(DeviceEndpoint link, @Nullable StateSegment state, Poller poller, long spinNs) {
        long idleSinceNs = System.nanoTime();
        while (link.violation() == null) {
            if (link.next()) {
                link.reply(link.offset());
                if (state != null) {
                    state.commit(link.positionAfter());
                }
                link.release();
                idleSinceNs = System.nanoTime();
            } else if (System.nanoTime() - idleSinceNs < spinNs) {
                Thread.onSpinWait();
            } else if (link.prepareToSleep()) {
                poller.await(Poller.FOREVER);
                link.awake();
            }
        }
    }
}
