package io.jvmm.device.platform;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailedProcess;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The real program in a process of its own, with its launch file and its narrow filter, and this test as its supervisor
 * and its board. {@link #kill} and {@link #start} replace the process over the same link and state; each process has a
 * supervisor link of its own.
 */
final class LiveProcess implements AutoCloseable, DeviceEventHandler, SupervisorEventHandler {
    private static final Path FILTER = Path.of("../../policies/target/policies/platform.bpf");
    private static final long PATIENCE_NS = 30_000_000_000L;
    private static final int EVENTS = 64;
    private static final int OUTPUT_BYTES = 256;
    private static final int STANDARD_ERROR = 2;

    final List<String> said = new ArrayList<>();
    final EventFd[] interrupts =
            new EventFd[PlatformIdentity.IDENTITY.interrupts().size()];
    final EventFd resample;
    final Pipe debugConsole;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final LinkMemory link;
    private final EventFd[] doorbells = new EventFd[4];
    private final StateSegment state;
    private final BoardEndpoint board;
    private SupervisorEndpoint supervisor;
    private @Nullable JailedProcess process;
    private @Nullable UnixSocket control;
    private String readyWord = "";

    LiveProcess() {
        link = hold(LinkMemory.create(LinkSpec.device(1)));
        for (int i = 0; i < doorbells.length; i++) {
            doorbells[i] = hold(EventFd.create());
        }
        for (int i = 0; i < interrupts.length; i++) {
            interrupts[i] = hold(EventFd.create());
        }
        resample = hold(EventFd.create());
        debugConsole = hold(Pipe.create());
        debugConsole.reader().setNonBlocking(true);
        debugConsole.writer().setNonBlocking(true);
        state = hold(StateSegment.create(
                "platform", PlatformIdentity.DEVICE_ID, PlatformStateLayout.VERSION, PlatformStateLayout.LENGTH_BYTES));
        board = new BoardEndpoint(link, doorbells[0], doorbells[1], new WaitPolicy(20_000, PATIENCE_NS));
        supervisor = new SupervisorEndpoint(newSupervisorLink(), doorbells[2], doorbells[3]);
    }

    private LinkMemory newSupervisorLink() {
        return hold(LinkMemory.create(LinkSpec.supervisor()));
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** Starts a process over the links and the state, and waits until it serves. */
    void start(String... entries) throws IOException {
        LinkMemory supervisorLink = newSupervisorLink();
        supervisor = new SupervisorEndpoint(supervisorLink, doorbells[2], doorbells[3]);
        UnixSocket.Pair pair = UnixSocket.seqPacketPair();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", ""));
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/launch/platform.launch",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                PlatformMain.class.getName());
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            process = Jail.spawnUnconfined(
                    "platform",
                    command,
                    Map.of(),
                    List.of(
                            FdMapping.of(nothing, 0),
                            FdMapping.of(nothing, 1),
                            FdMapping.of(Fd.of(STANDARD_ERROR), STANDARD_ERROR),
                            FdMapping.of(pair.right().fd(), 3)));
        }
        pair.right().close();
        control = pair.left();
        BootRecord.Builder record = BootRecord.builder()
                .fd("supervisor.link", supervisorLink.fd())
                .fd("supervisor.request-doorbell", doorbells[2].fd())
                .fd("supervisor.event-doorbell", doorbells[3].fd())
                .fd("link", link.fd())
                .fd("link.request-doorbell", doorbells[0].fd())
                .fd("link.event-doorbell", doorbells[1].fd())
                .fd("state", state.fd())
                .fd("resample." + PlatformIdentity.IRQ_SCI, resample.fd())
                .fd("backend.0.out", debugConsole.writer())
                .put("process", "platform")
                .put("jail", "enforce")
                .put("wait.spin-ns", 0)
                .put("seccomp.narrow", filter());
        for (int line = 0; line < interrupts.length; line++) {
            record.fd("irq." + line, interrupts[line].fd());
        }
        for (String entry : entries) {
            record.put(entry.substring(0, entry.indexOf('=')), entry.substring(entry.indexOf('=') + 1));
        }
        BootChannel.over(pair.left().fd()).send(record.build());
        readyWord = awaitWord("ready");
        supervisor.send(SupervisorRequestType.START);
        awaitWord("ack START");
    }

    /** Whether the last READY carried this hash. */
    boolean heardReadyWith(byte[] filterHash) {
        return readyWord.equals("ready " + HexFormat.of().formatHex(filterHash));
    }

    static byte[] filter() throws IOException {
        return Files.readAllBytes(FILTER);
    }

    /** How the process is: running, or how it ended. */
    String condition() {
        JailedProcess running = process;
        if (running == null) {
            return "not started";
        }
        return running.pidfd().peek().map(ExitStatus::toString).orElse("running") + ", link " + board.health();
    }

    int pid() {
        JailedProcess running = process;
        return running == null ? -1 : running.pid();
    }

    /** SIGKILL, as the worst that can happen. */
    ExitStatus kill() {
        JailedProcess running = process;
        UnixSocket socket = control;
        if (running == null || socket == null) {
            throw new IllegalStateException("not started");
        }
        running.kill();
        ExitStatus status = running.pidfd().await();
        socket.close();
        process = null;
        board.reconnect();
        return status;
    }

    /** An orderly end. */
    ExitStatus stop() {
        JailedProcess running = process;
        if (running == null) {
            throw new IllegalStateException("not started");
        }
        supervisor.send(SupervisorRequestType.STOP);
        ExitStatus status = running.pidfd().await();
        process = null;
        return status;
    }

    /** The supervisor dies: nothing but the end of the control socket tells. */
    ExitStatus abandon() {
        JailedProcess running = process;
        UnixSocket socket = control;
        if (running == null || socket == null) {
            throw new IllegalStateException("not started");
        }
        socket.close();
        ExitStatus status = running.pidfd().await();
        process = null;
        return status;
    }

    void powerButton() {
        supervisor.send(SupervisorRequestType.POWER_BUTTON);
        awaitWord("ack POWER_BUTTON");
    }

    long read(int region, int offset, int widthBytes) {
        long value = board.read(0, region, offset, widthBytes);
        if (board.health() != LinkHealth.CONNECTED) {
            throw new AssertionError("no answer: process " + condition());
        }
        return value;
    }

    void write(int region, int offset, int widthBytes, long value) {
        board.write(0, region, offset, widthBytes, value);
    }

    int cmos(int index) {
        write(PlatformIdentity.REGION_RTC, 0, 1, index);
        return (int) read(PlatformIdentity.REGION_RTC, 1, 1);
    }

    void cmos(int index, int value) {
        write(PlatformIdentity.REGION_RTC, 0, 1, index);
        write(PlatformIdentity.REGION_RTC, 1, 1, value);
    }

    /** Waits for an interrupt; how often the line rose since last asked, 0 when patience ends. */
    long awaitInterrupt(int line) {
        Poller poller = new Poller(1);
        poller.add(interrupts[line].fd(), Poller.READABLE);
        poller.await(PATIENCE_NS);
        return interrupts[line].drain();
    }

    /** Waits for output of the debug console. */
    String awaitDebugOutput(int lengthBytes) {
        Poller poller = new Poller(1);
        poller.add(debugConsole.reader(), Poller.READABLE);
        StringBuilder text = new StringBuilder();
        MemorySegment bytes = Arena.ofAuto().allocate(OUTPUT_BYTES);
        while (text.length() < lengthBytes && poller.await(PATIENCE_NS) > 0) {
            long count = FileIo.tryRead(debugConsole.reader(), bytes, 0, OUTPUT_BYTES);
            text.append(new String(
                    bytes.asSlice(0, Math.max(count, 0)).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1));
        }
        return text.toString();
    }

    /** Waits until the process has said something that starts so; everything up to there is forgotten. */
    String awaitWord(String prefix) {
        Poller poller = new Poller(2);
        poller.add(doorbells[1].fd(), Poller.READABLE);
        poller.add(doorbells[3].fd(), Poller.READABLE);
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (System.nanoTime() < endNs) {
            board.pollEvents(this, EVENTS);
            supervisor.pollEvents(this, EVENTS);
            while (!said.isEmpty()) {
                String word = said.removeFirst();
                if (word.startsWith(prefix)) {
                    return word;
                }
            }
            if (board.prepareToSleep() && supervisor.prepareToSleep()) {
                poller.await(endNs - System.nanoTime());
            }
            board.awake();
            supervisor.awake();
            doorbells[1].drain();
            doorbells[3].drain();
        }
        throw new AssertionError("no '" + prefix + "' in time");
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

    @Override
    public void configChanged(int function, int generation) {
        said.add("config " + function);
    }

    @Override
    public void needsReset(int function, int reason) {
        said.add("needs-reset " + function);
    }

    @Override
    public void guestError(int code, long detail) {
        said.add("guest-error " + code + " " + detail);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        said.add("power " + action + " " + origin);
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        said.add("ready " + HexFormat.of().formatHex(filterHash));
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {
        said.add("ack " + request + " " + status);
    }

    @Override
    public void log(LogLevel level, String text) {
        said.add("log " + text);
    }

    @Override
    public void counter(int id, long value) {
        said.add("counter " + id);
    }

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        said.add("guest-stopped " + cause);
    }

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {
        said.add("device-hung " + deviceIndex);
    }

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        said.add("peer-violation " + violation);
    }

    @Override
    public void escape(int port, int what) {
        said.add("escape " + port);
    }

    @Override
    public void firstInstruction(long monotonicNs) {
        said.add("first-instruction");
    }

    @Override
    public void backendLost(int port, int errno) {
        said.add("backend-lost " + port);
    }
}
