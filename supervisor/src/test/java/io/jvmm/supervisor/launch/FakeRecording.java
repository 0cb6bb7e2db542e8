package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.journal.RecorderWords;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One device of a {@link FakeMachine} is recorded, by shells for which the test speaks. */
public final class FakeRecording implements Recording, AutoCloseable {
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(20);

    private final FakeMachine machine;
    private final ProcessInstance device;
    private final Trace trace;
    private final BlockingQueue<FakeRecorder> started = new LinkedBlockingQueue<>();
    private volatile Runnable whenLookedAt = () -> {};

    FakeRecording(FakeMachine machine, ProcessInstance device) {
        this.machine = machine;
        this.device = device;
        this.trace = Trace.create(device);
    }

    /** A recorder, by its end of the control socket. */
    public static final class FakeRecorder {
        private final StartedProcess process;
        private final BootChannel control;

        private FakeRecorder(StartedProcess process, BootChannel control) {
            this.process = process;
            this.control = control;
        }

        /** What it is told next. */
        public BootRecord hears() {
            return control.receive(PATIENCE_NS);
        }

        public void says(BootRecord.Builder record) {
            control.send(record.build());
        }

        /** Leaves unread what it has not heard; it is dead behind this, and nobody has collected it. */
        public void dies() {
            process.process().kill();
            Poller end = new Poller(1);
            end.add(process.process().pidfd().fd(), Poller.READABLE);
            end.await(PATIENCE_NS);
            control.close();
        }
    }

    /** The next one that is started. */
    public FakeRecorder next() throws InterruptedException {
        FakeRecorder next = started.poll(PATIENCE_NS, TimeUnit.NANOSECONDS);
        return Objects.requireNonNull(next, "no recorder is started");
    }

    /** The name of the device's ring. */
    public String ring() {
        return trace.word();
    }

    /** What happens while the event loop looks at a recorder's jail, and at nothing else. */
    public void whenLookedAt(Runnable what) {
        whenLookedAt = what;
    }

    /** A record about the device's ring. */
    public BootRecord.Builder about(String what) {
        return BootRecord.builder().put(RecorderWords.DO, what).put(RecorderWords.RING, ring());
    }

    @Override
    public boolean isPossible() {
        return true;
    }

    @Override
    public boolean isRecorded(ProcessInstance which) {
        return which.equals(device);
    }

    @Override
    public void record(ProcessInstance which, boolean on) {
        throw new UnsupportedOperationException("what is recorded stays as it is");
    }

    @Override
    public Optional<Trace> trace(ProcessInstance which) {
        return isRecorded(which) ? Optional.of(trace) : Optional.empty();
    }

    @Override
    public StartedProcess startRecorder() {
        UnixSocket.Pair control = UnixSocket.seqPacketPair();
        StartedProcess process = machine.spawn(ProcessInstance.RECORDER, FakeMachine.plain(), control);
        started.add(new FakeRecorder(process, BootChannel.over(control.right().fd())));
        return process;
    }

    @Override
    public BootRecord recorderRecord(StartedProcess recorder) {
        return BootRecord.builder().put(RecorderWords.JAIL, "off").build();
    }

    @Override
    public List<String> recorderFaults(StartedProcess recorder, String filterHash) {
        whenLookedAt.run();
        return List.of();
    }

    @Override
    public void forget(StartedProcess recorder) {
        recorder.close();
    }

    @Override
    public void close() {
        trace.close();
    }
}
