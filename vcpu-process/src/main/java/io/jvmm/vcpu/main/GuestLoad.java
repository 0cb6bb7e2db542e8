package io.jvmm.vcpu.main;

import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootPlan;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The guest's kernel is unpacked by a thread of its own while the process warms up; the thread has ended before the jail closes. */
final class GuestLoad {
    private final FutureTask<BootPlan> task;
    private final Thread thread;

    private GuestLoad(Callable<BootPlan> work) {
        task = new FutureTask<>(work);
        thread = Thread.ofPlatform().daemon().name("loader").unstarted(task);
    }

    static GuestLoad start(Callable<BootPlan> work) {
        final GuestLoad load = new GuestLoad(work);
        load.thread.start();
        return load;
    }

    /** Waits for the end of the thread. Throws what {@code work} has thrown. */
    BootPlan await() throws BootException {
        try {
            thread.join();
            return task.get();
        } catch (ExecutionException e) {
            final Throwable cause = e.getCause();
            if (cause instanceof BootException bad) {
                throw bad;
            } else if (cause instanceof RuntimeException wrong) {
                throw wrong;
            } else if (cause instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(cause);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
