package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.policy.jail.StuckProcessException;
import java.util.List;
import java.util.Optional;

/** What of a machine's devices is recorded, and the process that does it. Event-loop thread only, but for the start of that. */
public interface Recording {
    /** Nothing can be recorded. */
    Recording NONE = new Recording() {
        @Override
        public boolean isPossible() {
            return false;
        }

        @Override
        public boolean isRecorded(ProcessInstance device) {
            return false;
        }

        @Override
        public void record(ProcessInstance device, boolean on) {
            throw new IllegalStateException("nothing can be recorded");
        }

        @Override
        public Optional<Trace> trace(ProcessInstance device) {
            return Optional.empty();
        }

        @Override
        public StartedProcess startRecorder() throws HostLackException {
            throw new HostLackException("nothing can be recorded");
        }

        @Override
        public BootRecord recorderRecord(StartedProcess recorder) {
            throw new IllegalStateException("nothing can be recorded");
        }

        @Override
        public List<String> recorderFaults(StartedProcess recorder, String filterHash) {
            throw new IllegalStateException("nothing can be recorded");
        }

        @Override
        public void forget(StartedProcess recorder) {
            throw new IllegalStateException("nothing can be recorded");
        }
    };

    /** Whether there is a place for it. */
    boolean isPossible();

    /** Whether the next process of a device will be recorded. */
    boolean isRecorded(ProcessInstance device);

    /** Decides that. */
    void record(ProcessInstance device, boolean on);

    /** What the process that serves a device, or has just served it, writes; nothing while it is not recorded. */
    Optional<Trace> trace(ProcessInstance device);

    /**
     * Starts the recorder; it will wait for its boot record. There must be none. Any thread.
     *
     * @throws HostLackException when the host cannot
     * @throws StuckProcessException when what did not come up does not go away either
     */
    StartedProcess startRecorder() throws HostLackException;

    /** What it is told first. */
    BootRecord recorderRecord(StartedProcess recorder);

    /** What is wrong with the jail of one that says that it is ready, under a filter of this hash; empty when all is well. */
    List<String> recorderFaults(StartedProcess recorder, String filterHash);

    /** What was seen of the jail of the last one that was looked at. */
    default Optional<JailReport> recorderReport() {
        return Optional.empty();
    }

    /** Closes what is held of one that has been collected. */
    void forget(StartedProcess recorder);
}
