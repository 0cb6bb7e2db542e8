package io.jvmm.it.bench;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailedProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Our block device: the program of the distribution under its launch file and its narrow filter, with this process as its
 * supervisor and its board. Only the walls of its jail are missing, which cost a request nothing.
 */
final class JvmmBlock implements BlockTarget {
    private static final Path HOME = Path.of("supervisor/target/jvmm");
    private static final int VECTORS = 2;
    private static final int LINES = VECTORS + 1;
    private static final long PATIENCE_NS = 30_000_000_000L;
    private static final int STANDARD_ERROR = 2;

    // Common configuration (virtio 1.2 §4.1.4.3) in BAR 0.
    private static final int DRIVER_FEATURE_SELECT = 8;
    private static final int DRIVER_FEATURE = 12;
    private static final int DEVICE_STATUS = 20;
    private static final int QUEUE_SELECT = 22;
    private static final int QUEUE_SIZE = 24;
    private static final int QUEUE_MSIX_VECTOR = 26;
    private static final int QUEUE_ENABLE = 28;
    private static final int QUEUE_DESC = 32;
    private static final int QUEUE_DRIVER = 40;
    private static final int QUEUE_DEVICE = 48;
    private static final int ACKNOWLEDGE_DRIVER = 3;
    private static final int FEATURES_OK = 8;
    private static final int DRIVER_OK = 4;

    private final List<AutoCloseable> held = new ArrayList<>();
    private final BlockRing ring = hold(new BlockRing());
    private final EventFd[] lines = new EventFd[LINES];
    private final LinkMemory link = hold(LinkMemory.create(LinkSpec.device(1)));
    private final EventFd requestDoorbell = hold(EventFd.create());
    private final EventFd eventDoorbell = hold(EventFd.create());
    private final BoardEndpoint board;
    private final SupervisorEndpoint supervisor;
    private final EventFd supervisorEvents = hold(EventFd.create());
    private final JailedProcess process;

    private JvmmBlock(Path image, String format, long spinNs) throws IOException {
        for (int i = 0; i < LINES; i++) {
            lines[i] = hold(EventFd.create());
        }
        board = new BoardEndpoint(link, requestDoorbell, eventDoorbell, new WaitPolicy(0, PATIENCE_NS));
        LinkMemory supervisorLink = hold(LinkMemory.create(LinkSpec.supervisor()));
        EventFd requests = hold(EventFd.create());
        supervisor = new SupervisorEndpoint(supervisorLink, requests, supervisorEvents);
        UnixSocket.Pair pair = hold(UnixSocket.seqPacketPair());
        process = spawn(pair.right().fd());
        try (Fd disk = FileIo.open(image, FileIo.READ_WRITE, 0)) {
            BootRecord.Builder record = BootRecord.builder()
                    .fd("supervisor.link", supervisorLink.fd())
                    .fd("supervisor.request-doorbell", requests.fd())
                    .fd("supervisor.event-doorbell", supervisorEvents.fd())
                    .fd("link", link.fd())
                    .fd("link.request-doorbell", requestDoorbell.fd())
                    .fd("link.event-doorbell", eventDoorbell.fd())
                    .fd("memory", ring.memfd().fd())
                    .fd("0.image", disk)
                    .put("process", "block")
                    .put("jail", "enforce")
                    .put("wait.spin-ns", spinNs)
                    .put("memory.bytes", BlockRing.MEMORY_BYTES)
                    .put("functions", "1")
                    .put("0.path", image.toString())
                    .put("0.format", format)
                    .put("0.queue-size", BlockRing.QUEUE_SIZE)
                    .put("seccomp.narrow", Files.readAllBytes(HOME.resolve("policies/block.bpf")));
            for (int i = 0; i < LINES; i++) {
                record.fd("irq." + i, lines[i].fd());
            }
            BootChannel.over(pair.left().fd()).send(record.build());
        }
        await();
        supervisor.send(SupervisorRequestType.START);
        setUp();
    }

