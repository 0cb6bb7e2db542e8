package io.jvmm.it;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One long connection to an echo in the guest. Every byte that comes back is the next of a sequence that both ends of the
 * connection know, so that a byte lost, doubled or changed is noticed where it happens. Two threads.
 */
final class VsockStream implements AutoCloseable {
    private static final int CHUNK = 8192;

    /** So much may be under way: enough to fill every buffer, little enough to end quickly. */
    private static final long MOST_UNDER_WAY = 64 * 1024;

    private final String name;
    private final SocketChannel channel;
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong received = new AtomicLong();
    private final Thread writer;
    private final Thread reader;
    private volatile boolean stopping;
    private volatile @Nullable String fault;

    VsockStream(String name, SocketChannel channel, long seed) {
        this.name = name;
        this.channel = channel;
        writer = Thread.ofPlatform().daemon().name(name + "-writer").start(() -> guarded(() -> write(seed)));
        reader = Thread.ofPlatform().daemon().name(name + "-reader").start(() -> guarded(() -> read(seed)));
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private void guarded(Work work) {
        try {
            work.run();
        } catch (IOException | InterruptedException e) {
            fail(e.toString());
        }
    }

    private void fail(String what) {
        if (fault == null) {
            fault = name + " after " + sent.get() + " bytes there and " + received.get() + " back: " + what;
        }
    }

    private void write(long seed) throws IOException, InterruptedException {
        Sequence sequence = new Sequence(seed);
        while (!stopping && fault == null) {
            if (sent.get() - received.get() > MOST_UNDER_WAY) {
                Transcript.pause(1);
                continue;
            }
            ByteBuffer chunk = sequence.next();
            while (chunk.hasRemaining()) {
                sent.addAndGet(channel.write(chunk));
            }
        }
        channel.shutdownOutput();
    }

    private void read(long seed) throws IOException {
        Sequence sequence = new Sequence(seed);
        ByteBuffer expected = sequence.next();
        ByteBuffer bytes = ByteBuffer.allocateDirect(CHUNK);
        while (channel.read(bytes.clear()) >= 0) {
            bytes.flip();
            while (bytes.hasRemaining()) {
                if (!expected.hasRemaining()) {
                    expected = sequence.next();
                }
                int length = Math.min(bytes.remaining(), expected.remaining());
                int wrong = bytes.slice(bytes.position(), length).mismatch(expected.slice(expected.position(), length));
                if (wrong >= 0) {
                    fail("the byte at " + (received.get() + wrong) + " is not the one that was sent");
                    return;
                }
                bytes.position(bytes.position() + length);
                expected.position(expected.position() + length);
                received.addAndGet(length);
            }
        }
        if (!stopping) {
            fail("the connection ended");
        }
    }

    /** What is wrong so far; null as long as nothing is. */
    @Nullable
    String fault() {
        return fault;
    }

    long receivedBytes() {
        return received.get();
    }

    /** Sends no more and waits until all has come back. */
    void finish() throws InterruptedException {
        stopping = true;
        writer.join(DebianMachine.COMMAND);
        reader.join(DebianMachine.COMMAND);
        if (fault == null && (reader.isAlive() || received.get() != sent.get())) {
            fail("not everything came back");
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** By Firecracker's convention, to a port of the guest, as soon as somebody listens there. */
    static SocketChannel reach(Path socket, int port) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + Machine.PATIENCE.toNanos();
        while (true) {
            SocketChannel channel = SocketChannel.open(java.net.UnixDomainSocketAddress.of(socket));
            channel.write(ByteBuffer.wrap(("CONNECT " + port + "\n").getBytes(StandardCharsets.US_ASCII)));
            StringBuilder line = new StringBuilder();
            ByteBuffer one = ByteBuffer.allocate(1);
            while ((line.isEmpty() || line.charAt(line.length() - 1) != '\n') && channel.read(one.clear()) == 1) {
                line.append((char) one.get(0));
            }
            if (line.toString().startsWith("OK ")) {
                return channel;
            }
            channel.close();
            if (System.nanoTime() - deadline > 0) {
                throw new IOException("nobody listens on the guest's port " + port);
            }
            Transcript.pause(100);
        }
    }

    /** xorshift64. */
    private static final class Sequence {
        private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        private long state;

        Sequence(long seed) {
            state = seed;
        }

        ByteBuffer next() {
            chunk.clear();
            for (int at = 0; at < CHUNK; at += Long.BYTES) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                chunk.putLong(at, state);
            }
            return chunk;
        }
    }
}
