package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A device with its real duty cycle, back ends and links, in virtual time and on the caller's thread, over any state; whoever holds
 * it plays the board and the supervisor, honestly or not. One life.
 */
final class HostileRig implements Exercise, AutoCloseable {
    /** More cycles than this without anything new to do means that the device does not come to rest. */
    private static final int MOST_CYCLES = 20_000;

    private static final int DRAIN_BYTES = 4096;
    static final int VCPUS = 2;

    final DeviceIdentity identity;
    final BoardEndpoint board;
    final SupervisorEndpoint supervisor;
    final DeviceLoop loop;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final LinkMemory link;
    private final EventFd requestDoorbell;
    private final EventFd eventDoorbell;
    private final LinkMemory supervisorLink;
    private final EventFd supervisorRequests;
    private final EventFd supervisorEvents;
    private final StateSegment state;
    private final ScratchMemory memory;
    private final DeviceCore core;
    private final Backend[] backends;
    private final EventFd[] interrupts;
    private final EventFd[] resamples;
    private final Pipe[] hostIn;
    private final Pipe[] hostOut;
    private final MemorySegment bytes = Arena.ofAuto().allocate(DRAIN_BYTES);
    final ScratchSupervisor.Log log = new ScratchSupervisor.Log();
    long nowNs;
    private boolean deaf;

    /**
     * A process that serves.
     *
     * @param memory guest memory, the caller's
     * @param adopted the state of a predecessor, or null for one after power-on
     * @param startNs the time it is
     * @throws StateRejectedException as the device does
     */
    HostileRig(DeviceFactory factory, ScratchMemory memory, byte @Nullable [] adopted, long startNs) {
        nowNs = startNs;
        try {
            DeviceConfig config = factory.exampleConfig();
            this.identity = factory.identity(config);
            this.memory = memory;
            link = hold(LinkMemory.create("hostile", LinkSpec.device(VCPUS)));
            requestDoorbell = hold(EventFd.create());
            eventDoorbell = hold(EventFd.create());
            // Nobody answers before its turn: a read gives up at once, and the device answers later.
            board = new BoardEndpoint(link, requestDoorbell, eventDoorbell, new WaitPolicy(0, 1));
            supervisorLink = hold(LinkMemory.create("hostile", LinkSpec.supervisor()));
            supervisorRequests = hold(EventFd.create());
            supervisorEvents = hold(EventFd.create());
            supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
            state = hold(StateSegment.create(
                    "hostile", identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes()));
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
            LinkEffects effects = new LinkEffects(device, interrupts);
            SupervisorEvents events = new SupervisorEvents(process);
            if (adopted != null) {
                state.working().putBytes(0, adopted);
            }
            core = factory.create(config, state.working(), adopted == null, effects, memory.orNull(), nowNs);
            hostIn = new Pipe[identity.hostPorts()];
            hostOut = new Pipe[identity.hostPorts()];
            Map<String, Fd> descriptors = descriptors(factory);
            backends = factory.backends(config, name -> Optional.ofNullable(descriptors.get(name)), core, events)
                    .toArray(new Backend[0]);
            // They end before their descriptors are closed.
            held.add(() -> {
                for (Backend backend : backends) {
                    backend.close();
                }
            });
            Fd control = hold(Pipe.create()).reader();
            loop = new DeviceLoop(
                    identity,
                    device,
                    process,
                    new Transactions(state),
                    core,
                    effects,
                    events,
                    backends,
                    watched,
                    control,
                    0);
            supervisor.send(SupervisorRequestType.START);
            loop.doWork(nowNs);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private Map<String, Fd> descriptors(DeviceFactory factory) {
        Map<String, Fd> descriptors = new HashMap<>(factory.scratchDescriptors());
        descriptors.values().forEach(this::hold);
        for (int port = 0; port < hostIn.length; port++) {
            hostIn[port] = hold(Pipe.create());
            hostOut[port] = hold(Pipe.create());
            hostIn[port].reader().setNonBlocking(true);
            hostOut[port].reader().setNonBlocking(true);
            hostOut[port].writer().setNonBlocking(true);
            descriptors.put("backend." + port + ".in", hostIn[port].reader());
            descriptors.put("backend." + port + ".out", hostOut[port].writer());
        }
        return descriptors;
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** Somebody has taken the vCPU process over. */
    HostilePeer hostileBoard(long seed) {
        return hold(new HostilePeer(link.fd(), HostilePeer.Side.BOARD, requestDoorbell, eventDoorbell, seed));
    }

    /** Somebody has the supervisor's end: nobody whom a device could escape, but it should end in good order. */
    HostilePeer hostileSupervisor(long seed) {
        return hold(new HostilePeer(
                supervisorLink.fd(), HostilePeer.Side.SUPERVISOR, supervisorRequests, supervisorEvents, seed));
    }

    /** Whether the board does not read what the device says. */
    void deaf(boolean isDeaf) {
        deaf = isDeaf;
    }

    /** The state as it is between two messages. */
    byte[] state() {
        byte[] copy = new byte[identity.stateLengthBytes()];
        state.working().getBytes(0, copy);
        return copy;
    }

    DeviceCore core() {
        return core;
    }

    @Nullable
    ProcessExit exit() {
        return loop.exit();
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
        board.write(1, region, offset, widthBytes, value);
        work();
    }

    @Override
    public void kick(int queue) {
        board.kick(0, queue);
        work();
    }

    /** The machine's reset line. */
    void reset() {
        board.reset(0);
        work();
    }

    void request(SupervisorRequestType type, long argument) {
        supervisor.send(type, argument);
        settle();
    }

    @Override
    public GuestMemory memory() {
        return memory.get();
    }

    boolean hasMemory() {
        return memory.orNull() != null;
    }

    @Override
    public void hostInput(int port, String text) {
        if (port >= hostIn.length) {
            return;
        }
        for (int i = 0; i < text.length(); i++) {
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) text.charAt(i));
        }
        FileIo.tryWrite(hostIn[port].writer(), bytes, 0, text.length());
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
        request(SupervisorRequestType.POWER_BUTTON, 0);
    }

    /** Lets the device do all it can, and takes what comes out. */
    void settle() {
        loop.poll(0, nowNs);
        work();
        for (EventFd interrupt : interrupts) {
            interrupt.drain();
        }
        for (Pipe pipe : hostOut) {
            FileIo.tryRead(pipe.reader(), bytes, 0, DRAIN_BYTES);
        }
    }

    private void work() {
        int cycles = 0;
        while (loop.exit() == null && loop.doWork(nowNs) > 0) {
            if (++cycles > MOST_CYCLES) {
                throw new AssertionError(identity.name() + " does not come to rest; its next deadline is "
                        + (core.nextDeadlineNs() - nowNs) + " ns away, work is left: " + core.hasWork());
            }
        }
        if (!deaf) {
            board.pollEvents(new IgnoredDeviceEvents(), 64);
        }
        supervisor.pollEvents(log, 64);
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
        held.clear();
    }
}