    /**
     * Starts the process over an image and sets its queue up. The working directory is the project's.
     *
     * @param format raw or qcow2
     * @param spinNs how long it looks for requests before it sleeps
     */
    static JvmmBlock start(Path image, String format, long spinNs) throws IOException {
        return new JvmmBlock(image, format, spinNs);
    }

    private static JailedProcess spawn(Fd control) throws IOException {
        String jars = HOME.resolve("lib/devices") + "/*:" + HOME.resolve("lib/block") + "/*";
        List<String> command = List.of(
                HOME.resolve("runtime/bin/java").toString(),
                "@" + HOME.resolve("launch/block.launch"),
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                jars,
                "io.jvmm.device.block.BlockMain");
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            return Jail.spawnUnconfined(
                    "block",
                    command,
                    Map.of(),
                    List.of(
                            FdMapping.of(nothing, 0),
                            FdMapping.of(nothing, 1),
                            new FdMapping(STANDARD_ERROR, STANDARD_ERROR),
                            FdMapping.of(control, 3)));
        }
    }

    /** Waits for READY: the first event of a process that is well. */
    private void await() {
        Poller poller = new Poller(2);
        poller.add(supervisorEvents.fd(), Poller.READABLE);
        poller.add(process.pidfd().fd(), Poller.READABLE);
        ReadyListener listener = new ReadyListener();
        while (!listener.isReady()) {
            if (supervisor.prepareToSleep() && poller.await(PATIENCE_NS) == 0) {
                throw new IllegalStateException("the block process does not get ready");
            }
            supervisor.awake();
            supervisorEvents.drain();
            supervisor.pollEvents(listener, 64);
            if (process.pidfd().peek().isPresent()) {
                throw new IllegalStateException("the block process ended: " + condition());
            }
        }
    }

    private void setUp() {
        write(DEVICE_STATUS, 1, 0);
        write(DEVICE_STATUS, 1, ACKNOWLEDGE_DRIVER);
        for (int half = 0; half < 2; half++) {
            write(DRIVER_FEATURE_SELECT, 4, half);
            write(DRIVER_FEATURE, 4, (BlockBench.FEATURES >>> (32 * half)) & 0xFFFF_FFFFL);
        }
        write(DEVICE_STATUS, 1, ACKNOWLEDGE_DRIVER | FEATURES_OK);
        write(QUEUE_SELECT, 2, 0);
        write(QUEUE_SIZE, 2, BlockRing.QUEUE_SIZE);
        write(QUEUE_MSIX_VECTOR, 2, 1);
        write(QUEUE_DESC, 8, BlockRing.DESC);
        write(QUEUE_DRIVER, 8, BlockRing.AVAIL);
        write(QUEUE_DEVICE, 8, BlockRing.USED);
        write(QUEUE_ENABLE, 2, 1);
        write(DEVICE_STATUS, 1, ACKNOWLEDGE_DRIVER | FEATURES_OK | DRIVER_OK);
        long status = board.read(0, 0, DEVICE_STATUS, 1);
        if (status != (ACKNOWLEDGE_DRIVER | FEATURES_OK | DRIVER_OK)) {
            throw new IllegalStateException("device status " + status);
        }
    }

    private void write(int offset, int widthBytes, long value) {
        board.write(0, 0, offset, widthBytes, value);
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    @Override
    public String name() {
        return "jvmm";
    }

    @Override
    public BlockRing ring() {
        return ring;
    }

    @Override
    public void kick() {
        board.kick(0, 0);
    }

    @Override
    public EventFd interrupt() {
        return lines[1];
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public String condition() {
        return process.pidfd().peek().map(ExitStatus::toString).orElse("running");
    }

    /** Ends it as a supervisor does, so that the image is closed in order. */
    @Override
    public void close() {
        supervisor.send(SupervisorRequestType.STOP);
        if (process.await(PATIENCE_NS).isEmpty()) {
            process.kill();
            process.await(JailedProcess.DYING_NS);
        }
        for (AutoCloseable resource : held.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
