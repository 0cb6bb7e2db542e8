package io.jvmm.supervisor.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.Publication;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.supervisor.bus.BusObserver;
import io.jvmm.supervisor.bus.TelemetryBus;
import io.jvmm.supervisor.telemetry.Telemetry;
import io.jvmm.supervisor.telemetry.TelemetryCodec;
import io.jvmm.supervisor.telemetry.TelemetryHub;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** PROTOCOL.md, "Telemetry bus": an observer of a machine that tells what this program cannot read, or nothing. */
@Timeout(120)
class CtlStreamTest {
    @TempDir
    Path directory;

    private final TelemetryHub hub = new TelemetryHub();
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private TelemetryBus bus = new TelemetryBus(hub, Path.of("/"));
    private Path socket = Path.of("/");
    private ServerSocketChannel server;

    CtlStreamTest() throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    }

    /** A machine that answers what observers ask first, and whose event loop does nothing else. */
    @BeforeEach
    void listen() throws IOException {
        bus = new TelemetryBus(hub, directory);
        socket = directory.resolve("s");
        server.bind(UnixDomainSocketAddress.of(socket));
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    answer();
                }
            } catch (IOException e) {
                // The test is over.
            }
        });
    }

    private void answer() throws IOException {
        try (SocketChannel client = server.accept()) {
            ByteBuffer asked = ByteBuffer.allocate(4096);
            while (client.read(asked) > 0 && asked.get(asked.position() - 1) != '\n') {
                // The rest of the line.
            }
            boolean observes = new String(asked.array(), StandardCharsets.UTF_8).contains("observe");
            String reply = observes ? "\"directory\":\"" + bus.open() + "\"" : "\"events\":[]";
            client.write(ByteBuffer.wrap(("{\"ok\":true," + reply + "}\n").getBytes(StandardCharsets.UTF_8)));
        }
    }

    @AfterEach
    void end() throws IOException {
        server.close();
        bus.close();
        hub.close();
    }

    private int run(String... args) {
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--socket", socket.toString()));
        return new CtlMain(out, out).run(all.toArray(new String[0]));
    }

    private String told() {
        return said.toString(StandardCharsets.UTF_8);
    }

    private static void await(String what, BooleanSupplier condition) {
        long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < endNs, what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Another program's records in the stream. */
    private final class Other implements AutoCloseable {
        private final Aeron aeron;
        private final Publication stream;

        Other() {
            aeron = Aeron.connect(
                    new Aeron.Context().aeronDirectoryName(bus.open().toString()));
            stream = aeron.addPublication("aeron:ipc?term-length=256k", 1);
        }

        void tell(DirectBuffer record, int length) {
            await("room", () -> stream.offer(record, 0, length) > 0);
        }

        @Override
        public void close() {
            aeron.close();
        }
    }

    private static UnsafeBuffer record(int version, int type, long sequence) {
        TelemetryCodec codec = new TelemetryCodec();
        int length = codec.encode(
                new Telemetry.Envelope(sequence, 1, new Telemetry.Log(LogLevel.INFO, "rng", "word " + sequence)));
        byte[] bytes = new byte[length];
        codec.buffer().getBytes(0, bytes);
        bytes[0] = (byte) version;
        bytes[2] = (byte) type;
        return new UnsafeBuffer(bytes);
    }

    /** It is told, and is not the end of the machine. */
    @Test
    void aMachineOfAnotherVersionIsNotWaitedFor() throws Exception {
        for (String[] command : List.of(new String[] {"top", "--once"}, new String[] {"events", "--follow"})) {
            said.reset();
            Path stream = bus.open();
            try (BusObserver first = new BusObserver(stream);
                    Other other = new Other()) {
                await("joined", first::isConnected);
                Thread teller = Thread.ofPlatform().daemon().start(() -> {
                    UnsafeBuffer record = record(2, 2, 1);
                    while (!Thread.interrupted()) {
                        first.poll(e -> {});
                        other.stream.offer(record);
                        LockSupport.parkNanos(5_000_000);
                    }
                });
                try {
                    assertEquals(4, run(command), this::told);
                } finally {
                    teller.interrupt();
                    teller.join();
                }
            }
            assertTrue(told().contains("is of version 2, and this jvmmctl knows 1"), this::told);
        }
    }

    @Test
    void topEndsWhereTheMachineSaysNothing() {
        assertEquals(4, run("top", "--once", "--timeout", "3"), this::told);
        assertTrue(told().contains("has not said how its processes are for 3 s"), this::told);
    }

    /** A type of the future, and a log record that ends too early: skipped, and not missed. */
    @Test
    void whatIsNotKnownIsSkipped() throws Exception {
        MachineSocket machine = new MachineSocket(socket, 60, new PrintStream(said, true, StandardCharsets.UTF_8));
        List<Long> got = new ArrayList<>();
        try (CtlStream stream = new CtlStream(machine)) {
            stream.poll(e -> {});
            try (Other other = new Other()) {
                other.tell(record(1, 2, 1), record(1, 2, 1).capacity());
                other.tell(record(1, 77, 2), 24);
                other.tell(record(1, 2, 3), 30);
                other.tell(record(1, 2, 4), record(1, 2, 4).capacity());
                List<CtlException> thrown = new ArrayList<>();
                await("the last", () -> {
                    try {
                        stream.poll(e -> got.add(e.sequence()));
                    } catch (CtlException e) {
                        thrown.add(e);
                    }
                    return !thrown.isEmpty() || got.contains(4L);
                });
                assertEquals(List.of(), thrown);
            }
            assertEquals(List.of(1L, 4L), got);
            assertEquals(0, stream.lost());
        }
    }
}
