package io.jvmm.ipc.link;

import io.jvmm.ipc.ring.IpcRingLayout;
import org.agrona.concurrent.AtomicBuffer;

/**
 * A look at a link from outside, by one who has it mapped and takes part in nothing: how full its rings are and who sleeps. Nothing is
 * written. Hostile: every word, as both ends write them at any time; each is copied once, and what cannot be is said and not followed.
 * The numbers of a link in use are of moments that lie close together.
 *
 * @param request ring, towards the device or process
 * @param event ring, from it
 * @param requestConsumerAsleep whether the process waits for its doorbell
 * @param eventConsumerAsleep whether the other end does
 * @param producersWaiting how many wait for room in the request ring
 * @param replySlots how many there are, one for each vCPU
 * @param readersWaiting how many vCPUs sleep until their read is answered
 */
public record LinkGlance(
        Ring request,
        Ring event,
        boolean requestConsumerAsleep,
        boolean eventConsumerAsleep,
        int producersWaiting,
        int replySlots,
        int readersWaiting) {

    /** A longer row of messages is not counted to its end. */
    public static final int MOST_MESSAGES = 4096;

    /**
     * One ring.
     *
     * @param produced bytes ever written, headers and padding included
     * @param consumed bytes ever read
     * @param capacityBytes of the ring
     * @param depthBytes what lies in it; 0 when the positions make no sense
     * @param messages that lie in it, those that are not finished included; at most {@link #MOST_MESSAGES}
     * @param fault what cannot be, or an empty text
     */
    public record Ring(long produced, long consumed, int capacityBytes, int depthBytes, int messages, String fault) {}

    /** Looks once. */
    public static LinkGlance at(LinkMemory link) {
        AtomicBuffer doorbells = link.doorbells();
        AtomicBuffer slots = link.replySlots();
        int readers = 0;
        for (int slot = 0; slot < link.spec().replySlots(); slot++) {
            if (slots.getIntVolatile(slot * LinkLayout.SLOT_LENGTH_BYTES + LinkLayout.SLOT_ASLEEP) != 0) {
                readers++;
            }
        }
        return new LinkGlance(
                ring(link.requestRing()),
                ring(link.eventRing()),
                doorbells.getIntVolatile(LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP) != 0,
                doorbells.getIntVolatile(LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP) != 0,
                doorbells.getIntVolatile(LinkLayout.DOORBELL_REQUEST_PRODUCERS_WAITING),
                link.spec().replySlots(),
                readers);
    }

    private static Ring ring(AtomicBuffer ring) {
        int capacity = ring.capacity() - IpcRingLayout.TRAILER_LENGTH_BYTES;
        // The head first: it only moves towards the tail, which is looked at later.
        long head = ring.getLongVolatile(capacity + IpcRingLayout.HEAD_OFFSET);
        long tail = ring.getLongVolatile(capacity + IpcRingLayout.TAIL_OFFSET);
        String fault = "";
        if (((head | tail) & (IpcRingLayout.RECORD_ALIGNMENT_BYTES - 1)) != 0) {
            fault = "a position is no multiple of " + IpcRingLayout.RECORD_ALIGNMENT_BYTES;
        } else if (tail - head < 0 || tail - head > 2L * capacity) {
            // More than the capacity is no lie: the producer may have gone on since the head was read.
            fault = "the positions lie " + (tail - head) + " bytes apart";
        }
        int depth = fault.isEmpty() ? (int) Math.min(tail - head, capacity) : 0;
        return new Ring(tail, head, capacity, depth, messages(ring, capacity, head, depth), fault);
    }

    /** Counts as far as lengths make sense: records are read away and written while this goes on. */
    private static int messages(AtomicBuffer ring, int capacity, long head, int depth) {
        int count = 0;
        int at = 0;
        while (at < depth && count < MOST_MESSAGES) {
            int index = (int) (head + at) & (capacity - 1);
            int length = ring.getIntVolatile(index);
            int type = ring.getInt(index + Integer.BYTES);
            long recordBytes = Math.abs((long) length) + IpcRingLayout.RECORD_ALIGNMENT_BYTES - 1
                    & -IpcRingLayout.RECORD_ALIGNMENT_BYTES;
            if (recordBytes < IpcRingLayout.RECORD_HEADER_BYTES || recordBytes > depth - at) {
                return count;
            }
            if (type != IpcRingLayout.PADDING_TYPE) {
                count++;
            }
            at += (int) recordBytes;
        }
        return count;
    }
}
