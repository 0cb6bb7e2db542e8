package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.engine.Vcpu;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.jspecify.annotations.Nullable;

/** A board with real links, a scripted vCPU, a device at the other end that a test plays, and the supervisor's side. */
final class BoardRig implements AutoCloseable, SupervisorEventHandler {
    private static final long PATIENCE_NS = 60_000_000_000L;

    /** How long a vCPU waits for a successor. */
    static final long REPLACE_NS = 1_000_000_000L;

    final LinkMemory deviceLink;
    final DeviceEndpoint device;
    final BoardEndpoint boardEnd;
    final LinkMemory supervisorLink = LinkMemory.create(LinkSpec.supervisor());
    final SupervisorEndpoint supervisor;
    final EventFd deviceEventDoorbell = EventFd.create();
    private final EventFd requestDoorbell = EventFd.create();
    final List<ScriptedVcpu> vcpus;
    final Board board;
    final List<String> events = new ArrayList<>();
    private final Thread boardThread;
    private volatile Board.@Nullable End end;
    private @Nullable Thread deviceThread;
    private volatile boolean deviceStops;
    volatile long answerDelayNs;
    long lastStallNs;

    BoardRig(boolean mayPower, long timeoutNs, ScriptedVcpu... scripts) {
        this(mayPower, timeoutNs, List.of(scripts), List.of(scripts), _ -> null);
    }

    /** With a bus. */
    BoardRig(ScriptedVcpu script, long timeoutNs, Function<BoardDevice, @Nullable ExpansionBus> bus) {
        this(false, timeoutNs, List.of(script), List.of(script), bus);
    }

    /** With vCPUs of an engine. */
    BoardRig(List<? extends Vcpu> real, long timeoutNs) {
        this(false, timeoutNs, List.of(), real, _ -> null);
    }

