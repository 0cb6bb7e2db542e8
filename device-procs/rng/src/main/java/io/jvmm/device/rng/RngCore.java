package io.jvmm.device.rng;

import static io.jvmm.device.api.DeviceCore.NO_DEADLINE;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioDevice;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.VirtioIdentity;
import io.jvmm.device.virtio.Virtqueue;
import java.nio.ByteOrder;
import java.util.List;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The entropy device (virtio 1.2 §5.4): fills what the driver offers, straight in guest memory, within the limits of a
 * {@link RateLimiter}. A buffer may come back shorter than it is (§5.4.6.2): a large one is cut to {@link #MOST_BUFFER_BYTES}, so
 * that no driver keeps the process for long.
 */
final class RngCore implements VirtioDevice {

    static final int REQUESTQ = 0;
    /** More than this at once no buffer gets. */
    static final int MOST_BUFFER_BYTES = 64 * 1024;

    /** {@link VirtioHost#guestError}: a buffer without room for a byte. Detail: its head. */
    static final int ERROR_NO_ROOM = 1;
    /** {@link VirtioHost#guestError}: a buffer with a device-readable part (§5.4.6.1). Detail: its length. */
    static final int ERROR_READABLE = 2;

    private static final int DEVICE_TYPE = 4;
    private static final int PCI_CLASS_OTHER = 0x00_FF00;
    private static final int MOST_BUFFERS = 64;
    private static final int MOST_BYTES = 4 * MOST_BUFFER_BYTES;
    /** When the kernel has no random numbers yet, it is asked again. */
    private static final long RETRY_NS = 10_000_000;

    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private final VirtioIdentity identity;
    private final AtomicBuffer state;
    private final VirtioHost host;
    private final EntropySource source;
    private final RateLimiter limiter;
    private final Chain chain;
    private long dueNs = NO_DEADLINE;
    /** Since this process began: the state's count begins with the machine. */
    private long bytesGiven;

    /** @throws StateRejectedException when {@code state} is not fresh and cannot be */
    RngCore(RngConfig config, AtomicBuffer state, boolean fresh, VirtioHost host, EntropySource source, long nowNs) {
        this.identity = identity(config);
        this.state = state;
        this.host = host;
        this.source = source;
        this.limiter = new RateLimiter(config.rateBytes(), state);
        this.chain = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
        if (fresh) {
            limiter.fill(nowNs);
        } else if (!limiter.plausible()) {
            throw new StateRejectedException("entropy device: tokens = " + state.getLong(RngStateLayout.TOKENS, LE)
                    + ", more than rate-bytes; start the machine afresh");
        }
    }

    static VirtioIdentity identity(RngConfig config) {
        return new VirtioIdentity(
                DEVICE_TYPE,
                PCI_CLASS_OTHER,
                config.ring().features(),
                List.of(config.ring().queueSize()),
                0,
                RngStateLayout.LENGTH_BYTES);
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    @Override
    public long readConfig(int offset, int widthBytes) {
        return 0; // §5.4.4: there is none
    }

    /** The bucket stays as it is: a reset must not fill it. */
    @Override
    public void reset(long nowNs) {
        dueNs = NO_DEADLINE;
    }

    @Override
    public void queueReset(int queue, long nowNs) {
        dueNs = NO_DEADLINE;
    }

    @Override
    public boolean service(int queue, long nowNs) {
        dueNs = NO_DEADLINE;
        Virtqueue requests = host.queue(REQUESTQ);
        int bytesLeft = MOST_BYTES;
        int buffers = 0;
        boolean stopped = false;
        while (!stopped && buffers < MOST_BUFFERS && bytesLeft > 0 && requests.pop(chain)) {
            int wanted = (int) Math.min(chain.writableBytes(), Math.min(MOST_BUFFER_BYTES, bytesLeft));
            if (chain.readableCount() > 0) {
                host.guestError(ERROR_READABLE, chain.readableBytes());
            }
            int filled = 0;
            if (wanted == 0) {
                host.guestError(ERROR_NO_ROOM, chain.head());
            } else {
                filled = fill(wanted, nowNs);
                stopped = filled == 0;
            }
            if (stopped) {
                requests.unpop(chain);
            } else {
                requests.complete(chain.head(), filled);
                bytesLeft -= filled;
                buffers++;
            }
        }
        if (buffers > 0) {
            requests.publish();
            count(RngStateLayout.BUFFERS, buffers);
            count(RngStateLayout.BYTES, MOST_BYTES - bytesLeft);
            bytesGiven += MOST_BYTES - bytesLeft;
        }
        return !stopped && (buffers == MOST_BUFFERS || bytesLeft <= 0);
    }

    /** Random bytes that the kernel has given and the guest got, since this core was made. */
    long bytesGiven() {
        return bytesGiven;
    }

    /** Fills the front of the chain; 0 when that has to wait until {@link #nextDeadlineNs}. */
    private int fill(int wantedBytes, long nowNs) {
        int granted = limiter.granted(wantedBytes, nowNs);
        if (granted == 0) {
            dueNs = limiter.dueNs(wantedBytes);
            return 0;
        }
        int filled = 0;
        for (int i = chain.readableCount(); i < chain.count() && filled < granted; i++) {
            int part = Math.min(chain.length(i), granted - filled);
            long got = part == 0 ? 0 : source.fill(host.memory(), chain.offset(i), part);
            if (got < 0) {
                count(RngStateLayout.HOST_ERRORS, 1);
                break;
            }
            filled += (int) got;
            if (got < part) {
                break;
            }
        }
        if (filled == 0) {
            dueNs = nowNs + RETRY_NS;
        }
        limiter.take(filled);
        return filled;
    }

    @Override
    public long nextDeadlineNs() {
        return dueNs;
    }

    @Override
    public void timer(long nowNs) {
        dueNs = NO_DEADLINE;
        host.wake(REQUESTQ);
    }

    private void count(int field, long more) {
        state.putLong(field, state.getLong(field, LE) + more, LE);
    }
}
