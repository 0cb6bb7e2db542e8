package io.jvmm.device.block;

import io.jvmm.device.api.WorkerBell;
import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.Futex;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.BufferUtil;
import org.agrona.concurrent.ManyToManyConcurrentArrayQueue;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The threads that wait for media, so that the device thread never does: a fixed number, there before the jail closes.
 * Requests go to them through a bounded queue and come back through another; both ends sleep without spinning and are
 * woken only when asleep. No lock, no allocation.
 *
 * <p>A worker that finds more work than it takes wakes the next one, so one submission costs at most one system call
 * however many requests it brings.
 *
 * <p>All methods are the device thread's.
 */
final class IoPool implements Workers {
    private static final long LONG_NS = 3_600_000_000_000L;
    private static final long MOST_WAIT_NS = 100_000_000;
    private static final int EPOCH = 0;
    /** So many times the places that requests need: see {@link #submit}. */
    private static final int SPARE = 4;

    private final ManyToManyConcurrentArrayQueue<BlockRequest> submitted;
    private final ManyToOneConcurrentArrayQueue<BlockRequest> completed;
    private final UnsafeBuffer epoch = new UnsafeBuffer(BufferUtil.allocateDirectAligned(64, 64));
    private final AtomicInteger sleepers = new AtomicInteger();
    private final WorkerBell bell = new WorkerBell();
    private final WorkerThreads threads;
    private final List<WorkerThreads.Worker> running;
    private final int maxSegments;
    private volatile boolean closing;

    /** As the other, with threads of its own. */
    IoPool(int workers, int capacity, int maxSegments) {
        this(new WorkerThreads(false), workers, capacity, maxSegments);
    }

    /**
     * Has its workers begin.
     *
     * @param workers how many
     * @param capacity most requests under way at once
     * @param maxSegments most buffers of a request
     */
    IoPool(WorkerThreads threads, int workers, int capacity, int maxSegments) {
        submitted = new ManyToManyConcurrentArrayQueue<>(Math.max(2, SPARE * capacity));
        completed = new ManyToOneConcurrentArrayQueue<>(Math.max(2, capacity));
        this.maxSegments = maxSegments;
        this.threads = threads;
        List<Runnable> works = new ArrayList<>();
        for (int lane = 1; lane <= workers; lane++) {
            int mine = lane;
            works.add(() -> work(mine));
        }
        running = threads.start(works);
    }

    @Override
    public int lanes() {
        return 1 + running.size();
    }

    @Override
    public WorkerBell bell() {
        return bell;
    }

    /**
     * Gives a request to a worker. There is room for all of them; but a worker that lost its processor in the middle of taking one
     * holds on to that place until it goes on, and the queue is full when it has come round to it.
     */
    @Override
    public void submit(BlockRequest request) {
        while (!submitted.offer(request)) {
            Thread.onSpinWait();
        }
    }

    /** Sees to it that a worker is awake. */
    @Override
    public void kick() {
        // The queue's own publication is a release; the look at the sleepers must not come before it.
        VarHandle.fullFence();
        if (sleepers.get() > 0) {
            wakeOne();
        }
    }

    private void wakeOne() {
        epoch.getAndAddInt(EPOCH, 1);
        Futex.wake(epoch, EPOCH, 1);
    }

    @Override
    public @Nullable BlockRequest poll() {
        return completed.poll();
    }

    @Override
    public boolean hasCompleted() {
        return !completed.isEmpty();
    }

    @Override
    public void await() {
        bell.watch();
        if (!hasCompleted()) {
            bell.await(MOST_WAIT_NS);
        }
    }

    private void work(int lane) {
        try {
            IoVector vector = new IoVector(maxSegments);
            while (!closing) {
                BlockRequest request = take();
                if (request != null) {
                    carryOut(request, lane, vector);
                }
            }
        } catch (Throwable e) { // a bug: a request would never return, so the process ends and a successor redoes it
            e.printStackTrace();
            Runtime.getRuntime().halt(ProcessExit.INTERNAL_ERROR.code());
        }
    }

    /** The next request, after a sleep if need be; null now and then. */
    private @Nullable BlockRequest take() {
        BlockRequest request = submitted.poll();
        if (request == null) {
            sleepers.incrementAndGet();
            int seen = epoch.getIntVolatile(EPOCH);
            request = submitted.poll();
            if (request == null && !closing) {
                Futex.await(epoch, EPOCH, seen, LONG_NS);
            }
            sleepers.decrementAndGet();
        }
        if (request != null && sleepers.get() > 0 && !submitted.isEmpty()) {
            wakeOne();
        }
        return request;
    }

    private void carryOut(BlockRequest request, int lane, IoVector vector) {
        BlockImage image = request.device.image();
        if (!request.cancelled && image != null) {
            MemorySegment guest = request.device.host().memory().backing();
            request.run(image, lane, vector, guest, 0);
        }
        completed.offer(request);
        VarHandle.fullFence();
        bell.ring();
    }

    @Override
    public void close() {
        closing = true;
        epoch.getAndAddInt(EPOCH, 1);
        Futex.wake(epoch, EPOCH, running.size());
        threads.end(running);
        bell.close();
    }
}
