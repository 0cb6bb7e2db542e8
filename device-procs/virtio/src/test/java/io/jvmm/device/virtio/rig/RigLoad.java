package io.jvmm.device.virtio.rig;

import io.jvmm.ipc.sys.Clock;

/**
 * The same request again and again, several at a time, without an allocation of its own: for tests that count a device's, and for
 * benchmarks. What is offered and where answers go is made once.
 *
 * <pre>{@code
 *   RigLoad load = new RigLoad(driver, 0, header, 512, 8);
 *   Allocations.assertNoneIn("a request", () -> load.run(1_000));
 * }</pre>
 */
public final class RigLoad {
    private static final long PATIENCE_NS = 30_000_000_000L;

    private final VirtioRig rig;
    private final RigQueue queue;
    private final int depth;
    private final long[][] addresses;
    private final int[] lengths;
    private final int readableCount;
    private int next;
    private long writtenBytes;

    /**
     * A load over one queue of a driver that is set up.
     *
     * @param readable what the device reads; may be empty
     * @param writableBytes room for its answer; may be 0
     * @param depth how many are out at a time
     */
    public RigLoad(RigDriver driver, int queue, byte[] readable, int writableBytes, int depth) {
        this.rig = driver.rig();
        this.queue = driver.queue(queue);
        this.depth = depth;
        this.readableCount = readable.length > 0 ? 1 : 0;
        int count = readableCount + (writableBytes > 0 ? 1 : 0);
        this.lengths = new int[count];
        this.addresses = new long[depth][count];
        for (int i = 0; i < depth; i++) {
            if (readableCount > 0) {
                lengths[0] = readable.length;
                addresses[i][0] = this.queue.allocate(readable.length);
                for (int j = 0; j < readable.length; j++) {
                    rig.memory().put8(addresses[i][0] + j, readable[j]);
                }
            }
            if (writableBytes > 0) {
                lengths[count - 1] = writableBytes;
                addresses[i][count - 1] = this.queue.allocate(writableBytes);
            }
        }
        this.queue.useIndirect(false);
    }

    /** Carries out so many requests. */
    public void run(int requests) {
        int offered = 0;
        int done = 0;
        long endNs = Clock.monotonicNs() + PATIENCE_NS;
        while (done < requests) {
            while (offered < requests && offered - done < depth) {
                queue.offerRaw(addresses[next], lengths, readableCount, lengths.length);
                next = next + 1 == depth ? 0 : next + 1;
                offered++;
            }
            queue.kick();
            rig.settle();
            int before = done;
            while (queue.reapRaw() >= 0) {
                writtenBytes += queue.lastLength();
                done++;
            }
            if (done == before && Clock.monotonicNs() > endNs) {
                throw new AssertionError("only " + done + " of " + requests + " requests were answered");
            }
        }
    }

    /** Bytes the device wrote in all, by its own account. */
    public long writtenBytes() {
        return writtenBytes;
    }
}
