package io.jvmm.device.api;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A supervisor and a board without a machine: makes the descriptors of one device process, sends its boot record and plays
 * both peers over the real links. For the training run and for tests; the device runs on another thread of the same
 * process.
 */
final class ScratchSupervisor implements AutoCloseable {

    private static final long PATIENCE_NS = 20_000_000_000L;
    private static final String STATE = "state";

    private final DeviceIdentity identity;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final UnixSocket.Pair control;
    private final LinkMemory link;
    private final EventFd requestDoorbell;
    private final EventFd eventDoorbell;
    private final LinkMemory supervisorLink;
    private final EventFd supervisorRequests;
    private final EventFd supervisorEvents;
    private final Fd state;
    private final @Nullable ScratchMemory memory;
    private final @Nullable Fd memoryFd;
    private final Map<String, Fd> scratchDescriptors;
    private final EventFd[] interrupts;
    private final EventFd[] resamples;
    private final Pipe[] hostIn;
    private final Pipe[] hostOut;
    private final BoardEndpoint board;
    private final SupervisorEndpoint supervisor;
    private final Log log = new Log();
    private @Nullable TraceRing trace;

    /** What the process said. */
    static final class Log implements SupervisorEventHandler {
        final List<SupervisorRequestType> acks = new ArrayList<>();
        final List<io.jvmm.ipc.ring.Violation> violations = new ArrayList<>();
        final List<String> events = new ArrayList<>();
        byte @Nullable [] filterHash;
        /** The latest line for the log. */
        String lastLine = "";
        /** Of the latest acknowledgement. */
        int lastStatus;

        @Override
        public void log(LogLevel level, String text) {
            lastLine = text;
        }

        @Override
        public void ready(long monotonicNs, byte[] hash, int threads) {
            filterHash = hash.clone();
        }

        @Override
        public void ack(SupervisorRequestType request, int status) {
            acks.add(request);
            lastStatus = status;
        }

        @Override
        public void peerViolation(int deviceIndex, io.jvmm.ipc.ring.Violation violation) {
            violations.add(violation);
        }

        @Override
        public void escape(int port, int what) {
            events.add("escape " + port + " " + what);
        }

        @Override
        public void backendLost(int port, int errno) {
            events.add("lost " + port + " " + errno);
        }
    }

    /** With a state and a memory of its own. */
    ScratchSupervisor(DeviceFactory factory, long spinNs) {
        this(
                factory,
                spinNs,
                new ScratchMemory(factory),
                MemFd.createEmpty("scratch").fd(),
                null);
    }

    /** With the state and the memory of another machine, whose they stay. */
    ScratchSupervisor(DeviceFactory factory, Fd state, @Nullable Fd memory) {
        this(factory, 0, null, state.duplicate(), memory);
    }

