package io.jvmm.device.api;

import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.trace.BatchSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A whole scratch machine around a device: its own links, state, descriptors and both peers, driven by
 * {@link DeviceFactory#exercise} on the calling thread. Before the jail closes it loads every class and has the hot paths
 * compiled; in tests it is the in-process peer.
 */
final class WarmUp implements Exercise, AutoCloseable {

    /** C1 compiles a method at its 200th call; this many rounds with dozens of messages each are well beyond. */
    private static final int ROUNDS = 16;

    private static final long BUDGET_NS = 25_000_000;
    private static final int EVENTS = 64;
    private static final int DRAIN_BYTES = 4096;

    private final DeviceIdentity identity;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final BoardEndpoint board;
    private final SupervisorEndpoint supervisor;
    private final StateSegment state;
    private final LinkEffects effects;
    private final DeviceLoop loop;
    private final EventFd[] interrupts;
    private final EventFd[] resamples;
    private final @Nullable Pipe[] hostIn;
    private final @Nullable Pipe[] hostOut;
    private final MemorySegment bytes = Arena.ofAuto().allocate(DRAIN_BYTES);
    private final DeviceEventHandler boardHandler;
    private final SupervisorEventHandler supervisorHandler;
    private final ScratchMemory memory;
    private final Backend[] backends;
    private long nowNs = 1;

    WarmUp(DeviceFactory factory, DeviceEventHandler boardHandler, SupervisorEventHandler supervisorHandler) {
        this(factory, boardHandler, supervisorHandler, null);
    }

    /** @param sink where the trace of the device goes; null: it is not recorded */
    private WarmUp(
            DeviceFactory factory,
            DeviceEventHandler boardHandler,
            SupervisorEventHandler supervisorHandler,
            @Nullable BatchSink sink) {
        DeviceConfig config = factory.exampleConfig();
        this.identity = factory.identity(config);
        this.boardHandler = boardHandler;
        this.supervisorHandler = supervisorHandler;
        LinkMemory link = hold(LinkMemory.create("warm-up", LinkSpec.device(1)));
        EventFd requestDoorbell = hold(EventFd.create());
        EventFd eventDoorbell = hold(EventFd.create());
        // One thread plays both sides: the board's read gives up at once, the device then answers it.
        board = new BoardEndpoint(link, requestDoorbell, eventDoorbell, new WaitPolicy(0, 1));
        LinkMemory supervisorLink = hold(LinkMemory.create("warm-up", LinkSpec.supervisor()));
        EventFd supervisorRequests = hold(EventFd.create());
        EventFd supervisorEvents = hold(EventFd.create());
        supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
        state = hold(StateSegment.create(
                "warm-up", identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes()));

        DeviceEndpoint device = new DeviceEndpoint(link, requestDoorbell, eventDoorbell, 0);
        ProcessEndpoint process = new ProcessEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
        int lines = identity.interrupts().size();
        interrupts = new EventFd[lines];
        resamples = new EventFd[lines];
        Resample[] watched = new Resample[lines];
        for (int line = 0; line < lines; line++) {
            interrupts[line] = hold(EventFd.create());
            resamples[line] = hold(EventFd.create());
            watched[line] = new Resample(line, resamples[line]);
        }
        effects = new LinkEffects(device, interrupts);
        SupervisorEvents events = new SupervisorEvents(process);
        memory = hold(new ScratchMemory(factory));
        LifeRecorder recorder =
                sink == null ? null : new LifeRecorder(sink, state.working(), identity.stateLengthBytes(), 0);
        DeviceCore core = recorder == null
                ? factory.create(config, state.working(), true, effects, memory.orNull(), nowNs)
                : recorder.begin(
                        factory,
                        config,
                        ScratchMachine.exampleEntries(factory),
                        true,
                        0,
                        effects,
                        memory.orNull(),
                        nowNs);
        hostIn = new @Nullable Pipe[identity.hostPorts()];
        hostOut = new @Nullable Pipe[identity.hostPorts()];
        backends = backends(factory, config, core, events);
        Transactions commits = new Transactions(state, recorder);
        loop = new DeviceLoop(
                identity, device, process, commits, core, effects, events, backends, watched, control(), 0);
        supervisor.send(SupervisorRequestType.START);
        loop.doWork(nowNs);
    }

    private Backend[] backends(DeviceFactory factory, DeviceConfig config, DeviceCore core, HostEvents events) {
        if (identity.hostPorts() == 0) {
            Map<String, Fd> scratch = factory.scratchDescriptors();
            scratch.values().forEach(this::hold);
            return factory.backends(config, name -> Optional.ofNullable(scratch.get(name)), core, events)
                    .toArray(new Backend[0]);
        }
        Backend[] streams = new Backend[identity.hostPorts()];
        for (int port = 0; port < streams.length; port++) {
            Pipe in = Pipe.create();
            Pipe out = Pipe.create();
            in.reader().setNonBlocking(true);
            out.reader().setNonBlocking(true);
            out.writer().setNonBlocking(port % 2 == 0);
            hostIn[port] = hold(in);
            hostOut[port] = hold(out);
            streams[port] = new StreamBackend(
                    port,
                    core,
                    events,
                    in.reader(),
                    out.writer(),
                    StreamBackend.OnLoss.END,
                    InputFilter.NONE,
                    StreamBackend.CHUNK_BYTES,
                    StreamBackend.CHUNK_BYTES);
        }
        return streams;
    }

    /** A control descriptor nothing ever comes through. */
    private Fd control() {
        return hold(Pipe.create()).reader();
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** Warms up for a device process: until the rounds are done or the budget is spent. */
    static void run(DeviceFactory factory) {
        try (WarmUp machine = warm(factory)) {
            machine.misbehave();
        }
    }

    /** The same for a spare: it rehearses besides, with the state and the memory the scratch machine has left, to take over. */
    static void runAndRehearse(DeviceFactory factory) {
        try (WarmUp machine = warm(factory)) {
            Rehearsal.run(factory, machine.state.fd(), machine.memory.fdOrNull(), machine.nowNs);
            machine.misbehave();
        }
    }

    /** For a process that is to live a recorded life again: one life of a scratch machine. */
    static void record(DeviceFactory factory, BatchSink sink) {
        try (WarmUp machine = new WarmUp(factory, new IgnoredDeviceEvents(), new SupervisorEventHandler() {}, sink)) {
            factory.exercise(machine);
        }
    }

    private static WarmUp warm(DeviceFactory factory) {
        long startNs = System.nanoTime();
        WarmUp machine = new WarmUp(factory, new IgnoredDeviceEvents(), new SupervisorEventHandler() {});
        // The first round is not a matter of speed: a class that it does not load may be refused by the filter.
        for (int i = 0; i == 0 || (i < ROUNDS && System.nanoTime() - startNs < BUDGET_NS); i++) {
            factory.exercise(machine);
        }
        return machine;
    }

    /**
     * The last things a scratch machine does: what a bad guest and then a hostile board would, so that reporting them loads
     * nothing later.
     */
    private void misbehave() {
        effects.guestError(0, 0);
        loop.tellCounters();
        board.write(0, 0xFF, 0, 1, 0);
        work();
        if (exit() != ProcessExit.PEER_VIOLATION) {
            throw new IllegalStateException("warm-up ended with " + exit());
        }
    }

    @Override
    public void read(int region, int offset, int widthBytes) {
        board.read(0, region, offset, widthBytes);
        if (board.health() == LinkHealth.HUNG) {
            board.reconnect();
        }
        work();
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        board.write(0, region, offset, widthBytes, value);
        work();
    }

    @Override
    public void kick(int queue) {
        board.kick(0, queue);
        work();
    }

    @Override
    public GuestMemory memory() {
        return memory.get();
    }

    @Override
    public void hostInput(int port, String text) {
        Pipe pipe = port < hostIn.length ? hostIn[port] : null;
        if (pipe == null) {
            return;
        }
        for (int i = 0; i < text.length(); i++) {
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) text.charAt(i));
        }
        FileIo.tryWrite(pipe.writer(), bytes, 0, text.length());
        settle();
    }

    @Override
    public void advance(long durationNs) {
        settle();
        nowNs += durationNs;
        settle();
    }

    @Override
    public void resample(int line) {
        resamples[line].signal();
        settle();
    }

    @Override
    public void powerButton() {
        supervisor.send(SupervisorRequestType.POWER_BUTTON);
        settle();
    }

    /** Lets the device do all it can, as the process does, and takes whatever comes out of it. */
    private void settle() {
        loop.poll(0, nowNs);
        work();
        for (EventFd interrupt : interrupts) {
            interrupt.drain();
        }
        for (Pipe pipe : hostOut) {
            if (pipe != null) {
                FileIo.tryRead(pipe.reader(), bytes, 0, DRAIN_BYTES);
            }
        }
    }

    private void work() {
        while (loop.doWork(nowNs) > 0) {
            // until there is nothing left
        }
        board.pollEvents(boardHandler, EVENTS);
        supervisor.pollEvents(supervisorHandler, EVENTS);
    }

    /** Why the scratch device would have ended, or null. */
    @Nullable
    ProcessExit exit() {
        return loop.exit();
    }

    @Override
    public void close() {
        for (Backend backend : backends) {
            backend.close();
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
