package io.jvmm.device.block;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where pools have their threads from. A spare has let a pool work on its scratch machine; the threads for the disks it will take over are made
 * then, too, and wait, since on a busy machine making one takes milliseconds.
 */
final class WorkerThreads {
    /** What most configurations ask for. */
    private static final int KEPT = 4;

    private final boolean keeps;
    private final List<Worker> idle = new ArrayList<>();
    private int pools;
    private int made;

    /** @param keeps whether threads wait for the next pool when the last one has ended */
    WorkerThreads(boolean keeps) {
        this.keeps = keeps;
    }

    /** Has each of these run in a thread of its own, for a pool; {@link #end} follows. */
    synchronized List<Worker> start(List<Runnable> works) {
        pools++;
        List<Worker> workers = new ArrayList<>();
        for (Runnable work : works) {
            Worker worker = idle.isEmpty() ? new Worker(++made) : idle.removeLast();
            worker.begin(work);
            workers.add(worker);
        }
        return workers;
    }

    /** The pool has told its workers to return: waits until they have. */
    synchronized void end(List<Worker> workers) {
        workers.forEach(Worker::await);
        pools--;
        if (keeps && pools == 0) {
            idle.addAll(workers);
            while (idle.size() < KEPT) {
                idle.add(new Worker(++made));
            }
        } else {
            workers.forEach(Worker::end);
        }
    }

    /** A thread that does one thing after another, and waits in between. */
    static final class Worker {
        private final Thread thread;
        private @Nullable Runnable work;
        private boolean ended;

        private Worker(int number) {
            thread = new Thread(this::live, "io-" + number);
            thread.setDaemon(true);
            thread.start();
        }

        private void live() {
            for (Runnable next = take(); next != null; next = take()) {
                next.run();
                done();
            }
        }

        private synchronized @Nullable Runnable take() {
            waitWhile(() -> work == null && !ended);
            return work;
        }

        private synchronized void done() {
            work = null;
            notifyAll();
        }

        private synchronized void begin(Runnable next) {
            work = next;
            notifyAll();
        }

        private synchronized void await() {
            waitWhile(() -> work != null);
        }

        private void end() {
            synchronized (this) {
                ended = true;
                notifyAll();
            }
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private synchronized void waitWhile(BooleanSupplier holds) {
            try {
                while (holds.getAsBoolean()) {
                    wait();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts a worker", e);
            }
        }
    }
}
