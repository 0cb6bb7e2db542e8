package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.supervisor.demo.DebianKernel;
import io.jvmm.supervisor.demo.DebianPackages;
import io.jvmm.supervisor.demo.DebianRoot;
import io.jvmm.supervisor.demo.Initramfs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Debian's kernel with its own vsock driver, a program of ours in it ({@code vsock.c}), and programs of the host at the unix sockets:
 * each side reaches the other, a thousand short connections both ways, much data both ways at once, through the jailed process.
 */
@Tag("boot")
class VsockIT extends MachineTest {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final int CONNECTIONS = Integer.getInteger("jvmm.vsock.connections", 1000);
    private static final int MEGABYTES = Integer.getInteger("jvmm.vsock.megabytes", 100);
    private static final int CHUNK = 64 * 1024;
    private static final int CHUNKS = MEGABYTES * 1024 * 1024 / CHUNK;
    private static final int ECHO_PORT = 5000;
    private static final int SHORT_PORT = 6000;
    private static final int BULK_PORT = 6001;

    private final ExecutorService programs = Executors.newCachedThreadPool();

    @Override
    protected void requirements() {
        if (!Host.has("gcc")) {
            throw new AssertionError("the guest's program is compiled here: apt-get install gcc libc6-dev");
        }
    }

    @Test
    void bothSidesReachEachOther() throws Exception {
        Path socket = dir.resolve("v.sock");
        DebianPackages packages =
                new DebianPackages(DebianPackages.standardCache(System.getenv()), System.out::println);
        String toml =
                """
                [machine]
                memory = "512M"
                vcpus = 1
                engine = "x86"
                [boot]
                kernel = "%s"
                initrd = "%s"
                cmdline = "console=ttyS0 quiet loglevel=4 panic=-1"
                on_reset = "exit"
                [lifecycle]
                ready_timeout_s = 120
                [[serial]]
                port = 1
                backend = "terminal"
                [[vsock]]
                cid = 42
                path = "%s"
                """.formatted(new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD), initrd(packages), socket);
        try (ServerSocketChannel shorts = listen(Path.of(socket + "_" + SHORT_PORT));
                ServerSocketChannel bulk = listen(Path.of(socket + "_" + BULK_PORT));
                Machine machine = Machine.with(dir, toml).onTerminal().run()) {
            programs.execute(() -> echo(shorts));
            Future<String> much = programs.submit(() -> muchData(bulk));
            machine.console().await("vsock listens", PATIENCE);
            long startNs = System.nanoTime();
            for (int i = 0; i < CONNECTIONS; i++) {
                assertEquals("question " + i, ask(socket, "question " + i));
            }
            System.out.println(CONNECTIONS + " connections to the guest: " + milliseconds(startNs) + " ms");
            System.out.println(throughTheGuest(socket));
            String said = machine.console().await("guest done", PATIENCE);
            System.out.println(said);
            System.out.println(much.get());
            assertFalse(said.contains("WRONG"), said);
            assertEquals(
                    "vsock done, 0 wrong",
                    said.lines()
                            .filter(line -> line.startsWith("vsock done"))
                            .findFirst()
                            .orElse(said)
                            .strip());
            assertFalse(said.contains("Call Trace"), said);
            assertEquals(0, machine.awaitExit(PATIENCE), machine.messages().text());
        } finally {
            programs.shutdownNow();
        }
    }

    private static long milliseconds(long startNs) {
        return (System.nanoTime() - startNs) / 1_000_000;
    }

    private static ServerSocketChannel listen(Path path) throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path), 64);
    }

    // ---- the host reaches the guest

    /** Firecracker's convention. */
    private static SocketChannel reach(Path socket, int port) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        write(channel, ByteBuffer.wrap(("CONNECT " + port + "\n").getBytes(StandardCharsets.US_ASCII)));
        StringBuilder line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (line.isEmpty() || line.charAt(line.length() - 1) != '\n') {
            if (channel.read(one.clear()) < 0) {
                throw new IOException("the guest refused port " + port + ": " + line);
            }
            line.append((char) one.get(0));
        }
        if (!line.toString().matches("OK \\d+\n")) {
            throw new IOException("instead of OK: " + line);
        }
        return channel;
    }

    private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static String ask(Path socket, String question) throws IOException {
        try (SocketChannel channel = reach(socket, ECHO_PORT)) {
            write(channel, ByteBuffer.wrap(question.getBytes(StandardCharsets.US_ASCII)));
            channel.shutdownOutput();
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            ByteBuffer bytes = ByteBuffer.allocate(100);
            while (channel.read(bytes.clear()) >= 0) {
                answer.write(bytes.array(), 0, bytes.position());
            }
            return answer.toString(StandardCharsets.US_ASCII);
        }
    }

    /** Much data to the guest's echo and back, both at once. */
    private String throughTheGuest(Path socket) throws Exception {
        long startNs = System.nanoTime();
        try (SocketChannel channel = reach(socket, ECHO_PORT)) {
            Future<Long> sent = programs.submit((Callable<Long>) () -> {
                long sum = send(channel, 3);
                channel.shutdownOutput();
                return sum;
            });
            CRC32C sum = new CRC32C();
            long got = 0;
            ByteBuffer bytes = ByteBuffer.allocateDirect(CHUNK);
            while (channel.read(bytes.clear()) >= 0) {
                got += bytes.position();
                sum.update(bytes.flip());
            }
            assertEquals((long) CHUNKS * CHUNK, got);
            assertEquals(sent.get(), sum.getValue(), "what came back");
        }
        return MEGABYTES + " MiB through the guest's echo: " + milliseconds(startNs) + " ms";
    }

    private static long send(SocketChannel channel, long seed) throws IOException {
        Stream stream = new Stream(seed);
        CRC32C sum = new CRC32C();
        for (int i = 0; i < CHUNKS; i++) {
            ByteBuffer chunk = stream.next();
            sum.update(chunk.duplicate());
            write(channel, chunk);
        }
        return sum.getValue();
    }

    /** xorshift64, as in {@code vsock.c}: both sides make the same bytes. */
    private static final class Stream {
        private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        private long state;

        Stream(long seed) {
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

    // ---- the guest reaches the host

    private static void echo(ServerSocketChannel server) {
        ByteBuffer bytes = ByteBuffer.allocate(1000);
        while (true) {
            try (SocketChannel channel = server.accept()) {
                while (channel.read(bytes.clear()) >= 0) {
                    write(channel, bytes.flip());
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                System.out.println("a connection of the guest: " + e);
            }
        }
    }

    private String muchData(ServerSocketChannel server) throws Exception {
        try (SocketChannel channel = server.accept()) {
            long startNs = System.nanoTime();
            Future<Long> sent = programs.submit((Callable<Long>) () -> {
                long sum = send(channel, 2);
                channel.shutdownOutput();
                return sum;
            });
            Stream expected = new Stream(1);
            ByteBuffer arrived = ByteBuffer.allocateDirect(CHUNK);
            for (int i = 0; i < CHUNKS; i++) {
                arrived.clear();
                while (arrived.hasRemaining() && channel.read(arrived) >= 0) {
                    // until the chunk is whole
                }
                assertEquals(expected.next(), arrived.flip(), "chunk " + i);
            }
            assertEquals(-1, channel.read(arrived.clear()));
            sent.get();
            return MEGABYTES + " MiB to the host and as much from it: " + milliseconds(startNs) + " ms";
        }
    }

    // ---- the guest

    /** The initial ram disk with the kernel's modules, and on top of it another init and the program. */
    private Path initrd(DebianPackages packages) throws IOException, InterruptedException {
        Path source = dir.resolve("vsock.c");
        try (InputStream in = VsockIT.class.getResourceAsStream("vsock.c")) {
            Files.write(source, Objects.requireNonNull(in).readAllBytes());
        }
        Path program = dir.resolve("vsock");
        Process gcc = new ProcessBuilder(
                        "gcc", "-O2", "-static", "-pthread", "-o", program.toString(), source.toString())
                .inheritIO()
                .start();
        assertEquals(0, gcc.waitFor(), "gcc does not build the guest's program");
        Path initrd = new DebianRoot(packages).writeInitrd(dir.resolve("initrd.img"));
        Path more = dir.resolve("vsock.cpio");
        try (Initramfs root = new Initramfs(Files.newOutputStream(more))) {
            root.file("vsock", 0755, program);
            root.file("init", 0755, """
            #!/bin/busybox sh
            /bin/busybox mount -t proc proc /proc
            /bin/busybox mount -t sysfs sysfs /sys
            /bin/busybox mount -t devtmpfs devtmpfs /dev
            while read -r module; do
                /bin/busybox insmod "/modules/$module.ko"
            done </modules/order
            /vsock %d %d
            /bin/busybox dmesg | /bin/busybox grep -E 'WARNING|BUG|Call Trace|rcu.*stall|soft lockup'
            echo "guest done"
            /bin/busybox poweroff -f
            """.formatted(CONNECTIONS, MEGABYTES));
        }
        // An initial ram disk may be several archives, one behind the other; a later file replaces an earlier one.
        try (OutputStream out = Files.newOutputStream(initrd, StandardOpenOption.APPEND)) {
            Files.copy(more, out);
        }
        return initrd;
    }
}
