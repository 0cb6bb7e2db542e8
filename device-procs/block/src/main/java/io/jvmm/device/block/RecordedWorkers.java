package io.jvmm.device.block;

import io.jvmm.device.api.WorkerBell;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Workers as the disks on a tape see them: what they are given is an output, what they give back comes as a call. In a replay there are none, and
 * {@link ReplayedDisks} brings their results.
 */
final class RecordedWorkers implements Workers {
    private static final int TYPE_SHIFT = 32;
    /** Of one disk; of more it grows. */
    private static final int MOST_REQUESTS = 64;

    private final Tape tape;
    private final @Nullable Workers workers;
    /** In a replay: what workers would have. */
    private final List<BlockRequest> submitted = new ArrayList<>(MOST_REQUESTS);

    /** @param workers null in a replay */
    RecordedWorkers(Tape tape, @Nullable Workers workers) {
        this.tape = tape;
        this.workers = workers;
    }

    private Workers real() {
        Workers there = workers;
        if (there == null) {
            throw new IllegalStateException("nobody works in a replay");
        }
        return there;
    }

    @Override
    public int lanes() {
        return real().lanes();
    }

    @Override
    public WorkerBell bell() {
        return real().bell();
    }

    @Override
    public void submit(BlockRequest request) {
        long what = (long) request.type.number() << TYPE_SHIFT | request.ticket;
        boolean whole = request.type
                == RequestType.FLUSH; // which says nothing about a place, and keeps that of an earlier request
        tape.output(BlockCall.SUBMIT.code(), what, whole ? 0 : request.position, whole ? 0 : request.lengthBytes);
        if (workers != null) {
            workers.submit(request);
        } else {
            submitted.add(request);
        }
    }

    /** In a replay: takes a request back from whoever would have it; null when nobody has. */
    @Nullable
    BlockRequest take(BlockDevice device, long ticket) {
        for (int i = 0; i < submitted.size(); i++) {
            BlockRequest request = submitted.get(i);
            if (request.device == device && request.ticket == ticket) {
                submitted.remove(i);
                return request;
            }
        }
        return null;
    }

    @Override
    public void kick() {
        if (workers != null) {
            workers.kick();
        }
    }

    /** In the back end's hands, which writes down what it passes on. */
    @Override
    public @Nullable BlockRequest poll() {
        return real().poll();
    }

    @Override
    public boolean hasCompleted() {
        return real().hasCompleted();
    }

    @Override
    public void await() {
        real().await();
    }

    @Override
    public void close() {
        if (workers != null) {
            workers.close();
        }
    }
}
