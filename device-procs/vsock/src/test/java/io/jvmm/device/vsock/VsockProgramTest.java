package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.api.ScratchProgram;
import io.jvmm.device.virtio.ForwardingFactory;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The program itself under its filter, without an AOT cache: nothing can be loaded any more, and nothing needs to be. Supervisor
 * and host are this test: echo at every port but 0, and for every answer clients of the host, at a port where nobody in the
 * guest listens, which say nonsense, or say nothing and go.
 */
class VsockProgramTest {
    private static final long LOOK_NS = 200_000;
    private static final int SOME_BYTES = 4096;

    @TempDir
    private Path directory;

    private final List<UnixSocket> echoes = new ArrayList<>();
    private final AtomicInteger clients = new AtomicInteger();
    private volatile boolean ended;

    private void serve(VsockConnectServer server, UnixSocket listener, Path path) {
        SocketIo io = new SocketIo();
        MemorySegment bytes = Arena.ofAuto().allocate(SOME_BYTES);
        while (!ended) {
            for (VsockConnectServer.Next next = server.next(); isWork(next); next = server.next()) {
                if (next == VsockConnectServer.Next.REQUEST) {
                    answer(server);
                    client(path);
                }
            }
            for (long client = listener.tryAccept(); client >= 0; client = listener.tryAccept()) {
                server.client(Fd.of((int) client));
            }
            server.flush();
            for (UnixSocket echo : echoes) {
                long count = io.receive(echo.fd().number(), bytes, 0, SOME_BYTES);
                if (count > 0) {
                    io.send(echo.fd().number(), bytes, 0, count);
                }
            }
            LockSupport.parkNanos(LOOK_NS);
        }
        echoes.forEach(UnixSocket::close);
    }

    private static boolean isWork(VsockConnectServer.Next next) {
        return next == VsockConnectServer.Next.REQUEST || next == VsockConnectServer.Next.DONE;
    }

    private void answer(VsockConnectServer server) {
        if (server.port() == ScratchPeer.REFUSED_PORT) {
            server.refuse(server.id(), Errno.ECONNREFUSED);
            return;
        }
        UnixSocket.Pair pair = UnixSocket.streamPair();
        server.accept(server.id(), pair.left().fd());
        pair.left().close();
        echoes.forEach(UnixSocket::close);
        echoes.clear();
        echoes.add(pair.right());
    }

    private void client(Path path) {
        int number = clients.getAndIncrement();
        try (UnixSocket client = UnixSocket.connect(path)) {
            String line = List.of("CONNECT 4321\n", "GET / HTTP/1.1\n", "").get(number % 3);
            if (!line.isEmpty()) {
                client.send(line.getBytes(StandardCharsets.US_ASCII));
            }
        }
    }

    @Test
    void everythingTwiceUnderTheFilter() throws IOException, InterruptedException {
        everythingTwice(factory -> ScratchProgram.live(factory, VsockMain.class, 2));
    }

    @Test
    void aSpareTakesOverUnderItsFilterAndServesUnderTheOther() throws IOException, InterruptedException {
        everythingTwice(factory -> ScratchProgram.liveAsSpare(factory, VsockMain.class, 2));
    }

    private interface Life {
        ExitStatus live(VirtioProcess factory) throws IOException;
    }

    private void everythingTwice(Life life) throws IOException, InterruptedException {
        Path path = directory.resolve("v.sock");
        UnixSocket.Pair channel = UnixSocket.seqPacketPair();
        UnixSocket listener = UnixSocket.listen(path, 64);
        listener.fd().setNonBlocking(true);
        VsockConfig config = VsockConfig.from(new VsockFactory().exampleConfig());
        VsockStreamsLayout layout = new VsockStreamsLayout(config.connections(), config.bufferBytes());
        MemFd streams = MemFd.createSealed("streams", layout.totalBytes());
        VirtioFactory factory = new WithHost(
                new VsockFactory(), Map.of("0.connect", channel.left().fd(), "0.streams", streams.fd()));
        Thread host = Thread.ofPlatform()
                .name("host")
                .start(() -> serve(new VsockConnectServer(channel.right(), 8), listener, path));
        try {
            assertEquals(new ExitStatus.Exited(ProcessExit.STOPPED.code()), life.live(new VirtioProcess(factory)));
        } finally {
            ended = true;
            host.join();
            channel.right().close();
        }
        assertTrue(clients.get() > 3, clients + " clients");
    }

    /** The device with descriptors of the test's own; it is made in the program, by nobody here. */
    private static final class WithHost extends ForwardingFactory {
        private final Map<String, Fd> descriptors;

        WithHost(VirtioFactory device, Map<String, Fd> descriptors) {
            super(device);
            this.descriptors = descriptors;
        }

        @Override
        public Map<String, Fd> scratchDescriptors() {
            return descriptors;
        }
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new VirtioProcess(new VsockFactory()),
                "function0.device.guestCid = 3",
                "function0.device.resetPending = 0 no");
    }
}
