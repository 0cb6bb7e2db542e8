package io.jvmm.device.balloon;

import static io.jvmm.device.api.DeviceCore.NO_DEADLINE;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Collections;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The traditional memory balloon (virtio 1.2 §5.5): pages of an inflate request and pages reported free go back to the host
 * before the driver learns that its request is done; from then on they are zeros, and memory again as soon as the guest touches
 * them. So a deflate request has nothing to undo, and a guest that never tells harms only its own accounting.
 *
 * <p>Page numbers are the guest's and may be anything: only whole pages of guest memory are given back. A long request is
 * carried out in parts; how far it came is in the state.
 */
final class BalloonCore implements VirtioDevice {

    /** The page of the balloon's interface, whatever the guest's is; the host's too. */
    static final int PAGE_BYTES = 4096;

    /** {@link VirtioHost#guestError}: a page that is not guest memory. Detail: its number. */
    static final int ERROR_NOT_MEMORY = 1;
    /** {@link VirtioHost#guestError}: a buffer of the wrong direction or not made of whole entries. Detail: the queue. */
    static final int ERROR_FRAMING = 2;
    /** {@link VirtioHost#guestError}: more than one buffer for statistics (§5.5.6.3.1). */
    static final int ERROR_SECOND_BUFFER = 3;
    /** {@link VirtioHost#guestError}: a queue that the negotiated features do not have. Detail: its number. */
    static final int ERROR_NO_SUCH_QUEUE = 4;

    private static final int DEVICE_TYPE = 5;
    private static final int PCI_CLASS_OTHER = 0x00_FF00;
    private static final int CONFIG_BYTES = 16;
    private static final int STATS_QUEUE = BalloonQueue.STATS.index();

    private static final int MOST_BUFFERS = 64;
    private static final int PFN_BYTES = 4;
    /** Sorted at once, so that neighbours meet; Linux sends no more in one buffer. */
    private static final int BATCH_PAGES = 256;

    private static final int MOST_PAGES = 16 * BATCH_PAGES;
    /** Punching more takes the host too long for one turn. */
    private static final int MOST_REPORTED_BYTES = 64 << 20;

