package io.jvmm.supervisor.telemetry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Serves metrics over HTTP/1.1, for a scraper: {@code GET /metrics}, one client after the other on a thread of its own. Hostile: whoever can connect.
 * A request's head has 8 KiB and two seconds, an answer two; then the connection is closed, as it is after each answer. The event
 * loop never waits for it.
 */
public final class MetricsServer implements AutoCloseable {
    private static final int LONGEST_HEAD = 8192;
    private static final long PATIENCE_NS = 2_000_000_000L;
    private static final String TEXT = "text/plain; charset=utf-8";

    private final ServerSocketChannel listening;
    private final Supplier<Optional<String>> metrics;
    private final Thread thread;

    /**
     * Begins to serve.
     *
     * @param listening bound; taken over
     * @param metrics the text, or nothing when there is no machine just now; called on the server's thread
     */
    public MetricsServer(ServerSocketChannel listening, Supplier<Optional<String>> metrics) {
        this.listening = listening;
        this.metrics = metrics;
        this.thread = Thread.ofPlatform().daemon().name("metrics").start(this::run);
    }

    private void run() {
        while (listening.isOpen()) {
            try (SocketChannel client = listening.accept();
                    Selector selector = Selector.open()) {
                client.configureBlocking(false);
                SelectionKey key = client.register(selector, SelectionKey.OP_READ);
                Optional<String> head = head(client, selector);
                if (head.isPresent()) {
                    key.interestOps(SelectionKey.OP_WRITE);
                    answer(client, selector, head.get());
                }
            } catch (IOException e) {
                pause(); // the client's affair, or we are being closed; without descriptors there are some later
            } catch (RuntimeException e) {
                System.getLogger("jvmm").log(System.Logger.Level.WARNING, "metrics", e); // a bug; the next is served
                pause();
            }
        }
    }

    private void pause() {
        if (listening.isOpen()) {
            java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    /** The first line, when the head is whole. */
    private static Optional<String> head(SocketChannel client, Selector selector) throws IOException {
        long endNs = System.nanoTime() + PATIENCE_NS;
        ByteBuffer bytes = ByteBuffer.allocate(LONGEST_HEAD);
        while (bytes.hasRemaining() && await(selector, endNs)) {
            if (client.read(bytes) < 0) {
                return Optional.empty();
            }
            String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.ISO_8859_1);
            if (text.contains("\r\n\r\n") || text.contains("\n\n")) {
                return text.lines().findFirst();
            }
        }
        return Optional.empty();
    }

    private static boolean await(Selector selector, long endNs) throws IOException {
        long leftMs = (endNs - System.nanoTime()) / 1_000_000;
        selector.selectedKeys().clear();
        return leftMs > 0 && selector.select(leftMs) > 0;
    }

    private void answer(SocketChannel client, Selector selector, String line) throws IOException {
        String[] words = line.split(" ", -1);
        boolean head = words[0].equals("HEAD");
        String reply;
        if (words.length != 3 || !words[2].startsWith("HTTP/1.")) {
            reply = reply("400 Bad Request", TEXT, "This is no HTTP/1.1.\n", false);
        } else if (!words[0].equals("GET") && !head) {
            reply = reply("405 Method Not Allowed", TEXT, "Use GET.\n", false);
        } else if (!words[1].split("\\?", 2)[0].equals("/metrics")) {
            reply = reply("404 Not Found", TEXT, "There is only /metrics.\n", head);
        } else {
            reply = scraped(head);
        }
        ByteBuffer bytes = ByteBuffer.wrap(reply.getBytes(StandardCharsets.UTF_8));
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (bytes.hasRemaining() && await(selector, endNs)) {
            client.write(bytes);
        }
    }

    private String scraped(boolean head) {
        try {
            return metrics.get()
                    .map(text -> reply("200 OK", OpenMetrics.CONTENT_TYPE, text, head))
                    .orElseGet(
                            () -> reply("503 Service Unavailable", TEXT, "The machine is between two lives.\n", head));
        } catch (RuntimeException e) {
            System.getLogger("jvmm").log(System.Logger.Level.WARNING, "metrics", e);
            return reply("500 Internal Server Error", TEXT, "The supervisor has a bug; it has logged it.\n", head);
        }
    }

    private static String reply(String status, String type, String text, boolean headOnly) {
        return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: "
                + text.getBytes(StandardCharsets.UTF_8).length + "\r\nConnection: close\r\n"
                + (status.startsWith("405") ? "Allow: GET, HEAD\r\n" : "") + "\r\n" + (headOnly ? "" : text);
    }

    @Override
    public void close() {
        try {
            listening.close();
            thread.join(TimeUnit.SECONDS.toMillis(1));
        } catch (IOException e) {
            return; // its thread is a daemon
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