    private BoardRig(
            boolean mayPower,
            long timeoutNs,
            List<ScriptedVcpu> scripts,
            List<? extends Vcpu> all,
            Function<BoardDevice, @Nullable ExpansionBus> bus) {
        vcpus = scripts;
        deviceLink = LinkMemory.create(LinkSpec.device(all.size()));
        boardEnd = new BoardEndpoint(
                LinkMemory.attach(deviceLink.fd(), LinkKind.DEVICE),
                requestDoorbell,
                deviceEventDoorbell,
                new WaitPolicy(20_000, timeoutNs, REPLACE_NS));
        device = new DeviceEndpoint(
                LinkMemory.attach(deviceLink.fd(), LinkKind.DEVICE), requestDoorbell, deviceEventDoorbell, 0);
        final EventFd supervisorRequest = EventFd.create();
        final EventFd supervisorEvent = EventFd.create();
        supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequest, supervisorEvent);
        final ProcessEndpoint process = new ProcessEndpoint(
                LinkMemory.attach(supervisorLink.fd(), LinkKind.SUPERVISOR), supervisorRequest, supervisorEvent);
        final EventFd attention = EventFd.create();
        final BoardDevice boardDevice = new BoardDevice(7, "dev", boardEnd, attention, mayPower);
        final AddressMap ports = AddressMap.builder(WindowSpec.Space.PIO)
                .window(WindowSpec.parse("pio:100:10"), "dev", boardDevice, 2)
                .build();
        final AddressMap memory = AddressMap.builder(WindowSpec.Space.MMIO).build();
        board = new Board(
                process,
                attention,
                null,
                List.of(boardDevice),
                all,
                new Board.Maps(ports, memory, bus.apply(boardDevice)),
                timeoutNs);
        boardThread = new Thread(() -> end = board.serve(), "board");
    }

    /** The raw event ring, for a device that does not use it as it should; offsets as in PROTOCOL.md. */
    RingBuffer eventRing() {
        final Mapping mapping =
                Mapping.shared(deviceLink.fd(), 0, FileIo.size(deviceLink.fd()), Mapping.Access.READ_WRITE);
        final int offset = (int) mapping.buffer().getLong(LinkLayout.HEADER_EVENT_RING);
        final int length = (int) mapping.buffer().getLong(LinkLayout.HEADER_EVENT_RING + Long.BYTES);
        return new ManyToOneRingBuffer(mapping.buffer(offset, length));
    }

    /** Another process at the device's end. */
    DeviceEndpoint successor(long position) {
        return new DeviceEndpoint(
                LinkMemory.attach(deviceLink.fd(), LinkKind.DEVICE), requestDoorbell, deviceEventDoorbell, position);
    }

    /** Up to where requests have been given back: what a device that commits each one has committed. */
    long position() {
        final UnsafeBuffer ring = requestRing();
        return ring.getLongVolatile(IpcRingLayout.headOffset(ring.capacity()));
    }

    /** A device writes where it must not. */
    void spoilRequestTail() {
        final UnsafeBuffer ring = requestRing();
        ring.putLongVolatile(ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES + IpcRingLayout.TAIL_OFFSET, 3);
    }

    private UnsafeBuffer requestRing() {
        final Mapping mapping =
                Mapping.shared(deviceLink.fd(), 0, FileIo.size(deviceLink.fd()), Mapping.Access.READ_WRITE);
        final int offset = (int) mapping.buffer().getLong(LinkLayout.HEADER_REQUEST_RING);
        final int length = (int) mapping.buffer().getLong(LinkLayout.HEADER_REQUEST_RING + Long.BYTES);
        return mapping.buffer(offset, length);
    }

    /** Starts the board; the guest waits for START. */
    BoardRig up() {
        board.startThreads();
        boardThread.start();
        return this;
    }

    /** A device that answers a read with its offset times 3 and remembers writes as events of this rig would. */
    BoardRig echoing(List<String> writes) {
        final Thread t = new Thread(
                () -> {
                    while (!deviceStops) {
                        while (device.next()) {
                            LockSupport.parkNanos(answerDelayNs);
                            switch (device.request()) {
                                case READ -> device.reply(device.offset() * 3L);
                                case WRITE -> {
                                    synchronized (writes) {
                                        writes.add(device.region() + "+" + device.offset() + "=" + device.value());
                                    }
                                }
                                case KICK, RESET -> {}
                            }
                            device.release();
                        }
                        Thread.onSpinWait();
                    }
                },
                "device");
        t.start();
        deviceThread = t;
        return this;
    }

    void send(SupervisorRequestType request) {
        send(request, 0, 0);
    }

    void send(SupervisorRequestType request, long argument, long detail) {
        if (!supervisor.send(request, argument, detail)) {
            fail("supervisor ring full");
        }
    }

    /** Polls the supervisor's side until it has heard this. */
    void hear(String event) {
        await(event, () -> events.contains(event));
    }

    void await(String what, BooleanSupplier condition) {
        final long deadline = System.nanoTime() + PATIENCE_NS;
        while (!condition.getAsBoolean()) {
            supervisor.pollEvents(this, 100);
            if (System.nanoTime() > deadline) {
                fail("never: " + what + "; heard " + events);
            }
            Thread.onSpinWait();
        }
    }

    Thread boardThread() {
        return boardThread;
    }

    Board.@Nullable End end() {
        return end;
    }

    @Override
    public void close() {
        if (boardThread.isAlive()) {
            supervisor.send(SupervisorRequestType.STOP);
            boardEnd.breakDown(); // a vCPU that waits for a device that nobody plays any more waits no longer
            join(boardThread);
        }
        deviceStops = true;
        final Thread t = deviceThread;
        if (t != null) {
            join(t);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(5_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        events.add("ready");
    }

    @Override
    public void ack(SupervisorRequestType request, int status) {
        events.add("ack " + request + " " + status);
    }

    @Override
    public void log(LogLevel level, String text) {
        events.add("log " + level + " " + text);
    }

    @Override
    public void counter(int id, long value) {
        events.add("counter " + id);
    }

    @Override
    public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        events.add("stopped " + cause + " vcpu " + vcpu + " rip " + Long.toHexString(rip) + " detail " + detail);
    }

    @Override
    public void deviceHung(int deviceIndex, long waitedNs) {
        events.add("hung " + deviceIndex);
    }

    @Override
    public void peerViolation(int deviceIndex, Violation violation) {
        events.add("violation " + deviceIndex + " " + violation.kind());
    }

    @Override
    public void deviceStall(int deviceIndex, int messages, long stallNs) {
        events.add("stall " + deviceIndex + " " + messages);
        lastStallNs = stallNs;
    }

    @Override
    public void escape(int port, int what) {
        events.add("escape");
    }

    @Override
    public void firstInstruction(long monotonicNs) {
        events.add("first");
    }

    @Override
    public void backendLost(int port, int errno) {
        events.add("lost");
    }
}
