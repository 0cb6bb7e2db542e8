package io.jvmm.it;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Numbered lines to something in the guest that answers each, over a serial port or a console on a unix socket. A line that a
 * dying process had read and not yet passed on may be lost (PROTOCOL.md, "Commit rule"), so one without an answer is sent
 * again, and counted; an answer that is no answer to anything asked is a fault. One thread.
 */
final class LineEcho implements AutoCloseable {
    private static final long ANSWER_MILLIS = 3000;

    private final Path socket;
    private final String question;
    private final String answer;
    private final Thread thread;
    private volatile boolean stopping;
    private volatile int answered;
    private final AtomicInteger repeated = new AtomicInteger();
    private final AtomicInteger connections = new AtomicInteger();

    /** {@code question} and {@code answer} have a %d each, for the number. */
    LineEcho(String name, Path socket, String question, String answer) {
        this.socket = socket;
        this.question = question;
        this.answer = answer;
        thread = Thread.ofPlatform().daemon().name(name).start(this::talk);
    }

    private void talk() {
        while (!stopping) {
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                channel.configureBlocking(false);
                connections.incrementAndGet();
                StringBuilder heard = new StringBuilder();
                while (!stopping && ask(channel, heard)) {
                    Transcript.pause(20);
                }
            } catch (IOException e) {
                // The process that listens there is being replaced.
                pause();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void pause() {
        try {
            Transcript.pause(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** False when the connection has ended. */
    private boolean ask(SocketChannel channel, StringBuilder heard) throws IOException, InterruptedException {
        int number = answered + 1;
        ByteBuffer bytes =
                ByteBuffer.wrap(String.format(Locale.ROOT, question, number).getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        String expected = String.format(Locale.ROOT, answer, number);
        long deadline = System.nanoTime() + ANSWER_MILLIS * 1_000_000;
        ByteBuffer in = ByteBuffer.allocate(4096);
        while (System.nanoTime() - deadline < 0 && !stopping) {
            int n = channel.read(in.clear());
            if (n < 0) {
                return false;
            }
            heard.append(new String(in.array(), 0, n, StandardCharsets.ISO_8859_1));
            if (heard.indexOf(expected) >= 0) {
                heard.setLength(0);
                answered = number;
                return true;
            }
            Transcript.pause(2);
        }
        repeated.incrementAndGet();
        return true;
    }

    int answered() {
        return answered;
    }

    /** Waits for one answer more, and then asks no more; false when none comes. */
    boolean finish() throws InterruptedException {
        int before = answered;
        long deadline = System.nanoTime() + DebianMachine.COMMAND.toNanos();
        while (answered == before && System.nanoTime() - deadline < 0) {
            Transcript.pause(20);
        }
        stopping = true;
        thread.join(Machine.PATIENCE);
        return answered != before;
    }

    /** How often a line was sent again, and how often the connection was made anew. */
    String losses() {
        return repeated + " sent again, " + connections + " connections";
    }

    @Override
    public void close() {
        stopping = true;
    }
}
