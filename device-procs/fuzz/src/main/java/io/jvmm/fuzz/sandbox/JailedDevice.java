package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.policy.jail.FdMapping;
import io.jvmm.policy.jail.HostIdentity;
import io.jvmm.policy.jail.Jail;
import io.jvmm.policy.jail.JailSpec;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.Limits;
import io.jvmm.policy.sys.Host;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.launch.HostLackException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One device process, started as the supervisor starts a spare: in its jail, under the filter for the start, then under that for the wait, and once it is given a device
 * under its own. One thread; nothing waits longer than it says.
 */
final class JailedDevice implements AutoCloseable {
    private static final int CONTROL = 3;
    private static final int OPEN_FILES = 256;
    private static final int LAST_WORDS_BYTES = 8192;
    private static final long LOOK_NS = 50_000_000;
    private static final int MOST_EVENTS = 256;
    private static final int UIDS = 16;
    private static final int MOST_UIDS = 1 << 20;
    private static final AtomicInteger STARTED = new AtomicInteger();

    private final String name;
    private final JailedProcess process;
    private final BootChannel control;
    private final Fd output;
    private final LinkMemory link;
    private final EventFd requests;
    private final EventFd events;
    private final SupervisorEndpoint endpoint;
    private final byte[] narrow;
    private final byte[] standby;
    private final MemorySegment words = Arena.ofAuto().allocate(LAST_WORDS_BYTES);
    private final StringBuilder lastWords = new StringBuilder();
    private final Said said = new Said();
    private volatile @Nullable ExitStatus end;

    /** What it told its supervisor. */
    private final class Said implements SupervisorEventHandler {
        private byte @Nullable [] hash;
        private @Nullable SupervisorRequestType acknowledged;
        private @Nullable Violation violation;

        @Override
        public void ready(long monotonicNs, byte[] filterHash, int threads) {
            hash = filterHash.clone();
        }

        @Override
        public void ack(SupervisorRequestType request, int status) {
            acknowledged = request;
        }

        @Override
        public void log(LogLevel level, String text) {
            keep(text + "\n");
        }

        @Override
        public void peerViolation(int deviceIndex, Violation found) {
            violation = found;
        }
    }

    private JailedDevice(
            String name, JailedProcess process, BootChannel control, Fd output, byte[] narrow, byte[] standby) {
        this.name = name;
        this.process = process;
        this.control = control;
        this.output = output;
        this.narrow = narrow;
        this.standby = standby;
        this.link = LinkMemory.create("sandbox-supervisor-link", LinkSpec.supervisor());
        this.requests = EventFd.create();
        this.events = EventFd.create();
        this.endpoint = new SupervisorEndpoint(link, requests, events);
    }

