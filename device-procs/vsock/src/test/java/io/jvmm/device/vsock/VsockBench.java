package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectLayout;
import io.jvmm.ipc.vsock.VsockConnectServer;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A guest, a host with real unix sockets and a supervisor around the device, all in the thread of the test. The guest is a driver
 * that sends and takes packets; what it does with them is the test's business.
 */
final class VsockBench implements AutoCloseable {
    static final long CID = 5;
    static final int RX = 0;
    static final int TX = 1;
    static final int EVENT = 2;
    static final long ALL = RigDriver.F_INDIRECT_DESC | RigDriver.F_EVENT_IDX | RigDriver.F_RING_PACKED;

    private static final int RX_BYTES = 44 + 4096;
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT;

    private final Path directory;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final UnixSocket listener;
    private final UnixSocket.Pair channel;
    private final VsockConnectServer supervisor;
    private final Map<Integer, UnixSocket> servers = new HashMap<>();
    private final Deque<Packet> received = new ArrayDeque<>();
    private final CapturedFactory capture = new CapturedFactory();
    private final UnixSocket.Pair overAndOver = UnixSocket.streamPair();
    private final SocketIo io = new SocketIo();
    private final MemorySegment drained = Arena.ofAuto().allocate(4096);
    private int rxBuffers = 64;
    /** The supervisor answers; a test may hold it back. */
    boolean supervisorAnswers = true;

    final VirtioRig rig;
    final RigDriver driver;

    VsockBench() {
        this(Map.of());
    }

    VsockBench(Map<String, String> entries) {
        this(entries, true);
    }

