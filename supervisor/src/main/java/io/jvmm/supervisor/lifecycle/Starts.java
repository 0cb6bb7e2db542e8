package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.StartedProcess;
import io.jvmm.supervisor.launch.Successors;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Starts programs while the event loop goes on: the kernel takes its time to make namespaces. One after the other, on a thread of
 * its own; what has become of them waits in a queue, and an eventfd says so. What nobody wants any more is killed at once and
 * collected on another thread, for a process may take its time to end, too. All methods are the loop's.
 */
final class Starts implements AutoCloseable {
    /** Starting one has a deadline of its own, in the jail; this is longer. */
    private static final long LONGEST_S = 30;

    private final Successors successors;
    private final EventFd bell = EventFd.create();
    private final ConcurrentLinkedQueue<Finished> done = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> complaints = new ConcurrentLinkedQueue<>();
    private final ThreadPoolExecutor starter = thread("successors");
    private final ThreadPoolExecutor collector = thread("discarded");
    /** What is being started, or waits for its turn, and is wanted. */
    private final Map<ProcessInstance, Task> wanted = new HashMap<>();

    /**
     * What became of one.
     *
     * @param wanted the device, or the spare, that it was started for
     * @param started null when it could not be
     * @param failure why not, a sentence without an end
     */
    record Done(ProcessInstance wanted, @Nullable StartedProcess started, String failure) {}

    private record Finished(@Nullable Task task, Done done) {}

    /** One start. It is identified by itself: of two for the same process only the later may be wanted. */
    private final class Task implements Runnable {
        private final ProcessInstance process;
        private final Start how;

        Task(ProcessInstance process, Start how) {
            this.process = process;
            this.how = how;
        }

        @Override
        public void run() {
            done.add(new Finished(this, start(process, how)));
            bell.signal();
        }
    }

    Starts(Successors successors) {
        this.successors = successors;
    }

    private static ThreadPoolExecutor thread(String name) {
        return new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().name(name).daemon(true).factory());
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
    void begin(ProcessInstance process, Start how) {
        cancel(process);
        Task task = new Task(process, how);
        wanted.put(process, task);
        starter.execute(task);
    }

    /** What is being started under this name is not wanted any more: it is not told of, and does not stay. */
    void cancel(ProcessInstance process) {
        Task task = wanted.remove(process);
        if (task != null) {
            var _ = starter.remove(task); // unless its turn has come
        }
    }

    private static Done start(ProcessInstance wanted, Start how) {
        try {
            return new Done(wanted, how.run(), "");
        } catch (HostLackException | StuckProcessException e) {
            return new Done(wanted, null, String.valueOf(e.getMessage()));
        } catch (RuntimeException | Error e) {
            // Whatever it is, want of memory too: whoever waits for this start must not wait for ever.
            return new Done(wanted, null, e.toString());
        }
    }

    /** What had been started has turned out to be of no use; told like everything else, a little later. */
    void fail(ProcessInstance wanted, String failure) {
        done.add(new Finished(null, new Done(wanted, null, failure)));
        bell.signal();
    }

    /** The next that is there, and wanted. */
    Optional<Done> next() {
        for (Finished f = done.poll(); f != null; f = done.poll()) {
            if (f.task() == null || wanted.remove(f.done().wanted(), f.task())) {
                return Optional.of(f.done());
            }
            discard(f.done());
        }
        return Optional.empty();
    }

    /** What the user should be told, a sentence; each once. */
    Optional<String> complaint() {
        return Optional.ofNullable(complaints.poll());
    }

    private void discard(Done d) {
        StartedProcess started = d.started();
        if (started != null) {
            discard(started);
        }
    }

    /** Ends a program that nobody wants any more. What it has, its uid too, is free when it is gone, and not before. */
    void discard(StartedProcess started) {
        started.process().kill();
        collector.execute(() -> collect(started));
    }

    private void collect(StartedProcess started) {
        if (started.process().await(JailedProcess.DYING_NS).isPresent()) {
            started.process().pidfd().close();
            successors.forget(started);
        } else {
            complaints.add(
                    "a program that was started for " + started.instance().process() + " (pid "
                            + started.process().pid() + ") still exists " + JailedProcess.DYING_NS / 1_000_000_000L
                            + " s after SIGKILL: it hangs in the kernel.");
            bell.signal();
        }
    }

    /** The loop is over: nothing that was being started stays. */
    @Override
    public void close() {
        wanted.clear();
        starter.shutdown();
        boolean over = isOver(starter, LONGEST_S);
        while (next().isPresent()) {
            // Nothing is wanted, and what was started is discarded; one that only says that something failed stops
            // nothing.
        }
        collector.shutdown();
        over &= isOver(collector, LONGEST_S);
        if (over) {
            bell.close(); // else the kernel holds one, which rings it later, and dies with the supervisor
        }
    }

    private static boolean isOver(ThreadPoolExecutor thread, long patienceS) {
        try {
            return thread.awaitTermination(patienceS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