    /** Starts one and tells it that it is a spare; it is not waited for. */
    static JailedDevice start(String name, SandboxPrograms programs) {
        try {
            JailSpec spec = JailSpec.builder(name)
                    .identity(identity())
                    .binds(programs.binds(name))
                    .limits(Limits.device().withOpenFiles(OPEN_FILES).withFileSizeBytes(Limits.UNLIMITED))
                    .wideFilter(programs.wideFilter())
                    .build();
            UnixSocket.Pair sockets = UnixSocket.seqPacketPair();
            Pipe out = Pipe.create();
            out.reader().setNonBlocking(true);
            JailedProcess process;
            try (Fd childControl = sockets.right().fd();
                    Fd childOutput = out.writer();
                    Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_ONLY, 0)) {
                process = Jail.spawn(
                        spec,
                        programs.command(name),
                        programs.environment(),
                        List.of(
                                FdMapping.of(nothing, 0),
                                FdMapping.of(childOutput, 1),
                                FdMapping.of(childOutput, 2),
                                FdMapping.of(childControl, CONTROL)));
            }
            JailedDevice started = new JailedDevice(
                    name,
                    process,
                    BootChannel.over(sockets.left().fd()),
                    out.reader(),
                    programs.narrowFilter(name),
                    programs.standbyFilter());
            started.first();
            return started;
        } catch (HostLackException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** Started by root a process needs a host uid of its own: one above those that machines are given. */
    private static HostIdentity identity() {
        if (Host.effectiveUid() != 0) {
            return HostIdentity.sameUser();
        }
        long own = ProcessHandle.current().pid() * UIDS + STARTED.getAndIncrement() % UIDS;
        int uid = UidRange.STANDARD.last() + 1 + (int) (own % MOST_UIDS);
        return HostIdentity.ids(uid, uid);
    }

    private void first() {
        send(BootRecord.builder()
                .fd("supervisor.link", link.fd())
                .fd("supervisor.request-doorbell", requests.fd())
                .fd("supervisor.event-doorbell", events.fd())
                .put("process", name)
                .put("vm", "sandbox")
                .put("jail", "enforce")
                .put("wait.spin-ns", 0)
                .put("standby", "true")
                .put("seccomp.standby", standby)
                .put("seccomp.narrow", narrow));
    }

    private void send(BootRecord.Builder record) {
        try {
            control.send(record.build());
        } catch (SysException.Disconnected e) {
            // It has died; how, its end tells.
        }
    }

    /** The part of its record that makes it a device. */
    void assign(BootRecord.Builder record) {
        send(record);
    }

    int pid() {
        return process.pid();
    }

    LinkMemory link() {
        return link;
    }

    EventFd requestDoorbell() {
        return requests;
    }

    /** How it ended; null while it has not. */
    @Nullable
    ExitStatus end() {
        ExitStatus known = end;
        if (known == null) {
            Optional<ExitStatus> found = process.pidfd().peek();
            known = found.orElse(null);
            end = known;
        }
        return known;
    }

    /** What it said of the vCPU process, if anything. */
    @Nullable
    Violation violation() {
        return said.violation;
    }

    /** Hears it out; whether it said something that its supervisor would cut it off for. */
    boolean listen() {
        endpoint.pollEvents(said, MOST_EVENTS);
        long count = FileIo.tryRead(output, words, 0, LAST_WORDS_BYTES);
        if (count > 0) {
            byte[] bytes = new byte[(int) count];
            MemorySegment.copy(words, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
            keep(new String(bytes, StandardCharsets.UTF_8));
        }
        return endpoint.health() == LinkHealth.SEVERED;
    }

    private void keep(String text) {
        lastWords.append(text);
        if (lastWords.length() > LAST_WORDS_BYTES) {
            lastWords.delete(0, lastWords.length() - LAST_WORDS_BYTES);
        }
    }

    /** What it wrote and logged last. */
    String lastWords() {
        listen();
        return lastWords.toString();
    }

    /** Waits until it says READY with the hash of this filter and has one in force; false when it ended first, or did not say so in time. */
    boolean awaitReady(boolean asDevice, long boundNs) {
        if (!await(() -> said.hash != null, boundNs)) {
            return false;
        }
        byte[] hash = said.hash;
        said.hash = null;
        if (!Arrays.equals(hash, FilterHash.of(asDevice ? narrow : standby)) || !isConfined()) {
            throw new SandboxFinding("the process says READY without the filter that it was given");
        }
        return true;
    }

    /** proc(5): two filters of ours and more. */
    private boolean isConfined() {
        try {
            return Files.readAllLines(Path.of("/proc/" + pid() + "/status")).contains("Seccomp:\t2");
        } catch (IOException e) {
            return end() != null; // it is gone already, and how will be told
        }
    }

    /** Sends a request and waits for its acknowledgement; false when that does not come. */
    boolean request(SupervisorRequestType request, long argument, long boundNs) {
        said.acknowledged = null;
        if (!endpoint.send(request, argument)) {
            return false;
        }
        return await(() -> said.acknowledged == request, boundNs);
    }

    /** Listens until this is so; false when it has ended or the time is over first. */
    private boolean await(BooleanSupplier done, long boundNs) {
        long endNs = System.nanoTime() + boundNs;
        while (true) {
            boolean ended = end() != null;
            listen();
            if (done.getAsBoolean()) {
                return true;
            }
            long leftNs = endNs - System.nanoTime();
            if (ended || leftNs <= 0) {
                return false;
            }
            if (endpoint.prepareToSleep()) {
                Poller poller = new Poller(2);
                poller.add(events.fd(), Poller.READABLE);
                poller.add(process.pidfd().fd(), Poller.READABLE);
                poller.await(Math.min(leftNs, LOOK_NS));
                endpoint.awake();
                events.drain();
            }
        }
    }

    /** Waits for its end; null when it lives on. */
    @Nullable
    ExitStatus awaitEnd(long boundNs) {
        Poller poller = new Poller(1);
        poller.add(process.pidfd().fd(), Poller.READABLE);
        if (end() == null) {
            poller.await(boundNs);
        }
        return end();
    }

    void kill() {
        process.kill();
    }

    /** SIGSTOP and the like, for tests of who watches. */
    void signal(int number) {
        process.pidfd().signal(number);
    }

    @Override
    public void close() {
        process.kill();
        process.await(JailedProcess.DYING_NS);
        process.pidfd().close();
        control.close();
        output.close();
        link.close();
        requests.close();
        events.close();
    }
}
