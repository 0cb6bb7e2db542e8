package io.jvmm.ipc.trace;

import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import java.nio.ByteOrder;
import java.util.concurrent.locks.LockSupport;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Hands batches to the recorder. For one that does not keep up a batch waits {@value #MOST_WAIT_NS} nanoseconds at most; once that was in vain, nothing waits any
 * more: batches that find no room are dropped, and a GAP in front of the next one that does tells how many. Device thread; allocates nothing. <b>Hostile:</b> the
 * recorder, which {@link GuardedProducer} sees to.
 */
public final class RingSink implements BatchSink {
    static final long MOST_WAIT_NS = 20_000_000;

    private static final long NAP_NS = 100_000;

    private final TraceRing ring;
    private final GuardedProducer producer;
    private final Doorbell doorbell;
    private final Runnable onLoss;
    private final UnsafeBuffer gap = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
    /** Since the last GAP. */
    private long lost;

    private long lostInAll;

    /**
     * The process's end of {@code ring}.
     *
     * @param onLoss called once, when the first batch is lost
     */
    public RingSink(TraceRing ring, EventFd bell, Runnable onLoss) {
        this.onLoss = onLoss;
        this.ring = ring;
        this.producer = ring.producer();
        this.doorbell = ring.doorbell(bell);
        gap.putInt(TraceLayout.RECORD_LENGTH, TraceLayout.ONE_FIELD_LENGTH, ByteOrder.LITTLE_ENDIAN);
        gap.putByte(TraceLayout.RECORD_TYPE, (byte) RecordType.GAP.code());
    }

    @Override
    public void publish(DirectBuffer batch, int lengthBytes) {
        if (!offer(batch, lengthBytes) && !waitAndOffer(batch, lengthBytes)) {
            lose();
        }
    }

    private void lose() {
        lost++;
        lostInAll++;
        if (lostInAll == 1) {
            onLoss.run();
        }
    }

    private boolean offer(DirectBuffer batch, int lengthBytes) {
        int gapBytes = lost > 0 ? TraceLayout.ONE_FIELD_LENGTH : 0;
        int at = producer.claim(TraceRingLayout.BATCH, gapBytes + lengthBytes);
        if (at < 0) {
            return false;
        }
        if (lost > 0) {
            gap.putLong(TraceLayout.ONE_FIELD, lost, ByteOrder.LITTLE_ENDIAN);
            producer.buffer().putBytes(at, gap, 0, gapBytes);
            lost = 0;
        }
        producer.buffer().putBytes(at + gapBytes, batch, 0, lengthBytes);
        if (!producer.commit(at)) {
            return false;
        }
        doorbell.ring();
        return true;
    }

    private boolean waitAndOffer(DirectBuffer batch, int lengthBytes) {
        long endNs = Clock.monotonicNs() + MOST_WAIT_NS;
        boolean done = false;
        while (!done && lostInAll == 0 && producer.violation() == null && Clock.monotonicNs() < endNs) {
            doorbell.ring(); // a recorder that fell asleep over a full ring
            LockSupport.parkNanos(this, NAP_NS);
            done = offer(batch, lengthBytes);
        }
        return done;
    }

    /** How many batches never reached the recorder; what was recorded before the first of them can be replayed. */
    public long lostBatches() {
        return lostInAll;
    }

    /** The memory it writes to. */
    public TraceRing ring() {
        return ring;
    }
}
