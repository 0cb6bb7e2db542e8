package io.jvmm.it.bench;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.it.bench.PingPong.Kind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A bare link, and the plain things it is measured against, between this process and a {@link LinkPeer} on a core of its own or on ours. */
final class LinkPair implements AutoCloseable {
    private static final long SCHED_SETAFFINITY = 203;
    private static final long FOREVER_NS = 60_000_000_000L;

    private final List<AutoCloseable> held = new ArrayList<>();
    private final Process peer;
    private final Writer orders;
    private final BufferedReader answers;
    private final Mapping words;
    private final Fd ask = hold(PingPong.blockingEventFd());
    private final Fd answer = hold(PingPong.blockingEventFd());
    private final EventFd interrupt = hold(EventFd.create());
    private final Poller poller = new Poller(1);
    private final BoardEndpoint spinning;
    private final BoardEndpoint sleeping;
    private long plain = 1;

    /**
     * Starts the peer.
     *
     * @param core where it runs
     */
    LinkPair(Path directory, String core) throws IOException {
        MemFd shared = hold(MemFd.createSealed("bench", LinkBench.WORDS_BYTES));
        words = hold(shared.map());
        EventFd request = hold(EventFd.create());
        EventFd event = hold(EventFd.create());
        LinkMemory memory = hold(LinkMemory.create(LinkSpec.device(1)));
        poller.add(interrupt.fd(), Poller.READABLE);
        Path socketPath = directory.resolve("link-" + core);
        try (UnixSocket listener = UnixSocket.listen(socketPath, 1)) {
            peer = start(core, socketPath);
            try (UnixSocket connection = listener.accept();
                    BootChannel channel = BootChannel.over(connection.fd())) {
                channel.send(BootRecord.builder()
                        .fd("link", memory.fd())
                        .fd("request", request.fd())
                        .fd("event", event.fd())
                        .fd("words", shared.fd())
                        .fd("ask", ask)
                        .fd("answer", answer)
                        .fd("interrupt", interrupt.fd())
                        .build());
            }
        } finally {
            Files.deleteIfExists(socketPath);
        }
        spinning = new BoardEndpoint(memory, request, event, new WaitPolicy(FOREVER_NS, FOREVER_NS));
        sleeping = new BoardEndpoint(memory, request, event, new WaitPolicy(0, FOREVER_NS));
        orders = peer.outputWriter(StandardCharsets.US_ASCII);
        answers = peer.inputReader(StandardCharsets.US_ASCII);
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** The same JVM with the same flags, on the core given. */
    private static Process start(String core, Path socket) throws IOException {
        List<String> command = new ArrayList<>(List.of("taskset", "-c", core));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(
                List.of("-cp", System.getProperty("java.class.path"), LinkPeer.class.getName(), socket.toString()));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Binds this thread, and what it starts, to the cores of a mask (sched_setaffinity(2)). */
    static void bind(long mask) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment set = arena.allocateFrom(ValueLayout.JAVA_LONG, mask);
            Syscall.check("bind to a core", Syscall.call(SCHED_SETAFFINITY, 0, Long.BYTES, set.address()));
        }
    }

    /** The peer is to answer so many; returns when it is about to. */
    void order(Kind kind, int count) throws IOException {
        orders.write(kind + " " + count + "\n");
        orders.flush();
        answers.readLine();
    }

    /** Asks so many, after an {@link #order} of them, without a pause. */
    void ask(Kind kind, int count) {
        switch (kind) {
            case PLAIN -> {
                PingPong.askPlain(words, plain, count);
                plain += count;
            }
            case EVENTFD -> PingPong.askEventFd(ask, answer, count);
            case LINK_SPINNING, LINK_SLEEPING, LINK_WOKEN, INTERRUPT, INTERRUPT_WOKEN -> {
                for (int i = 0; i < count; i++) {
                    askLink(kind, i & 7);
                }
            }
        }
    }

    /** One of those over the link. */
    void askLink(Kind kind, int offset) {
        switch (kind) {
            case LINK_SPINNING, LINK_WOKEN -> read(spinning, offset);
            case LINK_SLEEPING -> read(sleeping, offset);
            case INTERRUPT, INTERRUPT_WOKEN -> {
                spinning.kick(0, offset);
                poller.await(Poller.FOREVER);
                interrupt.drain();
            }
            case PLAIN, EVENTFD -> throw new IllegalArgumentException(kind + " is not of the link");
        }
    }

    private static void read(BoardEndpoint board, int offset) {
        long value = board.read(0, 0, offset, 1);
        if (value != offset) {
            throw new AssertionError("read " + value + ", expected " + offset);
        }
    }

    @Override
    public void close() throws IOException {
        answers.close();
        orders.close(); // the peer ends with its orders
        peer.onExit().join();
        for (AutoCloseable resource : held.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IOException(e);
            }
        }
    }
}
