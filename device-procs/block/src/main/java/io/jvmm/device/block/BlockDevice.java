package io.jvmm.device.block;

import io.jvmm.device.block.BlockConfig.Cache;
import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A disk (virtio 1.2 §5.2): takes requests from its queues, checks them, carries out at once what need not wait and gives the
 * rest to {@link Workers}; {@link #finish} returns them in whatever order they are done.
 *
 * <p>Requests on the same part of the disk, unless they only read, run one after the other in the order in which they were made
 * available ({@link RangeLocks}); so what a successor of a killed process does again has the same end. The requests under way
 * are known to the virtqueues' state, nothing about them is in this device's own:
 *
 * <pre>
 *   state   0            8                       9                       10                      11     16
 *           | capacity   | writeback (0 or 1)    | flush owed (0 or 1)   | writes lost (0 or 1)  | 0    |
 *           |  u64, sectors of 512 bytes; 0: not seen yet
 * </pre>
 *
 * <p><b>Thread:</b> the device thread, all of it. <b>Hostile:</b> headers, lengths, ranges, the moment of everything, and an
 * adopted state. <b>Errors:</b> the status the specification asks for, and a guest error ({@link BlockError}).
 */
final class BlockDevice implements VirtioDevice {
    static final int STATE_LENGTH_BYTES = 16;
    static final int HEADER_LENGTH_BYTES = 16;
    static final int SECTOR_BYTES = 512;

    /** Read by a successor that knows nothing else of the state, too. */
    static final int CAPACITY = 0;

    private static final int WRITEBACK = 8;
    private static final int FLUSH_OWED = 9;
    private static final int WRITES_LOST = 10;

    private static final int DEVICE_TYPE = 2;
    /** What other makers of this device say: mass storage, SCSI. Drivers go by the device type. */
    private static final int PCI_CLASS = 0x010000;

    private static final int MOST_REQUESTS = 64;
    private static final int CHAINS_AT_ONCE = 64;
    private static final long BYTES_AT_ONCE = 4L << 20;

    /** So many data segments fit a request; two descriptors more are the header and the status (§5.2.4, seg_max). */
    private static final int MOST_SEGMENTS = 254;

    private final BlockConfig config;
    private final AtomicBuffer state;
    private final VirtioHost host;
    private final VirtioIdentity identity;
    private final BlockConfigSpace space;
    private final RequestParser parser;
    private final RangeLocks locks;
    private final BlockRequest[] slots;
    private final int[] free;
    private final int[] granted;
    private final IoVector vector;
    private final HostTrouble trouble;
    final Traffic traffic = new Traffic();
    private final MemorySegment statusByte = Arena.ofAuto().allocate(1);

    private @Nullable BlockImage image;
    private @Nullable Workers pool;
    private int freeCount;
    /** Requests that workers have. */
    private int submitted;
    /** Queues with something to show the driver, and queues that found no slot; a bit each. */
    private long unpublished;

    private long starved;
    /** By queue: requests from before its reset that are still under way. */
    private final int[] lingering;

    /** A flush of our own is to be made, and is under way: what a switch of the cache mode asks for. */
    private boolean flushOwed;

    private boolean flushing;

    /** @param fresh whether {@code state} is all zeros, rather than that of an earlier process */
    BlockDevice(BlockConfig config, AtomicBuffer state, boolean fresh, VirtioHost host) {
        this.config = config;
        this.state = state;
        this.host = host;
        trouble = new HostTrouble(config.name());
        identity = identity(config);
        space = new BlockConfigSpace(config, Math.min(config.queueSize() - 2, MOST_SEGMENTS));
        parser = new RequestParser(config, host);
        int count = Math.min(MOST_REQUESTS, config.queueSize() * config.queues());
        locks = new RangeLocks(count);
        lingering = new int[config.queues()];
        slots = new BlockRequest[count];
        free = new int[count];
        granted = new int[count];
        for (int i = 0; i < count; i++) {
            slots[i] = new BlockRequest(this, i, host.memory(), config.queueSize());
            free[i] = i;
        }
        freeCount = count;
        vector = new IoVector(config.queueSize());
        if (fresh) {
            initialCache();
        } else {
            state.putByte(WRITEBACK, (byte) (state.getByte(WRITEBACK) & 1)); // whatever it says, one of the two
            state.putByte(WRITES_LOST, (byte) (state.getByte(WRITES_LOST) & 1));
            flushOwed = (state.getByte(FLUSH_OWED) & 1) != 0; // our predecessor did not live to see it done
            noteFlush();
        }
    }

    static VirtioIdentity identity(BlockConfig config) {
        return new VirtioIdentity(
                DEVICE_TYPE,
                PCI_CLASS,
                BlockFeatures.offered(config),
                config.queueSizes(),
                BlockField.LENGTH_BYTES,
                STATE_LENGTH_BYTES);
    }

    /** What the host refuses it. */
    HostTrouble trouble() {
        return trouble;
    }

    /** Most requests under way at once. */
    int capacity() {
        return slots.length;
    }

    /** Joins it to its image and the threads; once, before the first request. */
    void attach(BlockImage newImage, Workers newPool) {
        image = newImage;
        pool = newPool;
        space.attach(newImage);
        parser.attach(newImage);
        long seen = state.getLong(CAPACITY);
        state.putLong(CAPACITY, space.capacity());
        if (seen != 0 && seen != space.capacity()) {
            host.configChanged(); // the file has another length than under our predecessor
        }
        oweFlush();
        if (host.active()) {
            for (int queue = 0; queue < config.queues(); queue++) {
                host.wake(queue);
            }
        }
    }

    /** Any thread. */
    @Nullable
    BlockImage image() {
        return image;
    }

    VirtioHost host() {
        return host;
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    // ---- configuration ----

    @Override
    public long readConfig(int offset, int widthBytes) {
        return space.read(offset, widthBytes, state.getByte(WRITEBACK) & 1);
    }

    @Override
    public void writeConfig(int offset, int widthBytes, long value, long nowNs) {
        boolean mayChange = (host.features() & BlockFeatures.CONFIG_WCE) != 0;
        if (offset != BlockField.WRITEBACK.offset() || widthBytes != 1 || !mayChange) {
            return;
        }
        boolean writeback = (value & 1) != 0;
        boolean was = state.getByte(WRITEBACK) != 0;
        state.putByte(WRITEBACK, (byte) (writeback ? 1 : 0));
        if (was && !writeback && config.cache() != Cache.UNSAFE) {
            flushOwed = true; // what was acknowledged before is not safe yet, and the driver will not flush any more
            noteFlush();
            oweFlush();
        }
    }

    private void initialCache() {
        state.putByte(WRITEBACK, (byte) (config.cache() == Cache.WRITETHROUGH ? 0 : 1));
    }

    @Override
    public void activate(long features, long nowNs) {
        if ((features & BlockFeatures.CONFIG_WCE) != 0 && (features & BlockFeatures.FLUSH) == 0) {
            state.putByte(WRITEBACK, (byte) 0); // §5.2.5.2
        }
    }

    /** Whether a write has to be on the medium before it counts as done (§5.2.6.2). */
    private boolean durable() {
        if (config.cache() == Cache.UNSAFE) {
            return false;
        }
        long features = host.features();
        boolean canFlush = (features & BlockFeatures.FLUSH) != 0;
        boolean mayChoose = (features & BlockFeatures.CONFIG_WCE) != 0;
        boolean through = state.getByte(WRITEBACK) == 0;
        return !canFlush || (through && (mayChoose || config.cache() == Cache.WRITETHROUGH));
    }

    // ---- requests ----

    @Override
    public boolean service(int queue, long nowNs) {
        if (queue < 0 || queue >= config.queues()) {
            host.guestError(BlockError.BAD_QUEUE.code(), queue);
            return false;
        }
        if (image == null) {
            return false; // attach() wakes every queue
        }
        Virtqueue virtqueue = host.queue(queue);
        virtqueue.wantKicks(false);
        boolean more = take(queue, virtqueue);
        publish();
        kickWorkers();
        if (more) {
            return true;
        }
        // Without a free slot kicks would be in vain: the next finished request looks into the queue.
        return (starved >>> queue & 1) == 0 && virtqueue.wantKicks(true);
    }

    /** Takes what there is, within bounds; whether there may be more. */
    private boolean take(int queue, Virtqueue virtqueue) {
        starved &= ~(1L << queue);
        long bytes = 0;
        for (int i = 0; i < CHAINS_AT_ONCE && bytes < BYTES_AT_ONCE; i++) {
            if (freeCount == 0) {
                starved |= 1L << queue;
                return false;
            }
            BlockRequest request = slots[free[freeCount - 1]];
            if (!virtqueue.pop(request.chain)) {
                return false;
            }
            freeCount--;
            begin(request, queue);
            bytes += request.chain.readableBytes() + request.chain.writableBytes();
        }
        return true;
    }

    private void begin(BlockRequest request, int queue) {
        request.queue = queue;
        request.cancelled = false;
        RequestParser.Outcome outcome = parser.parse(request);
        switch (outcome) {
            case RUN -> start(request);
            case DONE -> complete(request, Status.OK);
            case FAILED -> complete(request, Status.IOERR);
            case UNSUPPORTED -> complete(request, Status.UNSUPP);
            case NO_STATUS -> {
                host.queue(queue).complete(request.chain.head(), 0);
                unpublished |= 1L << queue;
                recycle(request);
            }
        }
    }

    /** Runs it here if that does not wait, with a worker otherwise, and after its predecessors in any case. */
    private void start(BlockRequest request) {
        request.underWay = true;
        request.flags = request.changesData() && durable() ? BlockImage.DURABLE : 0;
        if (request.type == RequestType.FLUSH) {
            if (config.cache() == Cache.UNSAFE) {
                complete(request, Status.OK);
            } else if (writesLost()) {
                complete(request, Status.IOERR);
            } else {
                submit(request);
            }
            return;
        }
        if ((request.flags & BlockImage.DURABLE) != 0 && writesLost()) {
            complete(request, Status.IOERR);
            return;
        }
        boolean exclusive = request.changesData();
        if (locks.isFree(request.position, request.lengthBytes, exclusive) && runHere(request)) {
            answer(request);
            return;
        }
        if (locks.ask(request.ticket, request.position, request.lengthBytes, exclusive)) {
            submit(request);
        }
    }

    /**
     * The host has dropped what it could not write, under this process or an earlier one: no flush may promise anything any more. The files
     * of a successor do not know; the state does.
     */
    private boolean writesLost() {
        return state.getByte(WRITES_LOST) != 0;
    }

    /** Tries without waiting; false when a worker has to do it: a large one is, since even from memory it takes its time. */
    private boolean runHere(BlockRequest request) {
        BlockImage disk = image;
        boolean suitable = request.type == RequestType.IN || request.type == RequestType.OUT;
        if (disk == null || !suitable || request.flags != 0 || request.lengthBytes > BYTES_AT_ONCE) {
            return false;
        }
        request.run(disk, 0, vector, host.memory().backing(), BlockImage.NO_WAIT);
        return !request.wouldWait();
    }

    private void submit(BlockRequest request) {
        Workers workers = pool;
        if (workers != null) {
            submitted++;
            workers.submit(request);
        }
    }

    private void kickWorkers() {
        Workers workers = pool;
        if (workers != null && submitted > 0) {
            workers.kick();
        }
    }

    /** With what came of it. */
    private void answer(BlockRequest request) {
        traffic.count(request);
        noteTrouble(request);
        complete(request, request.result == 0 ? Status.OK : Status.IOERR);
    }

    private void noteTrouble(BlockRequest request) {
        if (request.result != 0) {
            trouble.note(request.type, request.result);
            noteLoss();
        }
    }

    private void noteLoss() {
        BlockImage disk = image;
        if (disk != null && disk.hasLostWrites()) {
            state.putByte(WRITES_LOST, (byte) 1);
        }
    }

    private void complete(BlockRequest request, Status status) {
        Chain chain = request.chain;
        long writable = chain.writableBytes();
        statusByte.set(ValueLayout.JAVA_BYTE, 0, status.value());
        chain.write(writable - 1, statusByte, 0, 1);
        // §2.7.8.2: bytes written from the beginning on; a failed read has left a gap before its status.
        boolean whole = status == Status.OK || writable == 1;
        host.queue(request.queue).complete(chain.head(), whole ? writable : 0);
        unpublished |= 1L << request.queue;
        recycle(request);
    }

    private void recycle(BlockRequest request) {
        request.underWay = false;
        free[freeCount++] = request.ticket;
    }

    private void publish() {
        long queues = unpublished;
        unpublished = 0;
        while (queues != 0) {
            host.queue(Long.numberOfTrailingZeros(queues)).publish();
            queues &= queues - 1;
        }
    }

    /** The flush that switching to writethrough asks for, as soon as there is a slot; one after the other. */
    private void oweFlush() {
        if (!flushOwed || flushing || freeCount == 0 || pool == null) {
            return;
        }
        flushOwed = false;
        flushing = true;
        submitOwn(false);
    }

    private void submitOwn(boolean last) {
        BlockRequest request = slots[free[--freeCount]];
        request.queue = BlockRequest.NO_QUEUE;
        request.cancelled = false;
        request.type = RequestType.FLUSH;
        request.last = last;
        submit(request);
        kickWorkers();
    }

    /** For a successor, until the flush has been made and not only begun. */
    private void noteFlush() {
        state.putByte(FLUSH_OWED, (byte) (flushOwed || flushing ? 1 : 0));
    }

    // ---- what comes back from the workers ----

    /** A worker is done with a request of ours. {@link #finished} follows once for all of them. */
    void finish(BlockRequest request) {
        submitted--;
        unlock(request);
        if (request.queue == BlockRequest.NO_QUEUE) {
            flushing &= request.last;
            request.last = false;
            noteFlush();
            noteTrouble(request);
            recycle(request);
        } else if (request.cancelled) {
            lingering[request.queue]--;
            recycle(request);
        } else if (request.changesData() && request.flags == 0 && request.result == 0 && durable()) {
            // Begun before the driver chose writethrough: it is answered when it is as safe as those begun since.
            request.type = RequestType.FLUSH;
            submit(request);
        } else {
            answer(request);
        }
    }

    /** After a row of {@link #finish}. */
    void finished() {
        publish();
        oweFlush();
        kickWorkers();
        long queues = starved;
        while (queues != 0) {
            host.wake(Long.numberOfTrailingZeros(queues));
            queues &= queues - 1;
        }
    }

    private void unlock(BlockRequest request) {
        if (request.type == RequestType.FLUSH) {
            return;
        }
        int count = locks.release(request.ticket, granted);
        for (int i = 0; i < count; i++) {
            submit(slots[granted[i]]);
        }
    }

    // ---- the end of things ----

    /** What workers have begun goes on for a while; {@link #quiet} tells when it is over. */
    @Override
    public void reset(long nowNs) {
        for (int queue = 0; queue < config.queues(); queue++) {
            queueReset(queue, nowNs);
        }
        initialCache();
    }

    @Override
    public void queueReset(int queue, long nowNs) {
        starved &= ~(1L << queue);
        unpublished &= ~(1L << queue);
        for (BlockRequest request : slots) {
            if (request.underWay && request.queue == queue && !request.cancelled) {
                request.cancelled = true;
                lingering[queue]++;
            }
        }
    }

    @Override
    public boolean quiet(int queue) {
        return lingering[queue] == 0;
    }

    /** Whether a worker has a request of this disk. */
    boolean isBusy() {
        return submitted > 0;
    }

    /** What it is that keeps it busy: one of them. */
    RequestType unfinished() {
        for (BlockRequest request : slots) {
            if (request.underWay) {
                return request.type;
            }
        }
        return RequestType.FLUSH;
    }

    /** The process may end soon: a worker brings what was acknowledged to the medium, and the image in order. Nothing is under way. */
    void makeSafe() {
        if (image != null && pool != null && !config.readOnly()) {
            submitOwn(true);
        }
    }

    /** The end; no worker lives any more. */
    void detach() {
        BlockImage disk = image;
        image = null;
        pool = null;
        if (disk != null) {
            disk.close();
        }
    }
}
