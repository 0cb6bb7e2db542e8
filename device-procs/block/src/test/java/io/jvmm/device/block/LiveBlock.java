package io.jvmm.device.block;

import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.ipc.trace.TraceRingLayout;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailedProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The real program in a process of its own, with its launch file and its narrow filter; this test is its supervisor, its board
 * and its driver, one request at a time on queue 0 of each function. {@link #kill} and {@link #start} replace the process.
 *
 * <pre>
 *   guest memory of function F, 64 KiB from (F + 1) * 64 KiB on: 0 descriptors   0x1000 available   0x2000 used   0x4000 buffers
 * </pre>
 */
final class LiveBlock implements AutoCloseable, SupervisorEventHandler {
    private static final Path FILTER = Path.of("../../policies/target/policies/block.bpf");
    private static final Path STANDBY_FILTER = FILTER.resolveSibling("standby.bpf");
    private static final long PATIENCE_NS = 30_000_000_000L;
    private static final int STANDARD_ERROR = 2;
    private static final long MEMORY_BYTES = 4 << 20;
    private static final int QUEUE_SIZE = 8;
    private static final int LINES = 3;
    private static final int WRITABLE = 0x8000;

    private final List<AutoCloseable> held = new ArrayList<>();
    private final Map<String, String> entries;
    private final Map<String, Fd> images;
    private final MemFd memoryFd = hold(MemFd.createSealed("guest", MEMORY_BYTES));
    private final GuestMemory memory = hold(GuestMemory.map(memoryFd.fd(), MEMORY_BYTES));
    private final LinkMemory link = hold(LinkMemory.create(LinkSpec.device(1)));
    private final EventFd[] doorbells = new EventFd[4];
    private final EventFd[] lines;
    private final StateSegment state;
    private final BoardEndpoint board;
    private final int[] offered;
    private final int[] taken;
    private @Nullable LinkMemory supervisorLink;
    private @Nullable SupervisorEndpoint supervisor;
    /** What the process logged last. */
    String lastLine = "";

    private @Nullable JailedProcess process;
    private @Nullable UnixSocket control;
    private boolean ready;
    private boolean recording;
    private @Nullable TraceRing ring;
    private final EventFd bell = hold(EventFd.create());

    /** A process of so many functions. */
    LiveBlock(int functions, Map<String, String> entries, Map<String, Fd> images) {
        this.entries = new HashMap<>(entries);
        this.entries.put("functions", Integer.toString(functions));
        this.images = images;
        for (int i = 0; i < doorbells.length; i++) {
            doorbells[i] = hold(EventFd.create());
        }
        lines = new EventFd[LINES * functions];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = hold(EventFd.create());
        }
        var identity =
                new VirtioProcess(new BlockFactory()).identity(key -> Optional.ofNullable(this.entries.get(key)));
        state = hold(StateSegment.create(
                "block", identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes()));
        board = new BoardEndpoint(link, doorbells[0], doorbells[1], new WaitPolicy(20_000, PATIENCE_NS));
        offered = new int[functions];
        taken = new int[functions];
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** Each process that starts from now on is recorded, in a ring of its own. */
    void record() {
        recording = true;
    }

    /** What the process has published so far; once. */
    TraceBuffer recorded() {
        TraceBuffer trace = new TraceBuffer();
        HardenedReader reader = Objects.requireNonNull(ring, "not recorded").reader(0);
        while (reader.next()) {
            trace.publish(reader.message(), reader.length());
            reader.release();
        }
        return trace;
    }

    /** Starts a process over the link and the state, and waits until it serves. */
    void start() throws IOException {
        spawn();
        BootRecord.Builder record = processPart().put("seccomp.narrow", Files.readAllBytes(FILTER));
        devicePart(record);
        send(record);
        awaitReady();
        supervisor().send(SupervisorRequestType.START);
    }

    /** Starts a process that waits as a spare, and waits until it does. */
    void startSpare() throws IOException {
        spawn();
        send(processPart()
                .put("standby", "true")
                .put("seccomp.standby", Files.readAllBytes(STANDBY_FILTER))
                .put("seccomp.narrow", Files.readAllBytes(FILTER)));
        awaitReady();
    }

    /** Gives the spare link, state, memory and images, and waits until it serves. Nanoseconds until then. */
    long assign() {
        long startNs = System.nanoTime();
        BootRecord.Builder record = BootRecord.builder();
        devicePart(record);
        send(record);
        awaitReady();
        supervisor().send(SupervisorRequestType.START);
        return System.nanoTime() - startNs;
    }

    private SupervisorEndpoint supervisor() {
        return Objects.requireNonNull(supervisor, "not started");
    }

    private void spawn() throws IOException {
        LinkMemory fresh = hold(LinkMemory.create(LinkSpec.supervisor()));
        supervisorLink = fresh;
        supervisor = new SupervisorEndpoint(fresh, doorbells[2], doorbells[3]);
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/launch/block.launch",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", "")),
                BlockMain.class.getName());
        JailedProcess running;
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            running = Jail.spawnUnconfined(
                    "block",
                    command,
                    Map.of(),
                    List.of(
                            FdMapping.of(nothing, 0),
                            FdMapping.of(nothing, 1),
                            new FdMapping(STANDARD_ERROR, STANDARD_ERROR),
                            FdMapping.of(pair.right().fd(), 3)));
        }
        process = running;
        pair.right().close();
        control = pair.left();
    }

    private BootRecord.Builder processPart() {
        return BootRecord.builder()
                .fd("supervisor.link", Objects.requireNonNull(supervisorLink).fd())
                .fd("supervisor.request-doorbell", doorbells[2].fd())
                .fd("supervisor.event-doorbell", doorbells[3].fd())
                .put("process", "block")
                .put("jail", "enforce");
    }

    private void devicePart(BootRecord.Builder record) {
        record.fd("link", link.fd())
                .fd("link.request-doorbell", doorbells[0].fd())
                .fd("link.event-doorbell", doorbells[1].fd())
                .fd("state", state.fd())
                .fd("memory", memoryFd.fd())
                .put("memory.bytes", MEMORY_BYTES)
                .put("wait.spin-ns", 0);
        for (int line = 0; line < lines.length; line++) {
            record.fd("irq." + line, lines[line].fd());
        }
        if (recording) {
            TraceRing fresh = hold(TraceRing.create("trace"));
            ring = fresh;
            record.fd(TraceRingLayout.FD_RING, fresh.fd()).fd(TraceRingLayout.FD_BELL, bell.fd());
        }
        images.forEach(record::fd);
        entries.forEach(record::put);
    }

    private void send(BootRecord.Builder record) {
        BootChannel.over(Objects.requireNonNull(control).fd()).send(record.build());
    }

    private void awaitReady() {
        JailedProcess running = Objects.requireNonNull(process);
        ready = false;
        Poller poller = new Poller(2);
        poller.add(doorbells[3].fd(), Poller.READABLE);
        poller.add(running.pidfd().fd(), Poller.READABLE);
        while (!ready && running.pidfd().peek().isEmpty()) {
            if (supervisor().prepareToSleep()) {
                poller.await(PATIENCE_NS);
            }
            supervisor().awake();
            doorbells[3].drain();
            supervisor().pollEvents(this, 64);
        }
    }

    /** How the process is: running, or how it ended. */
    String condition() {
        JailedProcess running = process;
        return running == null
                ? "not started"
                : running.pidfd().peek().map(ExitStatus::toString).orElse("running");
    }

    /** SIGKILL, as the worst that can happen. */
    void kill() {
        JailedProcess running = process;
        UnixSocket socket = control;
        if (running == null || socket == null) {
            throw new IllegalStateException("not started");
        }
        running.kill();
        running.pidfd().await();
        socket.close();
        process = null;
        board.reconnect();
    }

    /** An orderly end. */
    ExitStatus stop() {
        JailedProcess running = process;
        SupervisorEndpoint its = supervisor;
        if (running == null || its == null) {
            throw new IllegalStateException("not started");
        }
        its.send(SupervisorRequestType.STOP);
        process = null;
        return running.pidfd().await();
    }

    // ---- the driver

    private long base(int function) {
        return (function + 1) * 0x1_0000L;
    }

    private void write(int function, int offset, int widthBytes, long value) {
        board.write(0, function, offset, widthBytes, value);
    }

    long read(int function, int offset, int widthBytes) {
        long value = board.read(0, function, offset, widthBytes);
        if (board.health() != LinkHealth.CONNECTED) {
            throw new AssertionError("no answer: process " + condition());
        }
        return value;
    }

    /** As a driver does it, with all features but packed rings. */
    void setUp(int function) {
        write(function, 20, 1, 0);
        write(function, 20, 1, 3);
        for (int half = 0; half < 2; half++) {
            write(function, 0, 4, half);
            long offeredFeatures = read(function, 4, 4);
            write(function, 8, 4, half);
            write(function, 12, 4, half == 0 ? offeredFeatures & ~(3L << 28) : 1);
        }
        write(function, 20, 1, 11);
        write(function, 22, 2, 0);
        write(function, 24, 2, QUEUE_SIZE);
        write(function, 26, 2, 1);
        write(function, 32, 8, base(function));
        write(function, 40, 8, base(function) + 0x1000);
        write(function, 48, 8, base(function) + 0x2000);
        write(function, 28, 2, 1);
        write(function, 20, 1, 15);
        if (read(function, 20, 1) != 15) {
            throw new AssertionError("device status " + read(function, 20, 1));
        }
    }

    /** Makes a request available and kicks. */
    void offer(int function, byte[] readable, int writableBytes) {
        long base = base(function);
        for (int i = 0; i < readable.length; i++) {
            memory.put8(base + 0x4000 + i, readable[i]);
        }
        memory.put64(base, base + 0x4000);
        memory.put64(base + 8, readable.length | 1L << 32 | 1L << 48);
        memory.put64(base + 16, base + WRITABLE);
        memory.put64(base + 24, writableBytes | 2L << 32);
        memory.put16(base + 0x1000 + 4 + 2L * (offered[function] & QUEUE_SIZE - 1), (short) 0);
        offered[function]++;
        memory.put16ReleaseAt(memory.resolve(base + 0x1002, 2), (short) offered[function]);
        board.kick(0, function << 8);
    }

    /** Waits for the answer; the writable part. Every request is answered once. */
    byte[] take(int function, int writableBytes) {
        Poller poller = new Poller(1);
        poller.add(lines[LINES * function + 1].fd(), Poller.READABLE);
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (used(function) == (taken[function] & 0xFFFF)) {
            if (System.nanoTime() > endNs) {
                throw new AssertionError("no answer of function " + function + ": process " + condition());
            }
            poller.await(100_000_000);
            lines[LINES * function + 1].drain();
        }
        taken[function]++;
        if (used(function) != (taken[function] & 0xFFFF)) {
            throw new AssertionError("more answers than requests: " + used(function) + ", " + taken[function]);
        }
        byte[] bytes = new byte[writableBytes];
        for (int i = 0; i < writableBytes; i++) {
            bytes[i] = memory.get8(base(function) + WRITABLE + i, (byte) 0);
        }
        return bytes;
    }

    private int used(int function) {
        return memory.get16AcquireAt(memory.resolve(base(function) + 0x2002, 2)) & 0xFFFF;
    }

    byte[] request(int function, byte[] readable, int writableBytes) {
        offer(function, readable, writableBytes);
        return take(function, writableBytes);
    }

    @Override
    public void close() {
        if (process != null) {
            kill();
        }
        for (AutoCloseable resource : held.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    // ---- what the process says

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        ready = true;
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {}

    @Override
    public void log(LogLevel level, String text) {
        lastLine = text;
    }

    @Override
    public void counter(int id, long value) {}

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {}

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {}

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        throw new AssertionError(violation.toString());
    }

    @Override
    public void escape(int port, int what) {}

    @Override
    public void firstInstruction(long monotonicNs) {}

    @Override
    public void backendLost(int port, int errno) {}
}
