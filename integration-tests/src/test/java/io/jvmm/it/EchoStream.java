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
 * connection know, so that a byte lost, doubled or changed is noticed where it happens: over vsock, a serial port, the console. Two
 * threads.
 */
final class EchoStream implements AutoCloseable {
    private static final int CHUNK = 8192;

    /** So much may be under way: enough to fill every buffer, little enough to end quickly. */
    private static final long MOST_UNDER_WAY = 64 * 1024;

    /** A serial line's: no driver loses a byte for want of a buffer, and the guest's processor has something else to do as well. */
    private static final int SLOW_UNDER_WAY = 512;

    private static final int SLOW_PIECE = 64;
    private static final long SLOW_MILLIS = 40;

    /** Longer than a device may be away; the line holds what is sent so long. */
    private static final long LONGEST_SILENCE_NS = 20_000_000_000L;

    private final String name;
    private final boolean slow;
    private final SocketChannel channel;
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong received = new AtomicLong();
    private final Thread writer;
    private final Thread reader;
    /** The end of what comes once bytes are not compared any more, and when something of it came. */
    private volatile String heard = "";

    private volatile long heardAtNs;

    private volatile boolean compared = true;
    private volatile boolean quiet;
    private @Nullable Thread noise;
    private volatile boolean stopping;
    private volatile @Nullable String fault;

    EchoStream(String name, SocketChannel channel, long seed) {
        this(name, channel, seed, false);
    }

    private EchoStream(String name, SocketChannel channel, long seed, boolean slow) {
        this.name = name;
        this.slow = slow;
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
            if (!stopping) {
                fail(e.toString());
            }
        }
    }

    private void fail(String what) {
        if (fault == null) {
            fault = name + " after " + sent.get() + " bytes there and " + received.get() + " back: " + what;
        }
    }

    private void write(long seed) throws IOException, InterruptedException {
        Sequence sequence = new Sequence(seed);
        ByteBuffer chunk = sequence.next();
        while (!stopping && fault == null) {
            if (sent.get() - received.get() > (slow ? SLOW_UNDER_WAY : MOST_UNDER_WAY)) {
                Transcript.pause(1);
                continue;
            }
            int length = slow ? Math.min(SLOW_PIECE, chunk.remaining()) : chunk.remaining();
            ByteBuffer piece = chunk.slice(chunk.position(), length);
            while (piece.hasRemaining()) {
                sent.addAndGet(channel.write(piece));
            }
            chunk.position(chunk.position() + length);
            chunk = chunk.hasRemaining() ? chunk : sequence.next();
            if (slow) {
                Transcript.pause(SLOW_MILLIS);
            }
        }
        if (!slow) {
            channel.shutdownOutput(); // and the echo ends, which that of a line does not
        }
    }

    private void read(long seed) throws IOException {
        Sequence sequence = new Sequence(seed);
        ByteBuffer expected = sequence.next();
        ByteBuffer bytes = ByteBuffer.allocateDirect(CHUNK);
        while (channel.read(bytes.clear()) >= 0) {
            bytes.flip();
            if (!compared) {
                hear(StandardCharsets.ISO_8859_1.decode(bytes).toString());
            }
            while (bytes.hasRemaining()) {
                if (!expected.hasRemaining()) {
                    expected = sequence.next();
                }
                int length = Math.min(bytes.remaining(), expected.remaining());
                int wrong = bytes.slice(bytes.position(), length).mismatch(expected.slice(expected.position(), length));
                if (wrong >= 0) {
                    fail("the byte at " + (received.get() + wrong) + " is not the one that was sent but "
                            + bytes.get(bytes.position() + wrong));
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

    /** The reader's thread. */
    private void hear(String more) {
        String all = heard + more;
        heard = all.substring(Math.max(0, all.length() - CHUNK));
        heardAtNs = System.nanoTime();
    }

    /** What is wrong so far; null as long as nothing is. */
    @Nullable
    String fault() {
        return fault;
    }

    String name() {
        return name;
    }

    long receivedBytes() {
        return received.get();
    }

    /** Waits until all has come back; from now on sends lines, and takes whatever comes. */
    void finishComparing() throws InterruptedException {
        if (compared) {
            finish();
            compared = false;
            heardAtNs = System.nanoTime();
            noise = Thread.ofPlatform().daemon().name(name + "-noise").start(() -> guarded(this::makeNoise));
        }
    }

    /** As long as somebody answers: else the line would fill, and who writes to it would wait. */
    private void makeNoise() throws IOException, InterruptedException {
        while (!quiet && System.nanoTime() - heardAtNs < LONGEST_SILENCE_NS) {
            channel.write(ByteBuffer.wrap("something to carry, sixty-four bytes of it, while it is frozen.\n"
                    .getBytes(StandardCharsets.US_ASCII)));
            Transcript.pause(SLOW_MILLIS);
        }
    }

    /** Whether a word still comes back, whatever else does. */
    void stillAnswers() throws IOException, InterruptedException {
        quiet = true;
        Thread last = noise;
        if (last != null) {
            last.join();
        }
        channel.write(ByteBuffer.wrap("\nstill there\n".getBytes(StandardCharsets.US_ASCII)));
        long deadline = System.nanoTime() + DebianMachine.COMMAND.toNanos();
        while (heard.indexOf("\nstill there\n") < 0) {
            if (System.nanoTime() - deadline > 0) {
                fail("nothing comes back any more but " + heard);
                return;
            }
            Transcript.pause(10);
        }
    }

    /** Sends no more and waits until all has come back. */
    void finish() throws InterruptedException {
        if (!compared) {
            return;
        }
        stopping = true;
        writer.join(DebianMachine.COMMAND);
        long deadline = System.nanoTime() + DebianMachine.COMMAND.toNanos();
        while (slow && received.get() != sent.get() && fault == null && System.nanoTime() - deadline < 0) {
            Transcript.pause(10);
        }
        if (!slow) {
            reader.join(DebianMachine.COMMAND);
        }
        if (fault == null && ((reader.isAlive() && !slow) || received.get() != sent.get())) {
            fail("not everything came back");
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** What makes the guest echo, saying {@code ready1} and a newline first. */
    interface Preparation {
        void accept(SocketChannel line) throws Exception;
    }

    /** Over a serial port or a console on a unix socket, one connection for the whole of it. */
    static EchoStream line(String name, Path socket, Preparation prepare, long seed) throws Exception {
        SocketChannel channel = SocketChannel.open(java.net.UnixDomainSocketAddress.of(socket));
        prepare.accept(channel);
        channel.configureBlocking(false);
        await(channel, "ready1\n");
        channel.configureBlocking(true);
        return new EchoStream(name, channel, seed, true);
    }

    private static void await(SocketChannel channel, String word) throws IOException, InterruptedException {
        StringBuilder heard = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        long deadline = System.nanoTime() + DebianMachine.COMMAND.toNanos();
        while (heard.indexOf(word) < 0) {
            int count = channel.read(one.clear());
            if (count < 0 || System.nanoTime() - deadline > 0) {
                throw new IOException("instead of " + word.strip() + " came: " + heard);
            }
            if (count > 0) {
                heard.append((char) (one.get(0) & 0xFF));
            } else {
                Transcript.pause(2);
            }
        }
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
