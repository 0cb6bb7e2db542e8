package io.jvmm.supervisor.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** RFC 9112 as far as a scraper needs it, and clients that keep to nothing. */
class MetricsServerTest {
    private volatile boolean broken;
    private Optional<String> text = Optional.of("# EOF\n");
    private ServerSocketChannel listening = open();
    private MetricsServer server = new MetricsServer(open(), Optional::empty);

    private static ServerSocketChannel open() {
        try {
            return ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @BeforeEach
    void serve() {
        server.close();
        listening = open();
        server = new MetricsServer(listening, this::scrape, 0);
    }

    private Optional<String> scrape() {
        if (broken) {
            throw new IllegalStateException("on purpose");
        }
        return text;
    }

    @AfterEach
    void close() {
        server.close();
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(listening.getLocalAddress());
    }

    private String ask(String request) throws IOException {
        try (SocketChannel channel = connect()) {
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
            return answer(channel);
        }
    }

    private static String answer(SocketChannel channel) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(1 << 16);
        try {
            while (channel.read(all) >= 0) {
                assertTrue(all.hasRemaining());
            }
        } catch (IOException e) {
            return "reset"; // it had not read all that was sent when it closed
        }
        return new String(all.array(), 0, all.position(), StandardCharsets.UTF_8);
    }

    @Test
    void aScraperGetsTheText() throws IOException {
        String answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assertEquals(
                List.of(
                        "HTTP/1.1 200 OK",
                        "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8",
                        "Content-Length: 6",
                        "Connection: close",
                        "",
                        "# EOF\n"),
                List.of(answer.split("\r\n", -1)));
        assertTrue(ask("GET /metrics?name[]=x HTTP/1.0\n\n").endsWith("\r\n\r\n# EOF\n"));
        assertTrue(ask("HEAD /metrics HTTP/1.1\r\n\r\n").endsWith("Content-Length: 6\r\nConnection: close\r\n\r\n"));
    }

    @Test
    void whoeverWantsSomethingElseIsToldSo() throws IOException {
        assertTrue(ask("GET / HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 404 "));
        assertTrue(ask("POST /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 405 "));
        assertTrue(ask("hello\r\n\r\n").startsWith("HTTP/1.1 400 "));
        text = Optional.empty();
        assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 503 "));
    }

    @Test
    void whoSaysTooMuchOrGoesIsLetGoAndTheNextIsServed() throws IOException {
        Random random = new Random(TestSeed.next());
        for (int i = 0; i < 50; i++) {
            byte[] noise = new byte[random.nextInt(20_000)];
            random.nextBytes(noise);
            try (SocketChannel channel = connect()) {
                channel.write(ByteBuffer.wrap(noise));
                if (random.nextBoolean()) {
                    channel.shutdownOutput();
                    answer(channel);
                }
            } catch (IOException e) {
                assertTrue(noise.length > 8_000, "only who says too much is cut off: " + e);
            }
        }
        assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 "));
    }

    /** A bug of those who count is told, and the thread lives on. */
    @Test
    void whatGoesWrongIsToldAndTheNextIsServed() throws IOException {
        broken = true;
        assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 500 "));
        broken = false;
        assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 "));
    }

    @Test
    void whoSaysNothingIsLetGo() throws IOException {
        try (SocketChannel silent = connect();
                SocketChannel _ = connect()) {
            assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 "), "after their seconds");
            assertEquals("", answer(silent));
        }
    }

    /** It always has something to read when the server looks, so that nothing but its time can end it. */
    @Test
    void whoSaysAByteAtATimeIsLetGo() throws IOException {
        try (SocketChannel slow = connect()) {
            slow.configureBlocking(false);
            ByteBuffer one = ByteBuffer.allocate(1);
            int said = 0;
            while (said < 8000 && !gone(slow, one)) {
                said++;
                LockSupport.parkNanos(1_000_000);
            }
            assertTrue(said < 8000, "it was served for as long as it had something to say");
        }
        assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 "));
    }

    private static boolean gone(SocketChannel slow, ByteBuffer one) {
        try {
            slow.write(one.clear());
            return slow.read(one.clear()) < 0;
        } catch (IOException e) {
            return true;
        }
    }

    /** As many as are served, and more, hold their connections and say nothing: who asks is answered at once, and not after their seconds. */
    @Test
    void theSilentDoNotStarveAScraper() throws IOException {
        List<SocketChannel> silent = new ArrayList<>();
        try {
            for (int n = 0; n < 2 * MetricsServer.MOST_CLIENTS; n++) {
                silent.add(connect());
            }
            assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 "));
            SocketChannel last = silent.getLast();
            last.configureBlocking(false);
            assertEquals(0, last.read(ByteBuffer.allocate(1)), "it still has its seconds");
        } finally {
            for (SocketChannel each : silent) {
                each.close();
            }
        }
    }

    @Test
    void whoAsksAllTheTimeGetsWhatIsThere() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        ServerSocketChannel place = open();
        try (MetricsServer _ = new MetricsServer(
                place,
                () -> {
                    asked.incrementAndGet();
                    return Optional.of("# EOF\n");
                },
                Long.MAX_VALUE)) {
            listening = place;
            for (int n = 0; n < 10; n++) {
                assertTrue(ask("GET /metrics HTTP/1.1\r\n\r\n").endsWith("# EOF\n"));
            }
            assertEquals(1, asked.get());
        }
    }
}
