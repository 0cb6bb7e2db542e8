package io.jvmm.supervisor.telemetry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Serves metrics over HTTP/1.1, for a scraper: {@code GET /metrics}, several clients at once on a thread of its own. Hostile: whoever can connect.
 * A request's head has 8 KiB and two seconds, an answer two; then the connection is closed, as it is after each answer. Whoever has said nothing
 * whole for longest goes when there are too many. What is younger than a second is not asked for again. The event loop never waits for it.
 */
public final class MetricsServer implements AutoCloseable {
    /** At once. */
    static final int MOST_CLIENTS = 16;

    private static final int LONGEST_HEAD = 8192;
    private static final long PATIENCE_NS = 2_000_000_000L;
    private static final long FRESH_NS = 1_000_000_000L;
    private static final String TEXT = "text/plain; charset=utf-8";

    private final ServerSocketChannel listening;
    private final Supplier<Optional<String>> metrics;
    private final long freshNs;
    private final Selector selector;
    private final Thread thread;
    private volatile boolean closing;
    /** The oldest first. */
    private final Deque<Client> clients = new ArrayDeque<>();

    /** The last text, once there is one; only on the server's thread. */
    private Optional<String> taken = Optional.empty();

    private boolean known;
    private long takenNs;

    /** Whoever has connected. */
    private static final class Client {
        private final SocketChannel channel;
        private final SelectionKey key;
        private final ByteBuffer head = ByteBuffer.allocate(LONGEST_HEAD);
        private @Nullable ByteBuffer answer;
        private long endNs = System.nanoTime() + PATIENCE_NS;

        Client(SocketChannel channel, SelectionKey key) {
            this.channel = channel;
            this.key = key;
        }

        /** Reads what has come; the first line, when the head is whole. It throws when no more is to come. */
        Optional<String> read() throws IOException {
            if (channel.read(head) < 0) {
                throw new IOException("it has gone");
            }
            String text = new String(head.array(), 0, head.position(), StandardCharsets.ISO_8859_1);
            if (text.contains("\r\n\r\n") || text.contains("\n\n")) {
                return Optional.of(text.lines().findFirst().orElse(""));
            }
            if (!head.hasRemaining()) {
                throw new IOException("it says too much");
            }
            return Optional.empty();
        }
    }

    /**
     * Begins to serve.
     *
     * @param listening bound; taken over
     * @param metrics the text, or nothing when there is no machine just now; called on the server's thread
     */
    public MetricsServer(ServerSocketChannel listening, Supplier<Optional<String>> metrics) {
        this(listening, metrics, FRESH_NS);
    }

    /** @param freshNs so long a text is given again */
    MetricsServer(ServerSocketChannel listening, Supplier<Optional<String>> metrics, long freshNs) {
        this.listening = listening;
        this.metrics = metrics;
        this.freshNs = freshNs;
        try {
            selector = Selector.open();
            listening.configureBlocking(false);
            listening.register(selector, SelectionKey.OP_ACCEPT);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.thread = Thread.ofPlatform().daemon().name("metrics").start(this::run);
    }

    private void run() {
        while (!closing) {
            try {
                serve();
            } catch (IOException e) {
                pause(); // without descriptors there are some later
            } catch (RuntimeException e) {
                System.getLogger("jvmm").log(System.Logger.Level.WARNING, "metrics", e); // a bug; the next is served
                pause();
            }
        }
        List.copyOf(clients).forEach(this::drop);
    }

    private void pause() {
        if (!closing) {
            java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    /** Waits for something to do, and does it. */
    private void serve() throws IOException {
        selector.selectedKeys().clear();
        selector.select(clients.isEmpty() ? 0 : TimeUnit.NANOSECONDS.toMillis(PATIENCE_NS) / 10);
        long nowNs = System.nanoTime();
        for (Client client : List.copyOf(clients)) {
            if (nowNs - client.endNs >= 0) {
                drop(client); // whoever says a byte at a time has no more time than others
            } else if (selector.selectedKeys().contains(client.key)) {
                serve(client);
            }
        }
        SocketChannel next = listening.accept();
        if (next != null) {
            accept(next);
        }
    }

    private void accept(SocketChannel channel) throws IOException {
        if (clients.size() == MOST_CLIENTS) {
            drop(clients.stream().filter(c -> c.answer == null).findFirst().orElse(clients.getFirst()));
        }
        try {
            channel.configureBlocking(false);
            clients.add(new Client(channel, channel.register(selector, SelectionKey.OP_READ)));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private void serve(Client client) {
        try {
            ByteBuffer answer = client.answer;
            if (answer == null) {
                Optional<String> line = client.read();
                if (line.isEmpty()) {
                    return;
                }
                answer = ByteBuffer.wrap(answer(line.get()).getBytes(StandardCharsets.UTF_8));
                client.answer = answer;
                client.endNs = System.nanoTime() + PATIENCE_NS;
                client.key.interestOps(SelectionKey.OP_WRITE);
            }
            client.channel.write(answer);
            if (!answer.hasRemaining()) {
                drop(client);
            }
        } catch (IOException e) {
            drop(client); // its own affair
        }
    }

    private void drop(Client client) {
        clients.remove(client);
        try {
            client.channel.close();
        } catch (IOException e) {
            System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "metrics", e);
        }
    }

    private String answer(String line) {
        String[] words = line.split(" ", -1);
        boolean head = words[0].equals("HEAD");
        if (words.length != 3 || !words[2].startsWith("HTTP/1.")) {
            return reply("400 Bad Request", TEXT, "This is no HTTP/1.1.\n", false);
        }
        if (!words[0].equals("GET") && !head) {
            return reply("405 Method Not Allowed", TEXT, "Use GET.\n", false);
        }
        if (!words[1].split("\\?", 2)[0].equals("/metrics")) {
            return reply("404 Not Found", TEXT, "There is only /metrics.\n", head);
        }
        return scraped(head);
    }

    private String scraped(boolean head) {
        try {
            return fresh().map(text -> reply("200 OK", OpenMetrics.CONTENT_TYPE, text, head))
                    .orElseGet(
                            () -> reply("503 Service Unavailable", TEXT, "The machine is between two lives.\n", head));
        } catch (RuntimeException e) {
            System.getLogger("jvmm").log(System.Logger.Level.WARNING, "metrics", e);
            return reply("500 Internal Server Error", TEXT, "The supervisor has a bug; it has logged it.\n", head);
        }
    }

    /** Whoever asks in a loop costs the machine no more than one who asks once a second. */
    private Optional<String> fresh() {
        if (!known || System.nanoTime() - takenNs >= freshNs) {
            taken = metrics.get();
            known = true;
            takenNs = System.nanoTime();
        }
        return taken;
    }

    private static String reply(String status, String type, String text, boolean headOnly) {
        return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: "
                + text.getBytes(StandardCharsets.UTF_8).length + "\r\nConnection: close\r\n"
                + (status.startsWith("405") ? "Allow: GET, HEAD\r\n" : "") + "\r\n" + (headOnly ? "" : text);
    }

    @Override
    public void close() {
        closing = true;
        selector.wakeup();
        try {
            thread.join(TimeUnit.SECONDS.toMillis(1));
            listening.close();
            selector.close();
        } catch (IOException e) {
            return; // its thread is a daemon
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