    private ScratchSupervisor(
            DeviceFactory factory, long spinNs, @Nullable ScratchMemory own, Fd state, @Nullable Fd memoryOfOthers) {
        this.identity = factory.identity();
        this.memory = own == null ? null : hold(own);
        this.memoryFd = own == null ? memoryOfOthers : own.fdOrNull();
        this.state = hold(state);
        scratchDescriptors = factory.scratchDescriptors();
        scratchDescriptors.values().forEach(this::hold);
        control = hold(UnixSocket.seqPacketPair());
        link = hold(LinkMemory.create("scratch", LinkSpec.device(2)));
        requestDoorbell = hold(EventFd.create());
        eventDoorbell = hold(EventFd.create());
        supervisorLink = hold(LinkMemory.create("scratch", LinkSpec.supervisor()));
        supervisorRequests = hold(EventFd.create());
        supervisorEvents = hold(EventFd.create());
        interrupts = new EventFd[identity.interrupts().size()];
        resamples = new EventFd[interrupts.length];
        for (int line = 0; line < interrupts.length; line++) {
            interrupts[line] = hold(EventFd.create());
            resamples[line] = hold(EventFd.create());
        }
        hostIn = new Pipe[identity.hostPorts()];
        hostOut = new Pipe[hostIn.length];
        for (int port = 0; port < hostIn.length; port++) {
            hostIn[port] = hold(Pipe.create());
            hostOut[port] = hold(Pipe.create());
            hostIn[port].reader().setNonBlocking(true);
            hostOut[port].writer().setNonBlocking(true);
            hostOut[port].reader().setNonBlocking(true);
        }
        board = new BoardEndpoint(link, requestDoorbell, eventDoorbell, new WaitPolicy(spinNs, PATIENCE_NS));
        supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    /** The device's end of the control socket. */
    Fd deviceControl() {
        return control.right().fd();
    }

    /** Whether the next process is recorded. */
    void record(boolean on) {
        trace = on ? hold(TraceRing.create("scratch")) : null;
    }

    /** Of a process that is recorded. */
    @Nullable
    TraceRing trace() {
        return trace;
    }

    /** Sends the boot record, with a narrow filter and {@code entries} as pairs of key and value beside the usual ones. */
    void boot(byte[] filter, String... entries) {
        BootRecord.Builder record = BootRecord.builder().fd(STATE, state);
        processPart(record, filter.length == 0);
        devicePart(record);
        record.put("seccomp.narrow", filter);
        send(record, entries);
    }

    /** Sends the first of a spare's two records. */
    void bootStandby(byte[] standbyFilter, byte[] narrowFilter) {
        BootRecord.Builder record = BootRecord.builder();
        processPart(record, standbyFilter.length == 0);
        record.put("seccomp.standby", standbyFilter).put("seccomp.narrow", narrowFilter);
        send(record, "standby", "true");
    }

    /** Sends the second one, with {@code entries} beside the usual ones. */
    void assign(String... entries) {
        BootRecord.Builder record = BootRecord.builder().fd(STATE, state);
        devicePart(record);
        send(record, entries);
    }

    /** The same with an empty state, and beside it an old one of some version in which something was committed. */
    void assignOld(int version, DeviceIdentity of) {
        try (MemFd fresh = MemFd.createEmpty("scratch");
                StateSegment old = StateSegment.create("scratch", of.deviceId(), version, of.stateLengthBytes())) {
            old.commit(0);
            BootRecord.Builder record =
                    BootRecord.builder().fd(STATE, fresh.fd()).fd("state.old", old.fd());
            devicePart(record);
            send(record);
        }
    }

    private void processPart(BootRecord.Builder record, boolean open) {
        record.fd("supervisor.link", supervisorLink.fd())
                .fd("supervisor.request-doorbell", supervisorRequests.fd())
                .fd("supervisor.event-doorbell", supervisorEvents.fd())
                .put("process", identity.name())
                .put("vm", "scratch")
                .put("jail", open ? "off" : "enforce");
    }

    private void devicePart(BootRecord.Builder record) {
        record.fd("link", link.fd())
                .fd("link.request-doorbell", requestDoorbell.fd())
                .fd("link.event-doorbell", eventDoorbell.fd());
        for (int line = 0; line < interrupts.length; line++) {
            record.fd("irq." + line, interrupts[line].fd());
            if (identity.interrupts().get(line).level()) {
                record.fd("resample." + line, resamples[line].fd());
            }
        }
        for (int port = 0; port < hostIn.length; port++) {
            record.fd("backend." + port + ".in", hostIn[port].reader());
            record.fd("backend." + port + ".out", hostOut[port].writer());
        }
        Fd guest = memoryFd;
        if (guest != null) {
            record.fd("memory", guest).put("memory.bytes", ScratchMemory.LENGTH_BYTES);
        }
        scratchDescriptors.forEach(record::fd);
        TraceRing recorded = trace;
        if (recorded != null) {
            record.fd(TraceRingLayout.FD_RING, recorded.fd())
                    .fd(TraceRingLayout.FD_BELL, hold(EventFd.create()).fd());
        }
    }

    private void send(BootRecord.Builder record, String... entries) {
        for (int i = 0; i + 1 < entries.length; i += 2) {
            record.put(entries[i], entries[i + 1]);
        }
        BootChannel.over(control.left().fd()).send(record.build());
    }

    BoardEndpoint board() {
        return board;
    }

    /** The memfd of the device link, for a board that is not ours. */
    Fd linkFd() {
        return link.fd();
    }

    EventFd requestDoorbell() {
        return requestDoorbell;
    }

    EventFd eventDoorbell() {
        return eventDoorbell;
    }

    GuestMemory memory() {
        return Objects.requireNonNull(memory, "it is another machine's").get();
    }

    int hostPorts() {
        return hostIn.length;
    }

    EventFd interrupt(int line) {
        return interrupts[line];
    }

    EventFd resample(int line) {
        return resamples[line];
    }

    Pipe hostIn(int port) {
        return hostIn[port];
    }

    Pipe hostOut(int port) {
        return hostOut[port];
    }

    /** Another descriptor of the state segment, for whoever calls. */
    Fd stateFd() {
        return state.duplicate();
    }

    /** What the device has committed, as its successor would adopt it. */
    StateSegment adoptState() {
        return StateSegment.adopt(stateFd(), identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes());
    }

    Log log() {
        return log;
    }

    SupervisorEndpoint supervisor() {
        return supervisor;
    }

    /** Waits for the next READY; returns the hash it carried. */
    byte[] awaitReady() {
        byte[] hash = log.filterHash;
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (hash == null) {
            awaitEvent(endNs);
            hash = log.filterHash;
        }
        log.filterHash = null;
        return hash;
    }

    /** Sends a request and waits for its acknowledgement. */
    void request(SupervisorRequestType request) {
        log.acks.clear();
        supervisor.send(request);
        long endNs = System.nanoTime() + PATIENCE_NS;
        while (!log.acks.contains(request)) {
            awaitEvent(endNs);
        }
    }

    /** Takes the events that are there, or waits for some. */
    void awaitEvent(long endNs) {
        if (supervisor.pollEvents(log, 64) > 0) {
            return;
        }
        long leftNs = endNs - System.nanoTime();
        if (leftNs <= 0) {
            throw new IllegalStateException(identity.name() + " is silent; its events so far: " + log.events);
        }
        if (supervisor.prepareToSleep()) {
            Poller poller = new Poller(1);
            poller.add(supervisor.eventDoorbell().fd(), Poller.READABLE);
            poller.await(leftNs);
            supervisor.awake();
            supervisor.eventDoorbell().drain();
        }
    }

    /** The supervisor dies: its end of the control socket closes. */
    void die() {
        control.left().close();
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
}
