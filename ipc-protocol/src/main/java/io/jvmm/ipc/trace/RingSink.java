package io.jvmm.ipc.trace;

import io.jvmm.ipc.link.Doorbell;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import java.nio.ByteOrder;
import java.util.concurrent.locks.LockSupport;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Hands batches to the recorder: several in one message of the ring, which grows until {@link #rest}, and of which a recorder of a process that was killed finds as much
 * as was published. For one that does not keep up a batch waits {@value #MOST_WAIT_NS} nanoseconds at most; once that was in vain, nothing waits any
 * more: batches that find no room are dropped, and a GAP in front of the next one that does tells how many. Device thread; allocates nothing. <b>Hostile:</b> the
 * recorder, which {@link GuardedProducer} sees to.
 */
public final class RingSink implements BatchSink {
    static final long MOST_WAIT_NS = 20_000_000;

    private static final long NAP_NS = 100_000;
    /** Room for the transactions of some 50 us. */
    static final int MESSAGE_BYTES = 8 * 1024;
    /** A recorder that naps is woken when so much waits for it. */
    static final int URGENT_BYTES = TraceRingLayout.CAPACITY_BYTES / 2;
    /** Up to here copying word by word beats the call of the bulk routine. */
    private static final int SMALL_BYTES = 128;

    private final TraceRing ring;
    private final GuardedProducer producer;
    private final AtomicBuffer memory;
    private final Doorbell doorbell;
    private final Runnable onLoss;
    private final UnsafeBuffer gap = new UnsafeBuffer(new byte[TraceLayout.ONE_FIELD_LENGTH]);
    /** Since the last GAP. */
    private long lost;

    private long lostInAll;
    /** The growing message: where in the ring it begins, its room, and how much of that is written; no room when there is none. */
    private int at;

    private int claimed;
    private int written;

    /**
     * The process's end of {@code ring}.
     *
     * @param onLoss called once, when the first batch is lost
     */
    public RingSink(TraceRing ring, EventFd bell, Runnable onLoss) {
        this.onLoss = onLoss;
        this.ring = ring;
        this.producer = ring.producer();
        this.memory = producer.buffer();
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

    /** Behind what is in the growing message already, or in another one. */
    private boolean offer(DirectBuffer batch, int lengthBytes) {
        int gapBytes = lost > 0 ? TraceLayout.ONE_FIELD_LENGTH : 0;
        int needed = gapBytes + lengthBytes;
        if (needed > claimed - written) {
            rest();
            if (!open(needed)) {
                return false;
            }
        }
        int to = at + written;
        if (lost > 0) {
            gap.putLong(TraceLayout.ONE_FIELD, lost, ByteOrder.LITTLE_ENDIAN);
            memory.putBytes(to, gap, 0, gapBytes);
            lost = 0;
            to += gapBytes;
        }
        copy(to, batch, lengthBytes);
        written += needed;
        producer.extend(at, written);
        if (written == claimed) {
            rest(); // it cannot grow any more
        }
        return true;
    }

    @Override
    public boolean continues(int lengthBytes) {
        return written > 0 && lengthBytes <= claimed - written && lost == 0;
    }

    private boolean open(int neededBytes) {
        int most = Math.max(MESSAGE_BYTES, neededBytes);
        at = producer.claimGrowing(TraceRingLayout.BATCH, most);
        if (at == GuardedProducer.FULL && most > neededBytes) {
            most = neededBytes;
            at = producer.claimGrowing(TraceRingLayout.BATCH, most);
        }
        claimed = at < 0 ? 0 : most;
        return at >= 0;
    }

    private void copy(int to, DirectBuffer batch, int lengthBytes) {
        if (lengthBytes <= SMALL_BYTES) {
            for (int i = 0; i < lengthBytes; i += Long.BYTES) {
                memory.putLong(to + i, batch.getLong(i));
            }
        } else {
            memory.putBytes(to, batch, 0, lengthBytes);
        }
    }

    /** The growing message is the recorder's. */
    @Override
    public void rest() {
        if (claimed > 0) {
            boolean done = producer.finish(at, claimed, written);
            claimed = 0;
            written = 0;
            if (done && producer.usedBytes() >= URGENT_BYTES) {
                doorbell.ringUrgently();
            } else if (done) {
                doorbell.ring();
            }
        }
    }

    private boolean waitAndOffer(DirectBuffer batch, int lengthBytes) {
        long endNs = Clock.monotonicNs() + MOST_WAIT_NS;
        boolean done = false;
        while (!done && lostInAll == 0 && producer.violation() == null && Clock.monotonicNs() < endNs) {
            doorbell.ringUrgently(); // a recorder that fell asleep over a full ring
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
