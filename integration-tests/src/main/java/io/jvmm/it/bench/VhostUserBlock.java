package io.jvmm.it.bench;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * QEMU's storage daemon as the device, driven over vhost-user (the protocol's specification in QEMU's documentation,
 * "Vhost-user Protocol"): the smallest front end that gets one queue going.
 */
final class VhostUserBlock implements BlockTarget {
    static final String PROGRAM = "qemu-storage-daemon";

    private static final int GET_FEATURES = 1;
    private static final int SET_FEATURES = 2;
    private static final int SET_OWNER = 3;
    private static final int SET_MEM_TABLE = 5;
    private static final int SET_VRING_NUM = 8;
    private static final int SET_VRING_ADDR = 9;
    private static final int SET_VRING_BASE = 10;
    private static final int SET_VRING_KICK = 12;
    private static final int SET_VRING_CALL = 13;
    private static final int GET_PROTOCOL_FEATURES = 15;
    private static final int SET_PROTOCOL_FEATURES = 16;
    private static final int SET_VRING_ENABLE = 18;

    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 12;
    private static final long PROTOCOL_FEATURES = 1L << 30;
    /** Where the front end says it has guest memory mapped; rings are told in these addresses. */
    private static final long USER_ADDRESS = 0x7000_0000_0000L;

    private static final long PATIENCE_NS = 10_000_000_000L;

    private final Process process;
    private final UnixSocket socket;
    private final BlockRing ring = new BlockRing();
    private final EventFd kick = EventFd.create();
    private final EventFd call = EventFd.create();

    private VhostUserBlock(Process process, UnixSocket socket) {
        this.process = process;
        this.socket = socket;
    }

    /**
     * Starts the daemon over an image.
     *
     * @param format raw or qcow2
     * @param aio threads, native or io_uring
     */
    static VhostUserBlock start(Path image, String format, Path directory, String aio)
            throws IOException, InterruptedException {
        Path path = directory.resolve("vhost-user-" + format);
        Files.deleteIfExists(path);
        Process process = new ProcessBuilder(
                        PROGRAM,
                        "--blockdev",
                        "driver=file,node-name=file,aio=" + aio + ",filename=" + image,
                        "--blockdev",
                        "driver=" + format + ",node-name=disk,file=file",
                        "--export",
                        "type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,addr.path=" + path)
                .inheritIO()
                .start();
        VhostUserBlock block = new VhostUserBlock(process, connect(path, process));
        block.setUp();
        return block;
    }

    private static UnixSocket connect(Path path, Process process) throws InterruptedException {
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (true) {
            try {
                return UnixSocket.connect(path);
            } catch (SysException e) {
                if (System.nanoTime() > endNs || process.waitFor(10, TimeUnit.MILLISECONDS)) {
                    throw e;
                }
            }
        }
    }

    private void setUp() {
        long offered = ask(GET_FEATURES);
        send(SET_OWNER, new byte[0], List.of());
        long protocol = ask(GET_PROTOCOL_FEATURES);
        // Nothing of it is needed; to name it switches the rings to being enabled one by one.
        send(SET_PROTOCOL_FEATURES, u64(protocol & 0), List.of());
        long wanted = offered & (BlockBench.FEATURES | PROTOCOL_FEATURES);
        send(SET_FEATURES, u64(wanted), List.of());
        ByteBuffer table = buffer(40);
        table.putInt(1).putInt(0).putLong(0).putLong(BlockRing.MEMORY_BYTES).putLong(USER_ADDRESS);
        send(SET_MEM_TABLE, bytes(table.putLong(0)), List.of(ring.memfd().fd()));
        send(SET_VRING_NUM, state(BlockRing.QUEUE_SIZE), List.of());
        send(SET_VRING_BASE, state(0), List.of());
        ByteBuffer addresses = buffer(40).putInt(0).putInt(0);
        addresses.putLong(USER_ADDRESS + BlockRing.DESC).putLong(USER_ADDRESS + BlockRing.USED);
        send(SET_VRING_ADDR, bytes(addresses.putLong(USER_ADDRESS + BlockRing.AVAIL)), List.of());
        send(SET_VRING_KICK, u64(0), List.of(kick.fd()));
        send(SET_VRING_CALL, u64(0), List.of(call.fd()));
        send(SET_VRING_ENABLE, state(1), List.of());
        ask(GET_FEATURES); // an answer: everything before it has been done
    }

    private static byte[] state(int value) {
        return bytes(buffer(8).putInt(0).putInt(value));
    }

    private static byte[] u64(long value) {
        return bytes(buffer(8).putLong(value));
    }

    /** All that was put. */
    private static byte[] bytes(ByteBuffer full) {
        byte[] bytes = new byte[full.position()];
        full.flip().get(bytes);
        return bytes;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void send(int request, byte[] payload, List<Fd> fds) {
        ByteBuffer message = buffer(HEADER_BYTES + payload.length);
        message.putInt(request).putInt(VERSION).putInt(payload.length).put(payload);
        socket.send(bytes(message), fds);
    }

    private long ask(int request) {
        send(request, new byte[0], List.of());
        ByteBuffer answer = buffer(HEADER_BYTES + 8);
        while (answer.hasRemaining()) {
            UnixSocket.Received part = socket.receive(answer.remaining(), PATIENCE_NS);
            if (part.endOfFile()) {
                throw new IllegalStateException(PROGRAM + " hung up on request " + request);
            }
            answer.put(part.bytes());
        }
        return answer.getLong(HEADER_BYTES);
    }

    @Override
    public String name() {
        return PROGRAM;
    }

    @Override
    public BlockRing ring() {
        return ring;
    }

    @Override
    public void kick() {
        kick.signal();
    }

    @Override
    public EventFd interrupt() {
        return call;
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public String condition() {
        return process.isAlive() ? "running" : "ended with " + process.exitValue();
    }

    @Override
    public void close() {
        socket.close();
        process.destroy();
        process.onExit().join();
        ring.close();
        kick.close();
        call.close();
    }
}
