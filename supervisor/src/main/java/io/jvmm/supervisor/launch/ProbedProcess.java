package io.jvmm.supervisor.launch;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Futex;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.ProbeLayout;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.policy.probe.ProbeCall;
import io.jvmm.policy.probe.ProbeOutcome;
import io.jvmm.policy.probe.ProbeSegment;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One process that tries its jail, from its READY to its end: what it is told to do, and what came of that. One thread, which polls
 * {@link #work} whenever one of its descriptors is ready or some milliseconds have passed.
 */
final class ProbedProcess implements SupervisorEventHandler, AutoCloseable {
    /** A JVM on a busy machine takes a second to be ready; a call that does not end in this time never does. */
    private static final long TIMEOUT_NS = 60_000_000_000L;

    private static final int EVENTS_AT_ONCE = 64;
    private static final int OUTPUT_BYTES = 4096;

    private final ChildProcess child;
    private final Mapping mapping;
    private final MemorySegment output = Arena.ofAuto().allocate(OUTPUT_BYTES);
    private final long deadlineNs = Clock.monotonicNs() + TIMEOUT_NS;
    private String said = "";
    private boolean ready;
    private boolean going;
    private boolean timedOut;
    private Optional<EngineKind> engine;
    private @Nullable ExitStatus end;
    private @Nullable ProbeSegment script;
    private List<ProbeCall> calls = List.of();

    ProbedProcess(ChildProcess child, Fd probe) {
        this.child = child;
        this.mapping = Mapping.shared(probe, 0, ProbeLayout.SEGMENT_BYTES, Mapping.Access.READ_WRITE);
        this.engine = child.variants().size() == 1 ? child.variants().getFirst().engine() : Optional.empty();
    }

    ChildProcess child() {
        return child;
    }

    /** What it was told to try; nothing before it has begun. */
    List<ProbeCall> calls() {
        return calls;
    }

    Optional<EngineKind> engine() {
        return engine;
    }

    MemorySegment memory() {
        return mapping.segment();
    }

    /** Puts its descriptors at three places of a poll set. */
    void watch(Poller poller, int first) {
        poller.watch(first, child.pidfd().fd(), Poller.READABLE);
        poller.watch(first + 1, child.eventDoorbell().fd(), Poller.READABLE);
        poller.watch(first + 2, child.output(), Poller.READABLE);
    }

    /** Listens to it. */
    void work() {
        child.eventDoorbell().drain();
        child.endpoint().pollEvents(this, EVENTS_AT_ONCE);
        listen();
        Optional<ExitStatus> status = child.pidfd().poll();
        if (status.isPresent()) {
            end = status.get();
            listen();
        } else if (Clock.monotonicNs() > deadlineNs && !timedOut) {
            timedOut = true;
            child.pidfd().signal(Signals.SIGKILL);
        }
    }

    private void listen() {
        for (int turn = 0; turn < EVENTS_AT_ONCE; turn++) {
            long read = FileIo.tryRead(child.output(), output, 0, OUTPUT_BYTES);
            if (read <= 0) {
                return;
            }
            String text = new String(
                    output.asSlice(0, read).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
            said = (said + text).substring(Math.max(0, said.length() + text.length() - OUTPUT_BYTES));
        }
    }

    /** Whether it has said READY and waits for the word to begin. */
    boolean waits() {
        return ready && !going && end == null;
    }

    boolean hasEnded() {
        return end != null;
    }

    /** Lets it begin with what was written: these calls, and perhaps a look at its descriptors. */
    void go(ProbeSegment written, List<ProbeCall> what) {
        script = written;
        calls = List.copyOf(what);
        going = true;
        UnsafeBuffer words = mapping.buffer();
        words.putIntVolatile(ProbeLayout.GO, 1);
        Futex.wake(words, ProbeLayout.GO, 1);
    }

    /** What it was told; null when it never began. */
    @Nullable
    ProbeSegment script() {
        return script;
    }

    /** What came of a call; empty when it was not tried, because one before it was the end. */
    Optional<ProbeOutcome> outcome(int index) {
        ProbeSegment written = script;
        if (written == null) {
            return Optional.empty();
        }
        return switch (written.state(index)) {
            case ProbeLayout.STATE_RETURNED -> Optional.of(new ProbeOutcome.Returned(written.result(index)));
            case ProbeLayout.STATE_ENTERED ->
                Optional.of(
                        switch (end) {
                            case ExitStatus.Killed k when timedOut -> new ProbeOutcome.Hung();
                            case ExitStatus.Killed(int signal, boolean core) -> new ProbeOutcome.Killed(signal);
                            case null, default -> new ProbeOutcome.Unknown("it " + end + "; it said: " + lastLine());
                        });
            default -> Optional.empty();
        };
    }

    /** How it ended and what it said, for one that was never ready. */
    String complaint() {
        return (timedOut ? "it was never ready" : String.valueOf(end)) + "; it said: " + lastLine();
    }

    private String lastLine() {
        List<String> lines = said.lines().filter(line -> !line.isBlank()).toList();
        String last = lines.isEmpty() ? "nothing" : lines.getLast();
        return last.chars().allMatch(c -> c >= ' ' && c != 0x7f) ? last : "what is no text";
    }

    @Override
    public void close() {
        mapping.close();
    }

    @Override
    public void ready(long monotonicNs, byte[] filterHash, int threads) {
        ready = child.variants().stream().anyMatch(v -> v.filter().hasHash(filterHash));
    }

    @Override
    public void engine(EngineKind kind, String reason) {
        engine = Optional.of(kind);
    }
}