    private static final int STATISTIC_BYTES = 10;
    private static final int STATISTIC_VALUE = 2;
    private static final int MOST_STATISTICS = 64;
    private static final int STATISTICS = BalloonStatistic.COUNT;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfInt PFN = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);
    private static final ValueLayout.OfShort TAG = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
    private static final ValueLayout.OfLong VALUE = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LE);

    private final BalloonConfig config;
    private final VirtioIdentity identity;
    private final AtomicBuffer state;
    private final VirtioHost host;
    private final GuestMemory memory;
    private final PageReturner returner;
    private final Chain chain;
    private final MemorySegment scratch = Arena.ofAuto().allocate(BATCH_PAGES * PFN_BYTES);
    private final long[] batch = new long[BATCH_PAGES];

    /** @throws StateRejectedException when {@code state} is not fresh and cannot be */
    BalloonCore(
            BalloonConfig config,
            AtomicBuffer state,
            boolean fresh,
            VirtioHost host,
            PageReturner.Discarder discarder,
            long nowNs) {
        this.config = config;
        this.identity = identity(config);
        this.state = state;
        this.host = host;
        this.memory = host.memory();
        this.returner = new PageReturner(memory, discarder, state);
        this.chain = new Chain(memory, VirtioIdentity.MAX_QUEUE_SIZE);
        if (fresh) {
            state.putInt(BalloonStateLayout.NUM_PAGES, (int) limited(config.targetPages()), LE);
        } else {
            validate(nowNs);
        }
    }

    /** Memory that the host has taken back since this core was made. */
    long bytesGivenBack() {
        return returner.returnedBytes();
    }

    static VirtioIdentity identity(BalloonConfig config) {
        long features = config.ring().features()
                | BalloonFeature.STATS_VQ
                | BalloonFeature.FREE_PAGE_HINT
                | BalloonFeature.PAGE_POISON
                | (config.mustTellHost() ? BalloonFeature.MUST_TELL_HOST : 0)
                | (config.deflateOnOom() ? BalloonFeature.DEFLATE_ON_OOM : 0)
                | (config.reporting() ? BalloonFeature.PAGE_REPORTING : 0);
        int queues = config.reporting() ? BalloonStateLayout.QUEUES : BalloonStateLayout.QUEUES - 1;
        return new VirtioIdentity(
                DEVICE_TYPE,
                PCI_CLASS_OTHER,
                features,
                Collections.nCopies(queues, config.ring().queueSize()),
                CONFIG_BYTES,
                BalloonStateLayout.LENGTH_BYTES);
    }

    private void validate(long nowNs) {
        require(pages() <= memory.lengthBytes() / PAGE_BYTES, "num_pages");
        require(state.getInt(BalloonStateLayout.HINT_CMD_ID, LE) == 0, "free_page_hint_cmd_id");
        for (int queue = 0; queue < BalloonStateLayout.QUEUES; queue++) {
            require(progress(queue) >= 0, "progress[" + queue + "]");
        }
        int held = state.getInt(BalloonStateLayout.STATS_HEAD, LE);
        require(held >= 0 && held <= 1 << Short.SIZE, "statsHeld");
        require(state.getInt(BalloonStateLayout.STATS_GIVEN, LE) >>> STATISTICS == 0, "statsGiven");
        long latestNs = nowNs + config.statsIntervalNs();
        long dueNs = state.getLong(BalloonStateLayout.STATS_DUE_NS, LE);
        state.putLong(
                BalloonStateLayout.STATS_DUE_NS, Math.clamp(dueNs, nowNs, latestNs), LE); // perhaps of another boot
    }

    private static void require(boolean holds, String field) {
        if (!holds) {
            throw new StateRejectedException(
                    "balloon: field " + field + " holds a value that no balloon writes; start the machine afresh");
        }
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    // ---- device configuration (§5.5.4): the first 16 bytes of the state

    @Override
    public long readConfig(int offset, int widthBytes) {
        return switch (widthBytes) {
            case Byte.BYTES -> state.getByte(offset);
            case Short.BYTES -> state.getShort(offset, LE);
            case Integer.BYTES -> state.getInt(offset, LE);
            default -> state.getLong(offset, LE);
        };
    }

    /** {@code actual} at any time, {@code poison_val} before DRIVER_OK (§5.5.6.6.1); whatever else is hit stays. */
    @Override
    public void writeConfig(int offset, int widthBytes, long value, long nowNs) {
        boolean poison = negotiated(BalloonFeature.PAGE_POISON) && !host.active();
        for (int i = 0; i < widthBytes; i++) {
            int field = (offset + i) & -Integer.BYTES;
            if (field == BalloonStateLayout.ACTUAL || (field == BalloonStateLayout.POISON_VAL && poison)) {
                state.putByte(offset + i, (byte) (value >>> (Byte.SIZE * i)));
            }
        }
    }

    @Override
    public boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        if (request != SupervisorRequestType.BALLOON) {
            return false;
        }
        long wanted = limited(Math.max(argument, 0) / PAGE_BYTES);
        if (wanted != pages()) {
            state.putInt(BalloonStateLayout.NUM_PAGES, (int) wanted, LE);
            host.configChanged();
        }
        return true;
    }

    private long limited(long pages) {
        return Math.min(pages, memory.lengthBytes() / PAGE_BYTES);
    }

    private long pages() {
        return Integer.toUnsignedLong(state.getInt(BalloonStateLayout.NUM_PAGES, LE));
    }

    private boolean negotiated(long feature) {
        return (host.features() & feature) != 0;
    }

    // ---- life

    @Override
    public void activate(long features, long nowNs) {
        state.putLong(BalloonStateLayout.STATS_DUE_NS, nowNs + config.statsIntervalNs(), LE);
    }

    /** What the host wants stays, what the driver told goes. Pages given back are zeros to whoever boots next. */
    @Override
    public void reset(long nowNs) {
        state.putInt(BalloonStateLayout.ACTUAL, 0, LE);
        state.putInt(BalloonStateLayout.POISON_VAL, 0, LE);
        state.putInt(BalloonStateLayout.STATS_GIVEN, 0, LE);
        for (int queue = 0; queue < BalloonStateLayout.QUEUES; queue++) {
            queueReset(queue, nowNs);
        }
    }

    @Override
    public void queueReset(int queue, long nowNs) {
        progress(queue, 0);
        if (queue == STATS_QUEUE) {
            held(-1);
        }
    }

    /** The buffer for statistics comes back from the queue; the others are still in theirs. */
    @Override
    public void resume(long nowNs) {
        held(-1);
    }

    @Override
    public boolean service(int queue, long nowNs) {
        BalloonQueue role = BalloonQueue.of(queue, host.features());
        return switch (role) {
            case INFLATE, DEFLATE -> pageNumbers(queue, role);
            case STATS -> statistics(nowNs);
            case REPORTING -> reports(queue);
            case HINT, NONE -> ignore(queue, role);
        };
    }

    // ---- inflate and deflate (§5.5.6)

    private boolean pageNumbers(int queue, BalloonQueue role) {
        Virtqueue requests = host.queue(queue);
        int pagesLeft = MOST_PAGES;
        int buffers = 0;
        while (pagesLeft > 0 && buffers < MOST_BUFFERS && requests.pop(chain)) {
            long length = chain.readableBytes() & -PFN_BYTES;
            long at = progress(queue);
            while (length - at >= PFN_BYTES && pagesLeft > 0) {
                int count = (int) Math.min((length - at) / PFN_BYTES, Math.min(BATCH_PAGES, pagesLeft));
                int valid = readBatch(at, count);
                if (role == BalloonQueue.INFLATE) {
                    giveBackBatch(valid);
                }
                count(
                        role == BalloonQueue.INFLATE
                                ? BalloonStateLayout.PAGES_INFLATED
                                : BalloonStateLayout.PAGES_DEFLATED,
                        valid);
                at += (long) count * PFN_BYTES;
                pagesLeft -= count;
            }
            returner.flush();
            if (length - at >= PFN_BYTES) {
                progress(queue, at);
                requests.unpop(chain);
                break;
            }
            if (length != chain.readableBytes() || chain.writableBytes() > 0) {
                host.guestError(ERROR_FRAMING, queue);
            }
            progress(queue, 0);
            requests.complete(chain.head(), 0);
            buffers++;
        }
        if (buffers > 0) {
            requests.publish();
        }
        return pagesLeft <= 0 || buffers == MOST_BUFFERS;
    }

    /** Reads page numbers, keeps where those are that are guest memory, in order; says how many. */
    private int readBatch(long at, int count) {
        chain.read(at, scratch, 0, count * PFN_BYTES);
        int valid = 0;
        for (int i = 0; i < count; i++) {
            long number = Integer.toUnsignedLong(scratch.get(PFN, (long) i * PFN_BYTES));
            long offset = memory.resolve(number * PAGE_BYTES, PAGE_BYTES);
            if (offset == GuestMemory.INVALID) {
                count(BalloonStateLayout.PAGES_REFUSED, 1);
                host.guestError(ERROR_NOT_MEMORY, number);
            } else {
                insert(valid++, offset);
            }
        }
        return valid;
    }

    /** By insertion: a batch is short, mostly in order, and the library's sort allocates. */
    private void insert(int count, long offset) {
        int i = count;
        while (i > 0 && batch[i - 1] > offset) {
            batch[i] = batch[i - 1];
            i--;
        }
        batch[i] = offset;
    }

    private void giveBackBatch(int count) {
        for (int i = 0; i < count; i++) {
            returner.add(batch[i], PAGE_BYTES);
        }
    }

    // ---- statistics (§5.5.6.3): the device holds the driver's one buffer until it wants to know again

    private boolean statistics(long nowNs) {
        Virtqueue queue = host.queue(STATS_QUEUE);
        int buffers = 0;
        boolean returned = false;
        while (buffers < MOST_BUFFERS && queue.pop(chain)) {
            readStatistics(nowNs);
            int before = held();
            held(chain.head());
            if (before >= 0) {
                host.guestError(ERROR_SECOND_BUFFER, before);
                queue.complete(before, 0);
                returned = true;
            }
            buffers++;
        }
        if (returned) {
            queue.publish();
        }
        return buffers == MOST_BUFFERS;
    }

    private void readStatistics(long nowNs) {
        long entries = Math.min(chain.readableBytes() / STATISTIC_BYTES, MOST_STATISTICS);
        chain.read(0, scratch, 0, (int) entries * STATISTIC_BYTES);
        int given = 0;
        for (long at = 0; at < entries * STATISTIC_BYTES; at += STATISTIC_BYTES) {
            int tag = Short.toUnsignedInt(scratch.get(TAG, at));
            if (tag < STATISTICS) { // others are ignored (§5.5.6.3.2)
                long value = scratch.get(VALUE, at + STATISTIC_VALUE);
                state.putLong(BalloonStateLayout.STATS + tag * Long.BYTES, value, LE);
                given |= 1 << tag;
            }
        }
        state.putInt(BalloonStateLayout.STATS_GIVEN, given, LE);
        state.putLong(BalloonStateLayout.STATS_NS, nowNs, LE);
    }

    private boolean asks() {
        return config.statsIntervalNs() > 0 && host.active() && negotiated(BalloonFeature.STATS_VQ);
    }

    @Override
    public long nextDeadlineNs() {
        return asks() ? state.getLong(BalloonStateLayout.STATS_DUE_NS, LE) : NO_DEADLINE;
    }

    @Override
    public void timer(long nowNs) {
        if (!asks() || nowNs < state.getLong(BalloonStateLayout.STATS_DUE_NS, LE)) {
            return;
        }
        state.putLong(BalloonStateLayout.STATS_DUE_NS, nowNs + config.statsIntervalNs(), LE);
        int head = held();
        if (head >= 0) {
            held(-1);
            host.queue(STATS_QUEUE).complete(head, 0);
            host.queue(STATS_QUEUE).publish();
        }
    }

    // ---- free pages (§5.5.6.7): each buffer is made of them

    private boolean reports(int queue) {
        Virtqueue requests = host.queue(queue);
        // Zeros are what a page holds when it comes back; a driver that relies on another value keeps it (§5.5.6.7.2).
        boolean zerosWillDo =
                !negotiated(BalloonFeature.PAGE_POISON) || state.getInt(BalloonStateLayout.POISON_VAL, LE) == 0;
        long bytesLeft = MOST_REPORTED_BYTES;
        int buffers = 0;
        while (bytesLeft > 0 && buffers < MOST_BUFFERS && requests.pop(chain)) {
            long at = progress(queue);
            long done = report(at, bytesLeft, zerosWillDo);
            bytesLeft -= done;
            returner.flush();
            if (at + done < chain.writableBytes()) {
                progress(queue, at + done);
                requests.unpop(chain);
                break;
            }
            if (chain.readableBytes() > 0) {
                host.guestError(ERROR_FRAMING, queue);
            }
            progress(queue, 0);
            requests.complete(chain.head(), 0);
            buffers++;
        }
        if (buffers > 0) {
            requests.publish();
        }
        return bytesLeft <= 0 || buffers == MOST_BUFFERS;
    }

    /** Gives back the whole pages of the writable part from {@code at} on; says how many bytes it went through. */
    private long report(long at, long limitBytes, boolean giveBack) {
        long skip = at;
        long done = 0;
        for (int i = chain.readableCount(); i < chain.count() && done < limitBytes; i++) {
            long length = chain.length(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long part = Math.min(length - skip, limitBytes - done);
            long begin = chain.offset(i) + skip;
            long firstPage = (begin + PAGE_BYTES - 1) & -PAGE_BYTES;
            long endPage = (begin + part) & -PAGE_BYTES;
            if (giveBack && firstPage < endPage) {
                returner.add(firstPage, endPage - firstPage);
            }
            done += part;
            skip = 0;
        }
        count(BalloonStateLayout.BYTES_REPORTED, done);
        return done;
    }

    // ---- hints (§5.5.6.5): none are ever asked for, so whatever comes is ignored, as pages of another command are

    private boolean ignore(int queue, BalloonQueue role) {
        Virtqueue requests = host.queue(queue);
        int buffers = 0;
        while (buffers < MOST_BUFFERS && requests.pop(chain)) {
            if (role == BalloonQueue.NONE) {
                host.guestError(ERROR_NO_SUCH_QUEUE, queue);
            }
            requests.complete(chain.head(), 0);
            buffers++;
        }
        if (buffers > 0) {
            requests.publish();
        }
        return buffers == MOST_BUFFERS;
    }

    // ---- state

    private long progress(int queue) {
        return state.getLong(BalloonStateLayout.PROGRESS + queue * Long.BYTES, LE);
    }

    private void progress(int queue, long bytes) {
        state.putLong(BalloonStateLayout.PROGRESS + queue * Long.BYTES, bytes, LE);
    }

    private int held() {
        return state.getInt(BalloonStateLayout.STATS_HEAD, LE) - 1;
    }

    private void held(int head) {
        state.putInt(BalloonStateLayout.STATS_HEAD, head + 1, LE);
    }

    private void count(int field, long more) {
        state.putLong(field, state.getLong(field, LE) + more, LE);
    }
}
