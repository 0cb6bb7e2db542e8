package io.jvmm.device.block;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * An image as it may be at its worst: it always waits, for as long as a test wants, and fails where a test wants; and it
 * sees to it that the device keeps its side of the contract. Calls are written down in the order in which they return.
 */
final class SlowImage implements BlockImage {
    private final BlockImage image;
    private final List<long[]> running = new ArrayList<>();
    private final List<String> calls = new ArrayList<>();
    private final Random random = new Random(3);
    /** Calls from this number on wait. */
    private int heldFrom = Integer.MAX_VALUE;

    private int entered;
    private int holding;
    private long failAt = -1;
    private Errno failWith = Errno.EIO;
    private boolean failFlush;
    private boolean lostWrites;
    private String broken = "";
    private boolean jitter;

    SlowImage(BlockImage image) {
        this.image = image;
    }

    /** A factory of devices whose images are of this kind; {@code made} gets each when it is made. */
    static BlockFactory factory(Consumer<SlowImage> made) {
        return factory(made, IoPool::new);
    }

    /** The same in other hands. */
    static BlockFactory factory(Consumer<SlowImage> made, Workers.Maker workers) {
        return new BlockFactory(
                (config, entries, descriptors, prefix, lanes) -> {
                    SlowImage slow = new SlowImage(Images.open(config, entries, descriptors, prefix, lanes));
                    made.accept(slow);
                    return slow;
                },
                workers);
    }

    /** From now on every call waits until {@link #release}. */
    synchronized void hold() {
        heldFrom = Math.min(heldFrom, entered);
    }

    synchronized void release() {
        heldFrom = Integer.MAX_VALUE;
        notifyAll();
    }

    /** The calls that wait go on; each that comes waits as before. */
    synchronized void releaseThese() {
        heldFrom = entered;
        notifyAll();
    }

    /** How many calls wait. */
    synchronized int holding() {
        return holding;
    }

    /** Calls take a little time, each another. */
    synchronized void jitter() {
        jitter = true;
    }

    synchronized void fail(long position, Errno errno) {
        failAt = position;
        failWith = errno;
    }

    synchronized void failFlush() {
        failFlush = true;
    }

    /** A flush fails as it does when the kernel has dropped what it could not write. */
    synchronized void loseWrites() {
        failFlush = true;
        lostWrites = true;
    }

    @Override
    public synchronized boolean hasLostWrites() {
        return lostWrites;
    }

    /** What was called: {@code write 512 +512 durable}. */
    synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    /** Empty, or how the device broke the contract. */
    synchronized String broken() {
        return broken;
    }

    private long begin(int lane, long position, long length, boolean writes) {
        long result = enter(lane, position, length, writes);
        LockSupport.parkNanos(pauseNs());
        return result;
    }

    private synchronized long pauseNs() {
        return jitter ? random.nextInt(200_000) : 0;
    }

    private synchronized long enter(int lane, long position, long length, boolean writes) {
        for (long[] other : running) {
            boolean overlap = Math.max(position, other[1]) < Math.min(position + length, other[2]);
            if (overlap && (writes || other[3] != 0)) {
                broken = "two calls on " + position;
            }
            if (other[0] == lane) {
                broken = "two calls of lane " + lane;
            }
        }
        if ((position | length) % blockBytes() != 0 || position < 0 || position + length > lengthBytes()) {
            broken = "call on " + position + " +" + length;
        }
        running.add(new long[] {lane, position, position + length, writes ? 1 : 0});
        holding++;
        int number = entered++;
        try {
            while (number >= heldFrom) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        holding--;
        return failAt >= position && failAt < position + length ? -failWith.number() : 0;
    }

    private synchronized long end(int lane, String call, long result) {
        running.removeIf(one -> one[0] == lane);
        calls.add(call);
        return result;
    }

    private static String word(String name, long position, long length, int flags) {
        return name + " " + position + " +" + length + ((flags & DURABLE) != 0 ? " durable" : "")
                + ((flags & MAY_UNMAP) != 0 ? " unmap" : "");
    }

    @Override
    public long read(int lane, long position, IoVector into, int flags) {
        if ((flags & NO_WAIT) != 0) {
            return -Errno.EAGAIN.number();
        }
        long length = into.lengthBytes();
        long result = begin(lane, position, length, false);
        return end(
                lane,
                word("read", position, length, flags),
                result != 0 ? result : image.read(lane, position, into, 0));
    }

    @Override
    public long write(int lane, long position, IoVector from, int flags) {
        if ((flags & NO_WAIT) != 0) {
            return -Errno.EAGAIN.number();
        }
        long length = from.lengthBytes();
        long result = begin(lane, position, length, true);
        return end(
                lane,
                word("write", position, length, flags),
                result != 0 ? result : image.write(lane, position, from, 0));
    }

    @Override
    public long flush(int lane) {
        long result = begin(lane, 0, 0, false);
        return end(lane, "flush", failFlush ? -Errno.EIO.number() : result);
    }

    @Override
    public long finish(int lane) {
        begin(lane, 0, 0, false);
        return end(lane, "finish", 0);
    }

    @Override
    public long discard(int lane, long position, long lengthBytes, int flags) {
        long result = begin(lane, position, lengthBytes, true);
        return end(lane, word("discard", position, lengthBytes, flags), result);
    }

    @Override
    public long writeZeroes(int lane, long position, long lengthBytes, int flags) {
        long result = begin(lane, position, lengthBytes, true);
        return end(
                lane,
                word("zero", position, lengthBytes, flags),
                result != 0 ? result : image.writeZeroes(lane, position, lengthBytes, flags));
    }

    @Override
    public long lengthBytes() {
        return image.lengthBytes();
    }

    @Override
    public int blockBytes() {
        return image.blockBytes();
    }

    @Override
    public int physicalBlockBytes() {
        return image.physicalBlockBytes();
    }

    @Override
    public int discardBytes() {
        return image.discardBytes();
    }

    @Override
    public boolean readOnly() {
        return image.readOnly();
    }

    @Override
    public void close() {
        image.close();
    }
}
