package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Successors;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Starts programs while the event loop goes on: the kernel takes its time to make namespaces. One after the other, on a thread of
 * its own; what has become of them waits in a queue, and an eventfd says so. All methods are the loop's.
 */
final class Starts implements AutoCloseable {
    /** Starting one has a deadline of its own, in the jail; this is longer. */
    private static final long LONGEST_S = 30;

    private final Successors successors;
    private final EventFd bell = EventFd.create();
    private final ConcurrentLinkedQueue<Done> done = new ConcurrentLinkedQueue<>();
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("successors").daemon(true).factory());

    /**
     * What became of one.
     *
     * @param wanted the device, or the spare, that it was started for
     * @param started null when it could not be
     * @param failure why not, a sentence without an end
     */
    record Done(ProcessInstance wanted, @Nullable StartedProcess started, String failure) {}

    Starts(Successors successors) {
        this.successors = successors;
    }

    /** Readable when something has been started, or has failed. */
    EventFd bell() {
        return bell;
    }

    /** How a program is started. */
    interface Start {
        StartedProcess run() throws HostLackException;
    }

    /** Begins to start a device's program, or one that will be a spare. */
    void begin(ProcessInstance wanted) {
        begin(wanted, () -> wanted.isSpare() ? successors.startSpare(wanted.kind()) : successors.start(wanted));
    }

    /** Begins to start a program in another way. */
    void begin(ProcessInstance wanted, Start how) {
        thread.execute(() -> {
            done.add(start(wanted, how));
            bell.signal();
        });
    }

    private static Done start(ProcessInstance wanted, Start how) {
        try {
            return new Done(wanted, how.run(), "");
        } catch (HostLackException | StuckProcessException e) {
            return new Done(wanted, null, String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            return new Done(wanted, null, e.toString());
        }
    }

    /** What had been started has turned out to be of no use; told like everything else, a little later. */
    void fail(ProcessInstance wanted, String failure) {
        done.add(new Done(wanted, null, failure));
        bell.signal();
    }

    /** The next that is there. */
    Optional<Done> next() {
        return Optional.ofNullable(done.poll());
    }

    /** Ends a program that nobody wants any more. */
    void discard(StartedProcess started) {
        started.process().kill();
        started.process().await(JailedProcess.DYING_NS);
        started.process().pidfd().close();
        successors.forget(started);
    }

    /** The loop is over: nothing that was being started stays. */
    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(LONGEST_S, TimeUnit.SECONDS)) {
                return; // The kernel holds it; what it becomes dies with the supervisor.
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (Optional<Done> d = next(); d.isPresent(); d = next()) {
            StartedProcess started = d.get().started();
            if (started != null) {
                discard(started);
            }
        }
        bell.close();
    }
}
