package io.jvmm.fuzz.sandbox;

import io.jvmm.device.api.DeviceFactory;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The host's side of a device process: the other ends of the descriptors that its boot record has. Nothing here waits. One thread.
 */
abstract class SandboxHost implements AutoCloseable {
    private static final int CHUNK = 4096;
    /** Reads of one descriptor in a row; the device may write as fast as we read. */
    private static final int MOST_READS = 16;

    private static final int EVENTS = 4;
    private static final int MOST_STREAMS = 8;

    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK);
    private final List<AutoCloseable> held = new ArrayList<>();
    private final Map<String, Fd> given = new LinkedHashMap<>();
    private long heard;
    private boolean takes = true;

    /** Descriptors by their names in the boot record, the same for each process of a session. */
    void give(BootRecord.Builder record) {
        given.forEach(record::fd);
    }

    /** Bytes for the device. */
    abstract void input(int port, byte[] bytes, int from, int count);

    /** Something happens at the host's side; both numbers are any. */
    void event(int what, int which) {}

    /** A line of a stream: {@code what} is as in the operation of that name. */
    void line(int what) {
        switch (what) {
            case 3 -> takes = false;
            case 4 -> takes = true;
            default -> {}
        }
    }

    /** Takes what the device has written. */
    void service() {
        if (takes) {
            drain();
        }
    }

    abstract void drain();

    /** How many bytes there were so far. */
    long heard() {
        return heard;
    }

    final <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    final void name(String name, Fd fd) {
        given.put(name, fd);
    }

    final void write(Fd to, byte[] bytes, int from, int count) {
        int length = Math.min(count, CHUNK);
        MemorySegment.copy(bytes, from, chunk, ValueLayout.JAVA_BYTE, 0, length);
        FileIo.tryWrite(to, chunk, 0, length); // no room, or nobody there: the host's loss
    }

    final void read(Fd from) {
        for (int i = 0; i < MOST_READS; i++) {
            long result = FileIo.tryRead(from, chunk, 0, CHUNK);
            if (result <= 0) {
                return;
            }
            heard += result;
        }
    }

    @Override
    public void close() {
        for (AutoCloseable resource : held.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** A device that has none, or one that is all in its descriptors. */
    static final class Still extends SandboxHost {
        Still(DeviceFactory factory) {
            factory.scratchDescriptors().forEach((name, fd) -> name(name, hold(fd)));
        }

        @Override
        void input(int port, byte[] bytes, int from, int count) {}

        @Override
        void drain() {}
    }

    /** Character streams over pipes. */
    static final class Streams extends SandboxHost {
        private final Pipe[] in;
        private final Pipe[] out;

        /** @param prefix of the names of its descriptors, with the port's number behind it */
        Streams(String prefix, int ports) {
            in = new Pipe[ports];
            out = new Pipe[ports];
            for (int port = 0; port < ports; port++) {
                in[port] = hold(Pipe.create());
                out[port] = hold(Pipe.create());
                for (Fd fd : List.of(in[port].reader(), in[port].writer(), out[port].reader(), out[port].writer())) {
                    fd.setNonBlocking(true);
                }
                name(prefix + port + ".in", in[port].reader());
                name(prefix + port + ".out", out[port].writer());
            }
        }

        @Override
        void input(int port, byte[] bytes, int from, int count) {
            write(in[port % in.length].writer(), bytes, from, count);
        }

        @Override
        void drain() {
            for (Pipe pipe : out) {
                read(pipe.reader());
            }
        }
    }

    /** A network card's host: a socket that keeps the borders of frames stands for each queue of a tap. */
    static final class Taps extends SandboxHost {
        private final List<UnixSocket> ends = new ArrayList<>();

        Taps(int pairs) {
            for (int pair = 0; pair < pairs; pair++) {
                UnixSocket.Pair sockets = hold(UnixSocket.seqPacketPair());
                sockets.left().fd().setNonBlocking(true);
                sockets.right().fd().setNonBlocking(true);
                ends.add(sockets.left());
                name("0.tap." + pair, sockets.right().fd());
            }
        }

        @Override
        void input(int port, byte[] bytes, int from, int count) {
            write(ends.get(port % ends.size()).fd(), bytes, from, count);
        }

        /** A frame with {@code which} bytes behind a header of the tap's that says nothing. */
        @Override
        void event(int what, int which) {
            byte[] frame = new byte[12 + which % 2048];
            frame[0] = (byte) (what >>> 4);
            frame[1] = (byte) (what & 3);
            write(ends.get(what % ends.size()).fd(), frame, 0, frame.length);
        }

        @Override
        void drain() {
            ends.forEach(end -> read(end.fd()));
        }
    }

    /** The broker of a vsock function, with clients and listeners of its own. */
    static final class Broker extends SandboxHost {
        private static final int REQUESTS_A_TURN = 16;

        private final VsockConnectServer server;
        private final List<UnixSocket> streams = new ArrayList<>();
        private boolean lost;

        /** As many connections as the device is told, with buffers of so many bytes. */
        Broker(int connections, int bufferBytes) {
            UnixSocket.Pair channel = UnixSocket.seqPacketPair();
            channel.left().fd().setNonBlocking(true);
            server = hold(new VsockConnectServer(channel.left(), MOST_STREAMS));
            name("0.connect", hold(channel.right()).fd());
            VsockStreamsLayout streamsLayout = new VsockStreamsLayout(connections, bufferBytes);
            name(
                    "0.streams",
                    hold(MemFd.createSealed("vsock-streams", streamsLayout.totalBytes()))
                            .fd());
        }

        @Override
        void input(int port, byte[] bytes, int from, int count) {
            if (!streams.isEmpty()) {
                write(streams.get(port % streams.size()).fd(), bytes, from, count);
            }
        }

        @Override
        void event(int what, int which) {
            switch (what % EVENTS) {
                case 0 -> {
                    if (!server.full()) {
                        server.client(newStream().fd().duplicate());
                    }
                }
                case 1 -> {
                    if (!streams.isEmpty()) {
                        streams.remove(which % streams.size()).close();
                    }
                }
                case 2 -> input(which, new byte[CHUNK], 0, which % CHUNK);
                default -> {
                    if (!streams.isEmpty()) {
                        streams.get(which % streams.size()).shutdown();
                    }
                }
            }
        }

        /** The end that the device gets; ours is kept. */
        private UnixSocket newStream() {
            UnixSocket.Pair pair = UnixSocket.streamPair();
            pair.left().fd().setNonBlocking(true);
            if (streams.size() == MOST_STREAMS) {
                streams.removeFirst().close();
            }
            streams.add(pair.left());
            return hold(pair.right());
        }

        @Override
        void drain() {
            for (int i = 0; i < REQUESTS_A_TURN && !lost; i++) {
                switch (server.next()) {
                    case REQUEST -> answer();
                    case DONE -> {}
                    case NONE -> i = REQUESTS_A_TURN;
                    case VIOLATION -> throw new SandboxFinding("the device breaks the protocol of the connect channel");
                    case CLOSED -> lost = true;
                }
            }
            server.flush();
            streams.forEach(stream -> read(stream.fd()));
        }

        private void answer() {
            if (server.answered(server.id())) {
                server.acceptAgain(server.id());
            } else if ((server.port() & 1) != 0) {
                server.refuse(server.id(), Errno.ECONNREFUSED);
            } else {
                server.accept(server.id(), newStream().fd());
            }
        }

        @Override
        public void close() {
            server.letGoOfAll();
            streams.forEach(UnixSocket::close);
            super.close();
        }
    }

    /** Makes one for each session. */
    interface Maker extends Supplier<SandboxHost> {}
}
