package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.supervisor.upgrade.UnfitException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/**
 * Looks at files that clients name while the event loop goes on: a file system may never answer. Each look has a thread of its own and a
 * deadline; one that is late counts until it ends, and with too many of them there is no further one. All methods are the loop's.
 */
final class Aside implements AutoCloseable {
    /** Threads that wait for file systems that do not answer. */
    static final int MOST = 4;

    static final long PATIENCE_NS = 10_000_000_000L;

    private final long patienceNs;
    private final EventFd bell = EventFd.create();
    private final ConcurrentLinkedQueue<Runnable> done = new ConcurrentLinkedQueue<>();
    private final List<Look> underWay = new ArrayList<>();

    Aside(long patienceNs) {
        this.patienceNs = patienceNs;
    }

    /** What is done on the other thread. */
    interface Work<T> {
        T run() throws UnfitException;
    }

    /** One under way. {@code told}: its deadline has passed, and whoever waited knows. */
    private static final class Look {
        final long deadlineNs;
        final Consumer<String> failed;
        boolean told;

        Look(long deadlineNs, Consumer<String> failed) {
            this.deadlineNs = deadlineNs;
            this.failed = failed;
        }
    }

    /** Readable when something has been looked at. */
    EventFd bell() {
        return bell;
    }

    /** Whether somebody waits for a look. */
    boolean isBusy() {
        return underWay.stream().anyMatch(l -> !l.told);
    }

    /** Begins one; one of the two is called, later. */
    <T> void begin(Work<T> work, Consumer<T> found, Consumer<String> failed) {
        Look look = new Look(Clock.monotonicNs() + patienceNs, failed);
        if (underWay.size() >= MOST) {
            failed.accept(
                    "its file system is not asked: " + MOST + " earlier looks at files have not ended yet. Mend what"
                            + " hangs; see: ps -L -o stat,wchan,comm -p "
                            + ProcessHandle.current().pid());
            return;
        }
        underWay.add(look);
        Thread.ofPlatform().daemon().name("aside").start(() -> {
            Runnable outcome = run(work, found, failed);
            done.add(() -> {
                underWay.remove(look);
                if (!look.told) {
                    outcome.run();
                }
            });
            bell.signal();
        });
    }

    private static <T> Runnable run(Work<T> work, Consumer<T> found, Consumer<String> failed) {
        try {
            T result = work.run();
            return () -> found.accept(result);
        } catch (UnfitException e) {
            return () -> failed.accept(String.valueOf(e.getMessage()));
        } catch (RuntimeException | Error e) {
            return () -> failed.accept("it cannot be looked at: " + e);
        }
    }

    /** Does what has come of those that have ended. */
    void serve() {
        bell.drain();
        for (Runnable r = done.poll(); r != null; r = done.poll()) {
            r.run();
        }
    }

    /** When {@link #tick} must be called at the latest. */
    long nextDeadlineNs() {
        return underWay.stream()
                .filter(l -> !l.told)
                .mapToLong(l -> l.deadlineNs)
                .min()
                .orElse(MachineLifecycle.NEVER);
    }

    /** Time has passed. */
    void tick(long nowNs) {
        for (Look look : List.copyOf(underWay)) {
            if (!look.told && nowNs >= look.deadlineNs) {
                look.told = true;
                look.failed.accept("it could not be looked at within " + patienceNs / 1_000_000_000L
                        + " s: its file system does not answer");
            }
        }
    }

    @Override
    public void close() {
        if (underWay.isEmpty()) {
            bell.close(); // else one of them rings it later
        }
    }
}
