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
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Register reads over a link between two processes, and beside each its floor: spinning against two words in shared
 * memory, sleeping against two eventfds. The pairs are measured in turns; a figure is the median of the rounds.
 */
final class LinkBench {
    static final int WORDS_BYTES = 4096;
    /** Many short rounds: one that lost its core to somebody else does not move the median. */
    private static final int ROUNDS = 101;

    private static final int WARM_UP_ROUNDS = 40;
    private static final int SPINNING = 1_000;
    private static final int SLEEPING = 200;
    private static final long SCHED_SETAFFINITY = 203;
    private static final long FOREVER_NS = 60_000_000_000L;

    private final Table table;
    private final Path directory;
    private long plain = 1;

    LinkBench(Table table, Path directory) {
        this.table = table;
        this.directory = directory;
    }

    /** Both processes on cores of their own, then both on one. */
    void run() throws IOException, InterruptedException {
        bind(1L);
        try {
            measure();
        } finally {
            bind(-1L);
        }
    }

    private void measure() throws IOException, InterruptedException {
        table.heading("Register read over a link, two processes, round trip");
        Map<Kind, Double> apart = measure("1", List.of(Kind.values()));
        compare(
                apart,
                Kind.PLAIN,
                "two words in shared memory (VarHandle), spinning",
                Kind.LINK_SPINNING,
                "link, spinning");
        compare(apart, Kind.EVENTFD, "two eventfds, two cores", Kind.LINK_SLEEPING, "link, sleeping, two cores");
        Map<Kind, Double> together = measure("0", List.of(Kind.EVENTFD, Kind.LINK_SLEEPING));
        compare(together, Kind.EVENTFD, "two eventfds, one core", Kind.LINK_SLEEPING, "link, sleeping, one core");
    }

    /** Binds this thread, and what it starts, to the cores of a mask (sched_setaffinity(2)). */
    private static void bind(long mask) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment set = arena.allocateFrom(ValueLayout.JAVA_LONG, mask);
            Syscall.check("bind to a core", Syscall.call(SCHED_SETAFFINITY, 0, Long.BYTES, set.address()));
        }
    }

    private void compare(Map<Kind, Double> figures, Kind floor, String floorName, Kind kind, String name) {
        double reference = figures.getOrDefault(floor, Double.NaN);
        double value = figures.getOrDefault(kind, Double.NaN);
        table.nanoseconds(floorName, reference, "");
        table.nanoseconds(name, value, Table.ratio(value, reference, "the line above"));
    }

    /** Median nanoseconds of a round trip, with the answering process bound to a core; we are on core 0. */
    private Map<Kind, Double> measure(String core, List<Kind> kinds) throws IOException, InterruptedException {
        Path socketPath = directory.resolve("link-" + core);
        Process peer;
        try (UnixSocket listener = UnixSocket.listen(socketPath, 1);
                MemFd words = MemFd.createSealed("bench", WORDS_BYTES);
                EventFd request = EventFd.create();
                EventFd event = EventFd.create();
                Fd ask = PingPong.blockingEventFd();
                Fd answer = PingPong.blockingEventFd();
                LinkMemory memory = LinkMemory.create(LinkSpec.device(1));
                Mapping mapping = words.map()) {
            peer = start(core, socketPath);
            try (UnixSocket connection = listener.accept();
                    BootChannel channel = BootChannel.over(connection.fd())) {
                channel.send(BootRecord.builder()
                        .fd("link", memory.fd())
                        .fd("request", request.fd())
                        .fd("event", event.fd())
                        .fd("words", words.fd())
                        .fd("ask", ask)
                        .fd("answer", answer)
                        .build());
            }
            BoardEndpoint spinning = new BoardEndpoint(memory, request, event, new WaitPolicy(FOREVER_NS, FOREVER_NS));
            BoardEndpoint sleeping = new BoardEndpoint(memory, request, event, new WaitPolicy(0, FOREVER_NS));
            plain = 1;
            Map<Kind, double[]> samples = new EnumMap<>(Kind.class);
            try (Writer orders = peer.outputWriter(StandardCharsets.US_ASCII);
                    BufferedReader answers = peer.inputReader(StandardCharsets.US_ASCII)) {
                for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
                    for (Kind kind : kinds) {
                        int count = kind == Kind.PLAIN || kind == Kind.LINK_SPINNING ? SPINNING : SLEEPING;
                        orders.write(kind + " " + count + "\n");
                        orders.flush();
                        answers.readLine();
                        long start = System.nanoTime();
                        ask(kind, count, mapping, spinning, sleeping, ask, answer);
                        double ns = (System.nanoTime() - start) / (double) count;
                        if (round >= 0) {
                            samples.computeIfAbsent(kind, k -> new double[ROUNDS])[round] = ns;
                        }
                    }
                }
            }
            peer.waitFor();
            Map<Kind, Double> medians = new EnumMap<>(Kind.class);
            samples.forEach((kind, all) -> medians.put(kind, median(all)));
            return medians;
        } finally {
            Files.deleteIfExists(socketPath);
        }
    }

    private void ask(
            Kind kind, int count, Mapping words, BoardEndpoint spinning, BoardEndpoint sleeping, Fd ask, Fd answer) {
        switch (kind) {
            case PLAIN -> {
                PingPong.askPlain(words, plain, count);
                plain += count;
            }
            case LINK_SPINNING -> read(spinning, count);
            case EVENTFD -> PingPong.askEventFd(ask, answer, count);
            case LINK_SLEEPING -> read(sleeping, count);
        }
    }

    private static void read(BoardEndpoint board, int count) {
        for (int i = 0; i < count; i++) {
            long value = board.read(0, 0, i & 7, 1);
            if (value != (i & 7)) {
                throw new AssertionError("read " + value + ", expected " + (i & 7));
            }
        }
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

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
