package io.jvmm.fuzz.sandbox;

import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkRenewal;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The life of a device, in one process after the other: link, state segment, counters and host of a session stay, processes come and go. Its oracles:
 *
 * <ul>
 *   <li>a process ends only as what was done to it allows ({@link Verdict}): no signal, no bug, no host error; a lie on its link may end it by PEER_VIOLATION;
 *   <li>requests of the supervisor are acknowledged in time, whatever the guest does; register reads are answered in time while nobody has lied;
 *   <li>what it sends keeps to the protocol; its memory does not grow beyond {@link Scales#MOST_GROWTH_KB};
 *   <li>a successor adopts what a killed process has left, unless that was damaged; one that refuses a damaged state says so.
 * </ul>
 */
final class Session implements AutoCloseable {
    private static final int VCPUS = 2;
    private static final int MOST_EVENTS = 256;
    private static final long START_NS = 60_000_000_000L;
    private static final long DYING_NS = 20_000_000L;

    private final SandboxDevice device;
    private final DeviceIdentity identity;
    private final Spares spares;
    private final MemFd memory;
    private final Feedback feedback;
    private final long boundNs;
    private final Verdict verdict = new Verdict();
    private final DeviceEventHandler handler;
    private final long[] counted = new long[DeviceCounter.values().length];
    private final EventFd requestBell = EventFd.create();
    private final EventFd eventBell = EventFd.create();
    private final EventFd[] interrupts;
    private final EventFd[] resamples;
    private @Nullable Parts parts;
    private @Nullable EndWatch watch;
    private Scales scales = new Scales(0);
    private boolean lied;

    /** What a session has from its beginning to its end. */
    private final class Parts implements AutoCloseable {
        final LinkMemory link = LinkMemory.create("sandbox-link", LinkSpec.device(VCPUS));
        final MemFd state = MemFd.createEmpty("sandbox-state");
        final MemFd page = DevicePage.create("sandbox-counters");
        final DevicePage counters = DevicePage.ofOwn(page);
        final SandboxHost host = device.host().get();
        final RingLies lies = new RingLies(link.fd(), requestBell, RingLies.ofRequests());
        BoardEndpoint board = newBoard();

        @Nullable
        JailedDevice process;

        BoardEndpoint newBoard() {
            return new BoardEndpoint(link, requestBell, eventBell, new WaitPolicy(0, boundNs));
        }

        @Override
        public void close() {
            JailedDevice last = process;
            if (last != null) {
                last.close();
            }
            lies.close();
            host.close();
            counters.close();
            page.close();
            state.close();
            link.close();
        }
    }

    Session(
            SandboxDevice device,
            DeviceIdentity identity,
            Spares spares,
            MemFd memory,
            Feedback feedback,
            long boundNs) {
        this.device = device;
        this.identity = identity;
        this.spares = spares;
        this.memory = memory;
        this.feedback = feedback;
        this.boundNs = boundNs;
        this.handler = new HeardEvents(feedback);
        interrupts = new EventFd[identity.interrupts().size()];
        resamples = new EventFd[interrupts.length];
        for (int line = 0; line < interrupts.length; line++) {
            interrupts[line] = EventFd.create();
            resamples[line] = EventFd.create();
        }
    }

    // ---- processes

    /** Another device, at power-on. */
    void begin() {
        leave();
        requestBell.drain();
        eventBell.drain();
        parts = new Parts();
        enter(false, false);
    }

    private Parts parts() {
        Parts all = parts;
        if (all == null) {
            throw new IllegalStateException("no session has begun");
        }
        return all;
    }

    private JailedDevice process() {
        JailedDevice now = parts().process;
        if (now == null) {
            throw new IllegalStateException("no process serves");
        }
        return now;
    }

    private void leave() {
        Parts all = parts;
        parts = null;
        endWatch();
        if (all != null) {
            all.close();
        }
    }

    private void endWatch() {
        if (watch != null) {
            watch.end();
            watch = null;
        }
    }

    /** A spare becomes the device; false when it has refused, which was allowed. */
    private boolean enter(boolean renewed, boolean mayRefuse) {
        Parts all = parts();
        JailedDevice next = spares.take(START_NS);
        all.process = next;
        next.assign(record(all, renewed));
        if (!next.awaitReady(true, START_NS)) {
            ExitStatus end = next.end();
            if (end == null) {
                throw finding("a process that was given the device is silent");
            }
            if (!mayRefuse || !verdict.allows(end)) {
                throw finding("a process that was given the device ends: " + Verdict.text(end));
            }
            feedback.note(Feedback.Kind.END, end.shellCode(), 1);
            return false;
        }
        verdict.clear();
        lied = false;
        java.util.Arrays.fill(counted, 0);
        watch = new EndWatch(next, all.board);
        request(SupervisorRequestType.START, 0);
        sync();
        scales = new Scales(process().pid());
        return true;
    }

    private BootRecord.Builder record(Parts all, boolean renewed) {
        BootRecord.Builder record = BootRecord.builder()
                .fd("state", all.state.fd())
                .fd("counters", all.page.fd())
                .fd("link", all.link.fd())
                .fd("link.request-doorbell", requestBell.fd())
                .fd("link.event-doorbell", eventBell.fd())
                .put("memory.bytes", SandboxMachine.MEMORY_BYTES);
        if (device.factory().usesGuestMemory(device.config())) {
            record.fd("memory", memory.fd());
        }
        for (int line = 0; line < interrupts.length; line++) {
            record.fd("irq." + line, interrupts[line].fd());
            if (identity.interrupts().get(line).level()) {
                record.fd("resample." + line, resamples[line].fd());
            }
        }
        all.host.give(record);
        device.entries().forEach(record::put);
        if (renewed) {
            record.put("link.renewed", "true");
        }
        return record;
    }

    /** The process is killed, and a successor goes on with what it has left. */
    void replace(boolean renewed) {
        end();
        succeed(renewed, false);
    }

    /** SIGKILL, and all that it had sent is heard. */
    private void end() {
        Parts all = parts();
        JailedDevice old = process();
        verdict.killed();
        endWatch();
        old.kill();
        if (old.awaitEnd(boundNs) == null) {
            throw finding("a killed process does not end");
        }
        judge(old);
        hear(all);
        old.close();
        all.process = null;
    }

    private boolean succeed(boolean renewed, boolean mayRefuse) {
        Parts all = parts();
        if (renewed) {
            LinkRenewal.whole(all.link);
            requestBell.drain();
        } else {
            LinkRenewal.events(all.link);
        }
        eventBell.drain();
        // Its numbers of reads begin anew, as the answers in the link do not: they are no longer those of any question.
        all.board = all.newBoard();
        all.lies.follow();
        return enter(renewed, mayRefuse);
    }

    /** A byte of what a killed process has committed changes: its successor refuses it, and then all begins anew, or lives with it. */
    void damageState(int offset, int value) {
        honest();
        end();
        Parts all = parts();
        long length = FileIo.size(all.state.fd());
        try (Mapping mapping = Mapping.shared(all.state.fd(), 0, length, Mapping.Access.READ_WRITE)) {
            UnsafeBuffer bytes = mapping.buffer();
            int at = (int) (offset % length);
            bytes.putByte(at, (byte) (bytes.getByte(at) ^ (value == 0 ? 1 : value)));
        }
        verdict.expect(ProcessExit.STATE_REJECTED);
        if (!succeed(true, true)) {
            begin();
        }
    }

    /** The same for the header of the link, which the supervisor writes anew before it gives it to a successor: here it does so too late. */
    void damageHeader(int offset, int value) {
        honest();
        end();
        Parts all = parts();
        LinkRenewal.whole(all.link);
        requestBell.drain();
        eventBell.drain();
        all.board = all.newBoard();
        int at = Integer.BYTES * (offset % (LinkLayout.HEADER_USED_BYTES / Integer.BYTES));
        int before;
        try (Mapping mapping =
                Mapping.shared(all.link.fd(), 0, FileIo.size(all.link.fd()), Mapping.Access.READ_WRITE)) {
            UnsafeBuffer header = mapping.buffer(0, LinkLayout.HEADER_LENGTH_BYTES);
            before = header.getInt(at);
            header.putInt(at, value);
        }
        verdict.expect(before == value ? ProcessExit.STOPPED : ProcessExit.BAD_CONFIGURATION);
        all.lies.follow();
        if (!enter(true, true)) {
            begin();
        }
    }

    /** The device is told to stop, and does. */
    void stop() {
        verdict.expect(ProcessExit.STOPPED);
        JailedDevice process = process();
        endWatch();
        if (!process.request(SupervisorRequestType.STOP, 0, boundNs) && process.end() == null) {
            throw finding("STOP is not acknowledged");
        }
        if (process.awaitEnd(boundNs) == null) {
            throw finding("a process that was told to stop does not end");
        }
        judge(process);
        leave();
    }

    // ---- lies

    /** The vCPU process was taken over. */
    void lie(Consumer<RingLies> what) {
        if (!lied) {
            lied = true;
            verdict.expect(ProcessExit.PEER_VIOLATION);
            parts().lies.follow();
        }
        what.accept(parts().lies);
    }

    /** Somebody writes to the supervisor's link. It is trusted: but what it sends by mistake must not be worse than an end. */
    void lieAsSupervisor(Consumer<RingLies> what) {
        honest();
        JailedDevice process = process();
        verdict.expect(ProcessExit.SUPERVISOR_VIOLATION);
        verdict.expect(ProcessExit.STOPPED); // a message that nothing is wrong with may be that
        try (RingLies lies = new RingLies(process.link().fd(), process.requestDoorbell(), RingLies.ofSupervisor())) {
            what.accept(lies);
        }
        ExitStatus found = process.awaitEnd(DYING_NS);
        if (found != null) {
            feedback.note(Feedback.Kind.END, found.shellCode(), 2);
        }
        replace(true);
    }

    /** Whether nobody has lied to the process that serves. */
    boolean isHonest() {
        return !lied;
    }

    /**
     * There are to be no more lies: what has heard some is looked at, and replaced, as the supervisor does with a device that severs its link. It must answer its
     * supervisor or have ended as it may.
     */
    void honest() {
        if (!lied) {
            return;
        }
        JailedDevice process = process();
        ExitStatus found = process.awaitEnd(DYING_NS);
        if (found == null && !process.request(SupervisorRequestType.PING, 0, boundNs) && process.end() == null) {
            throw finding("a process that was lied to does not answer its supervisor");
        }
        found = process.end();
        feedback.note(Feedback.Kind.END, found == null ? -1 : found.shellCode(), 0);
        replace(true);
    }

    /** Doorbells say nothing by themselves. */
    void bells(int which) {
        switch (which & 3) {
            case 0 -> requestBell.signal();
            case 1 -> process().requestDoorbell().signal();
            case 2 -> {
                for (EventFd resample : resamples) {
                    resample.signal();
                }
            }
            default -> eventBell.signal();
        }
    }

    // ---- what is asked of it

    BoardEndpoint board() {
        return parts().board;
    }

    SandboxHost host() {
        return parts().host;
    }

    /** A request of the supervisor, which is acknowledged in time. */
    void request(SupervisorRequestType request, long argument) {
        JailedDevice process = process();
        if (!process.request(request, argument, boundNs)) {
            judge(process);
            throw finding(request + " is not acknowledged");
        }
    }

    /** It lives. */
    void ping() {
        request(SupervisorRequestType.PING, 0);
    }

    /** All that was sent so far has been handled, when this returns. */
    void sync() {
        parts().board.read(0, 0, 0, 1);
        look();
    }

    void resample(int line) {
        if (resamples.length > 0) {
            resamples[line % resamples.length].signal();
        }
    }

    // ---- what is seen

    /** After each step: events, the host's side, whether it is still there. */
    void look() {
        Parts all = parts();
        JailedDevice process = process();
        if (lied) {
            return;
        }
        hear(all);
        all.host.service();
        for (int line = 0; line < interrupts.length; line++) {
            long edges = interrupts[line].drain();
            if (edges > 0) {
                feedback.note(Feedback.Kind.INTERRUPT, line, edges);
            }
        }
        if (process.end() != null) {
            judge(process);
        }
        LinkHealth health = all.board.health();
        switch (health) {
            case CONNECTED -> {}
            case SEVERED ->
                throw finding("it breaks the protocol of its link: " + words(String.valueOf(all.board.violation())));
            case HUNG -> throw finding("a register read or write is not answered");
            case AWAY, RENEWING -> throw new IllegalStateException("nobody said so");
            case BROKEN -> {
                process.awaitEnd(boundNs);
                judge(process);
            }
        }
    }

    private static String words(String text) {
        return text.replaceAll("[^A-Za-z_ ].*", "");
    }

    private void hear(Parts all) {
        all.board.pollEvents(handler, MOST_EVENTS);
    }

    /** It has ended, or else lives: as it may? */
    private void judge(JailedDevice process) {
        ExitStatus found = process.end();
        if (found != null && !verdict.allows(found)) {
            throw finding(Verdict.text(found));
        }
        if (process.listen()) {
            throw finding("it breaks the protocol of its supervisor's link");
        }
    }

    private SandboxFinding finding(String what) {
        JailedDevice process = parts().process;
        return new SandboxFinding(what, process == null ? "" : "its last words:\n" + process.lastWords());
    }

    /** How often it has done what, since the last time. */
    void noteCounters() {
        CounterBlock counters = parts().counters.counters();
        for (DeviceCounter counter : DeviceCounter.values()) {
            long now = counters.get(counter);
            long before = counted[counter.number()];
            counted[counter.number()] = now;
            if (counter != DeviceCounter.SLEEPS && counter != DeviceCounter.COMMITS) {
                feedback.note(Feedback.Kind.COUNTER, counter.number(), now - before);
            }
        }
    }

    /** Its memory does not grow without end. */
    void weigh() {
        String grown = scales.weigh();
        if (!grown.isEmpty()) {
            throw finding(grown);
        }
    }

    /** The process that has the device now, for tests. */
    @Nullable
    JailedDevice serving() {
        return parts == null ? null : parts.process;
    }

    @Override
    public void close() {
        leave();
        requestBell.close();
        eventBell.close();
        for (int line = 0; line < interrupts.length; line++) {
            interrupts[line].close();
            resamples[line].close();
        }
    }
}