    /**
     * @param entries without the function's number
     * @param streams whether connections have memory that outlives the process
     */
    VsockBench(Map<String, String> entries, boolean streams) {
        try {
            directory = Files.createTempDirectory("vsock");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        listener = hold(UnixSocket.listen(path(), 1024));
        listener.fd().setNonBlocking(true);
        channel = hold(UnixSocket.seqPacketPair());
        Map<String, String> all = new HashMap<>(Map.of("0.cid", Long.toString(CID), "0.connections", "64"));
        all.put("0.buffer-bytes", "65536");
        entries.forEach((key, value) -> all.put("0." + key, value));
        int connections = Integer.parseInt(all.get("0.connections"));
        supervisor = hold(new VsockConnectServer(channel.left(), connections));
        Map<String, Fd> descriptors =
                new HashMap<>(Map.of("0.connect", channel.right().fd()));
        if (streams) {
            VsockStreamsLayout layout =
                    new VsockStreamsLayout(connections, Integer.parseInt(all.get("0.buffer-bytes")));
            descriptors.put(
                    "0.streams",
                    hold(MemFd.createSealed("streams", layout.totalBytes())).fd());
        }
        rig = hold(new VirtioRig(capture, all, descriptors, 16 << 20));
        driver = rig.driver();
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    private Path path() {
        return directory.resolve("v.sock");
    }

    /** The guest's driver starts; receive buffers as Linux posts them. */
    VsockBench start(long features) {
        driver.setUp(features);
        refill();
        for (int i = 0; i < 8; i++) {
            driver.queue(EVENT).offer(new byte[0], 8);
        }
        driver.queue(EVENT).kickAnyway();
        settle();
        return this;
    }

    /** How many receive buffers the guest keeps in the queue; 0 starves the device. */
    void rxBuffers(int count) {
        rxBuffers = count;
        refill();
    }

    /** Uses all receive buffers up and gives no more. */
    void starve() {
        rxBuffers(0);
        while (driver.queue(RX).outstanding() > 0) {
            send(packet(Packet.CREDIT_REQUEST, 9, 9, 0)); // answered with RST
        }
        received.clear();
    }

    private void refill() {
        boolean offered = false;
        while (driver.queue(RX).outstanding() < rxBuffers && driver.queue(RX).hasRoom(1)) {
            driver.queue(RX).offer(new byte[0], RX_BYTES);
            offered = true;
        }
        if (offered) {
            driver.queue(RX).kick();
        }
    }

    /** Everything that can happen by itself happens. */
    void settle() {
        boolean more = true;
        while (more) {
            rig.settle();
            more = supervise();
            Completion sent = driver.queue(TX).reap();
            while (sent != null) {
                if (sent.lengthBytes() != 0) {
                    throw new AssertionError("the device wrote to a transmit buffer");
                }
                sent = driver.queue(TX).reap();
            }
            Completion completion = driver.queue(RX).reap();
            more |= completion != null;
            while (completion != null) {
                if (completion.lengthBytes() > 0) {
                    received.add(Packet.parse(completion.written()));
                }
                completion = driver.queue(RX).reap();
            }
            refill();
        }
    }

    private boolean supervise() {
        boolean answered = false;
        if (supervisorAnswers) {
            for (VsockConnectServer.Next next = supervisor.next(); isWork(next); next = supervisor.next()) {
                if (next == VsockConnectServer.Next.REQUEST) {
                    connect();
                }
                answered = true;
            }
            for (long client = listener.tryAccept(); client >= 0; client = listener.tryAccept()) {
                if (supervisor.full()) {
                    SocketIo.close((int) client);
                } else {
                    supervisor.client(Fd.of((int) client));
                }
                answered = true;
            }
            supervisor.flush();
        }
        return answered;
    }

    private static boolean isWork(VsockConnectServer.Next next) {
        return next == VsockConnectServer.Next.REQUEST || next == VsockConnectServer.Next.DONE;
    }

    private void connect() {
        if (supervisor.answered(supervisor.id())) {
            supervisor.acceptAgain(supervisor.id());
            return;
        }
        Path place = Path.of(path() + "_" + Integer.toUnsignedString(supervisor.port()));
        try (UnixSocket stream = UnixSocket.connectNow(place)) {
            supervisor.accept(supervisor.id(), stream.fd());
        } catch (SysException e) {
            supervisor.refuse(supervisor.id(), e.errno());
        }
    }

    /** Sockets the supervisor holds. */
    int heldSockets() {
        return supervisor.held();
    }

    /** The supervisor is gone. */
    void loseSupervisor() {
        supervisorAnswers = false;
        supervisor.close();
    }

    /** The device that lives now. */
    VsockDevice device() {
        VsockDevice device = capture.device();
        if (device == null) {
            throw new AssertionError();
        }
        return device;
    }

    // ---- the guest

    /** Sends a packet and lets everything happen. */
    void send(Packet packet) {
        post(packet);
        settle();
    }

    /** Puts a packet into the queue and kicks, no more. */
    void post(Packet packet) {
        byte[] bytes = packet.bytes();
        byte[] header = java.util.Arrays.copyOf(bytes, 44);
        if (packet.data().length == 0) {
            driver.queue(TX).offer(header, 0);
        } else {
            driver.queue(TX).offer(new byte[][] {header, packet.data()}); // as Linux does: header and data
        }
        driver.queue(TX).kick();
    }

    /** A packet of the guest without data; 64 KiB of room, nothing taken. */
    Packet packet(int op, int guestPort, int hostPort, int flags) {
        return new Packet(CID, 2, guestPort, hostPort, 0, 1, op, flags, 1 << 16, 0, new byte[0]);
    }

    /** Data of the guest, with 64 KiB of room and nothing taken. */
    Packet data(int guestPort, int hostPort, byte[] data) {
        return new Packet(CID, 2, guestPort, hostPort, data.length, 1, Packet.RW, 0, 1 << 16, 0, data);
    }

    /** The next packet the guest got, or null. */
    @Nullable
    Packet next() {
        return received.poll();
    }

    /** The next packet; there is one. */
    Packet need() {
        Packet packet = next();
        if (packet == null) {
            throw new AssertionError("no packet");
        }
        return packet;
    }

    /** The next packet, which is of this kind. */
    Packet expect(int op, int guestPort, int hostPort) {
        Packet packet = next();
        if (packet == null
                || packet.op() != op
                || packet.dstPort() != guestPort
                || packet.srcPort() != hostPort
                || packet.srcCid() != 2
                || packet.dstCid() != CID
                || packet.type() != 1
                || packet.len() != packet.data().length) {
            throw new AssertionError("expected op " + op + " " + hostPort + "->" + guestPort + ", got " + packet);
        }
        return packet;
    }

    /** There is none. */
    void expectNothing() {
        if (!received.isEmpty()) {
            throw new AssertionError("unexpected: " + received);
        }
    }

    /** The event of a transport reset has come, once, since the last call. */
    int takeEvents() {
        int count = 0;
        Completion completion = driver.queue(EVENT).reap();
        while (completion != null) {
            if (completion.lengthBytes() != 4 || completion.writable()[0] != 0) {
                throw new AssertionError("an event that is none: " + completion);
            }
            count++;
            driver.queue(EVENT).offer(new byte[0], 8);
            completion = driver.queue(EVENT).reap();
        }
        if (count > 0) {
            driver.queue(EVENT).kick();
        }
        return count;
    }

    // ---- the host

    /** Listens at a port of the host. */
    void listen(int port) {
        servers.put(port, hold(UnixSocket.listen(Path.of(path() + "_" + Integer.toUnsignedString(port)), 1024)));
    }

    /** Takes the connection that waits there. */
    HostEnd accept(int port) {
        UnixSocket server = servers.get(port);
        if (server == null) {
            throw new AssertionError("nobody listens at " + port);
        }
        server.fd().setNonBlocking(true);
        long number = server.tryAccept();
        if (number < 0) {
            throw new AssertionError("nobody has come: " + Errno.of((int) -number));
        }
        return hold(new HostEnd(UnixSocket.of(Fd.of((int) number)), this::supervise));
    }

    /** Accepts and throws away what waits, and takes the connection of a new REQUEST. */
    HostEnd latest(int guestPort, int hostPort) {
        UnixSocket server = servers.get(hostPort);
        if (server == null) {
            throw new AssertionError("nobody listens at " + hostPort);
        }
        server.fd().setNonBlocking(true);
        for (long waiting = server.tryAccept(); waiting >= 0; waiting = server.tryAccept()) {
            SocketIo.close((int) waiting);
        }
        return fromGuest(guestPort, hostPort);
    }

    /** The supervisor answers, nothing more. */
    void settleHost() {
        rig.settle();
        supervise();
        rig.settle();
    }

    /** A supervisor that refuses what was asked, and holds nothing; allocates nothing. */
    void refuse() {
        answerRaw(Errno.ECONNREFUSED.number(), SocketIo.NO_DESCRIPTOR);
    }

    /** A supervisor that passes one end of the same pair for every request, and holds nothing: that takes no allocation. */
    void acceptOverAndOver() {
        answerRaw(0, overAndOver.left().fd().number());
    }

    /** A supervisor whose sockets do not come through, as for want of descriptors in the device's process; it holds them. */
    void loseSockets() {
        answerRaw(0, SocketIo.NO_DESCRIPTOR);
    }

    /** How many connections the supervisor is told of that have ended; nothing else may come. */
    int toldClosed() {
        int count = 0;
        while (io.receiveMessage(channel.left().fd().number(), drained, 0, VsockConnectLayout.LENGTH_BYTES)
                == VsockConnectLayout.LENGTH_BYTES) {
            assertEquals(VsockConnectLayout.CLOSED, drained.get(U32, VsockConnectLayout.WHAT));
            count++;
        }
        return count;
    }

    private void answerRaw(int errno, int descriptor) {
        int fd = channel.left().fd().number();
        int length = VsockConnectLayout.LENGTH_BYTES;
        while (io.receiveMessage(fd, drained, 0, length) == length) {
            if (drained.get(U32, VsockConnectLayout.WHAT) == VsockConnectLayout.CONNECT) {
                drained.set(U32, VsockConnectLayout.WHAT, VsockConnectLayout.CONNECTED);
                drained.set(U32, VsockConnectLayout.VALUE, errno);
                io.sendMessage(fd, drained, 0, length, descriptor);
            }
        }
    }

    /** Takes what the guest sent to that pair; allocates nothing. */
    void drainOverAndOver() {
        while (io.receive(overAndOver.right().fd().number(), drained, 0, 4096) > 0) {
            // nobody's
        }
    }

    /** A client of the host, connected. */
    HostEnd client() {
        return hold(new HostEnd(UnixSocket.connect(path()), this::supervise));
    }

    /** A connection the guest has made to a port where the host listens. */
    HostEnd fromGuest(int guestPort, int hostPort) {
        send(packet(Packet.REQUEST, guestPort, hostPort, 0));
        expect(Packet.RESPONSE, guestPort, hostPort);
        return accept(hostPort);
    }

    /** A connection of the host to a port where the guest listens; its port of the host is in {@code hostPort}. */
    HostEnd toGuest(int guestPort, int[] hostPort) {
        HostEnd client = client();
        client.write("CONNECT " + guestPort + "\n");
        settle();
        Packet request = next();
        if (request == null || request.op() != Packet.REQUEST || request.dstPort() != guestPort) {
            throw new AssertionError("no REQUEST: " + request);
        }
        hostPort[0] = request.srcPort();
        send(packet(Packet.RESPONSE, guestPort, hostPort[0], 0));
        String answer = client.read();
        if (!answer.equals("OK " + hostPort[0] + "\n")) {
            throw new AssertionError("no OK: " + answer);
        }
        return client;
    }

    @Override
    public void close() {
        overAndOver.close();
        for (AutoCloseable resource : held.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        try (var files = Files.list(directory)) {
            files.forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        directory.toFile().delete();
    }
}
