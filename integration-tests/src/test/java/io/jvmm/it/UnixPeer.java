package io.jvmm.it;

import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** The other end of a serial port on a unix socket. It reads only while it waits, so it can be as slow as a test likes. */
final class UnixPeer implements AutoCloseable {
    private static final long STEP_MILLIS = 10;

    private final SocketChannel channel;
    private final StringBuilder unread = new StringBuilder();

    private UnixPeer(SocketChannel channel) {
        this.channel = channel;
    }

    static UnixPeer connect(Path socket, Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                channel.connect(UnixDomainSocketAddress.of(socket));
                channel.configureBlocking(false);
                return new UnixPeer(channel);
            } catch (IOException e) {
                channel.close();
                if (System.nanoTime() - deadline > 0) {
                    throw new AssertionError("nobody listens on " + socket, e);
                }
                Transcript.pause(STEP_MILLIS);
            }
        }
    }

    void write(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    String await(String text, Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        while (true) {
            int at = unread.indexOf(text);
            if (at >= 0) {
                String result = unread.substring(0, at + text.length());
                unread.delete(0, at + text.length());
                return result;
            }
            int n = channel.read(buffer.clear());
            if (n > 0) {
                unread.append(new String(buffer.array(), 0, n, StandardCharsets.ISO_8859_1));
            } else if (n < 0 || System.nanoTime() - deadline > 0) {
                throw new AssertionError("no \"" + text + "\" on the socket; last: "
                        + unread.substring(Math.max(0, unread.length() - 300)));
            } else {
                Transcript.pause(STEP_MILLIS);
            }
        }
    }

    /** Waits until the other side ends it, and says nothing before. */
    void awaitEnd(Duration patience) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        ByteBuffer buffer = ByteBuffer.allocate(64);
        while (true) {
            int n;
            try {
                n = channel.read(buffer.clear());
            } catch (SocketException e) {
                return; // reset, since it did not read everything
            }
            if (n < 0) {
                return;
            }
            if (n > 0 || System.nanoTime() - deadline > 0) {
                throw new AssertionError(n > 0 ? "it said something" : "it does not end");
            }
            Transcript.pause(STEP_MILLIS);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
