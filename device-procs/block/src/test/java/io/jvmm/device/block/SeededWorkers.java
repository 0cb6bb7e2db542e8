package io.jvmm.device.block;

import io.jvmm.device.api.WorkerBell;
import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.sys.IoVector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Workers without threads: what each of them would do next is done by the device thread, when a seed says so. A request is begun (from then
 * on a reset has to wait for it), carried out, and given back, each at any later look of the device, in any order: whatever real workers
 * may come to, but the same again for the same seed.
 */
final class SeededWorkers implements Workers {
    private final WorkerBell bell = new WorkerBell();
    private final Random random;
    private final Work[] lanes;
    private final IoVector vector;
    private final List<BlockRequest> waiting = new ArrayList<>();
    private final Deque<BlockRequest> done = new ArrayDeque<>();

    /** What a worker has in hand. */
    private static final class Work {
        final BlockRequest request;
        /** Not cancelled when it was begun. */
        final boolean wanted;

        boolean carriedOut;

        Work(BlockRequest request) {
            this.request = request;
            this.wanted = !request.cancelled;
        }
    }

    private SeededWorkers(Random random, int workers, int maxSegments) {
        this.random = random;
        this.lanes = new Work[workers];
        this.vector = new IoVector(maxSegments);
    }

    /** All that are made, one after another, go by the same seed. */
    static Workers.Maker maker(long seed) {
        Random random = new Random(seed);
        return (workers, capacity, maxSegments) -> new SeededWorkers(random, workers, maxSegments);
    }

    @Override
    public int lanes() {
        return 1 + lanes.length;
    }

    @Override
    public WorkerBell bell() {
        return bell;
    }

    @Override
    public void submit(BlockRequest request) {
        waiting.add(request);
    }

    @Override
    public void kick() {
        // They look when the seed says so.
    }

    @Override
    public @Nullable BlockRequest poll() {
        for (int steps = random.nextInt(4); steps > 0; steps--) {
            step();
        }
        return done.poll();
    }

    /** One worker does the next thing, if there is one. */
    private void step() {
        int lane = random.nextInt(lanes.length);
        Work work = lanes[lane];
        if (work == null) {
            if (!waiting.isEmpty()) {
                begin(lane, new Work(waiting.removeFirst()));
            }
        } else if (!work.carriedOut) {
            carryOut(lane, work);
        } else {
            lanes[lane] = null;
            done.add(work.request);
        }
    }

    private void begin(int lane, Work work) {
        for (Work other : lanes) {
            if (other != null
                    && work.wanted
                    && other.wanted
                    && !other.carriedOut
                    && clash(work.request, other.request)) {
                throw new AssertionError("two requests at " + work.request.position + " at once");
            }
        }
        lanes[lane] = work;
    }

    private static boolean clash(BlockRequest one, BlockRequest other) {
        boolean ranges = one.device == other.device && one.type != RequestType.FLUSH && other.type != RequestType.FLUSH;
        boolean overlap = Math.max(one.position, other.position)
                < Math.min(one.position + one.lengthBytes, other.position + other.lengthBytes);
        return ranges && overlap && (one.changesData() || other.changesData());
    }

    private void carryOut(int lane, Work work) {
        work.carriedOut = true;
        BlockImage image = work.request.device.image();
        if (work.wanted && image != null) {
            work.request.run(
                    image, 1 + lane, vector, work.request.device.host().memory().backing(), 0);
        }
    }

    @Override
    public boolean hasCompleted() {
        return !done.isEmpty();
    }

    @Override
    public void await() {
        for (int i = 0; i < 1000 && done.isEmpty(); i++) {
            step();
        }
    }

    /** The process is dead: the kernel ends what was begun. */
    @Override
    public void close() {
        for (int lane = 0; lane < lanes.length; lane++) {
            Work work = lanes[lane];
            if (work != null && !work.carriedOut) {
                carryOut(lane, work);
            }
        }
        bell.close();
    }
}
