package io.jvmm.device.virtio;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Stands in for the device of a function that has been given up (DEVICE_NEEDS_RESET, §2.1.2), so that no driver waits for ever: drivers of Linux look at
 * their used rings, and not at the status. Whatever was taken and not given back, and all that comes later, gets the {@link BrokenAnswer} of its class and queue. It
 * knows nothing of the device and touches nothing of the host; of the device's own state it shows what the class says, and believes nothing.
 *
 * <p>Device thread; bounded, allocation-free. Chains are as hostile as ever.
 */
final class Caretaker implements VirtioDevice {

    /** The reason it gives for NEEDS_RESET: nothing that the driver has done. */
    static final int GIVEN_UP = 0;

    /** Chains answered in one turn. */
    static final int MOST_CHAINS = 64;

    private static final int MOST_NOTICE_BYTES = 256;

    private final VirtioFactory factory;
    private final VirtioIdentity identity;
    private final AtomicBuffer state;
    private final VirtioHost host;
    private final Chain chain;
    private final MemorySegment zeros = Arena.ofAuto().allocate(MOST_NOTICE_BYTES);
    /** Queues whose notice has been given, a bit each. */
    private long noticed;

    /** For a function of that class. */
    Caretaker(VirtioFactory factory, VirtioIdentity identity, AtomicBuffer state, VirtioHost host) {
        this.factory = factory;
        this.identity = identity;
        this.state = state;
        this.host = host;
        this.chain = new Chain(host.memory(), VirtioIdentity.MAX_QUEUE_SIZE);
    }

    @Override
    public VirtioIdentity identity() {
        return identity;
    }

    @Override
    public long readConfig(int offset, int widthBytes) {
        return factory.readBrokenConfig(state, offset, widthBytes);
    }

    @Override
    public void reset(long nowNs) {
        // There is nothing to forget.
    }

    @Override
    public boolean service(int queue, long nowNs) {
        BrokenAnswer answer = factory.whenBroken(identity, queue, host.features());
        return switch (answer.kind()) {
            case LEAVE -> false;
            case RETURN, STATUS -> answer(queue, answer);
            case NOTICE -> {
                notice(queue, answer.value());
                yield false;
            }
        };
    }

    private boolean answer(int queue, BrokenAnswer answer) {
        Virtqueue requests = host.queue(queue);
        int chains = 0;
        while (chains < MOST_CHAINS && requests.pop(chain)) {
            requests.complete(chain.head(), answer.kind() == BrokenAnswer.Kind.STATUS ? write(answer, queue) : 0);
            chains++;
        }
        if (chains > 0) {
            requests.publish();
        }
        return chains == MOST_CHAINS;
    }

    /** One that is too short comes back empty, and is counted; the driver's next kick is another chance. */
    private void notice(int queue, int zeroBytes) {
        Virtqueue buffers = host.queue(queue);
        if ((noticed & 1L << queue) != 0 || !buffers.pop(chain)) {
            return;
        }
        if (chain.writableBytes() < zeroBytes) {
            host.guestError(VirtioError.NO_STATUS.code(), (long) queue << Integer.SIZE);
            buffers.complete(chain.head(), 0);
        } else {
            noticed |= 1L << queue;
            buffers.complete(chain.head(), chain.write(0, zeros, 0, zeroBytes));
        }
        buffers.publish();
    }

    /**
     * Puts the status where it belongs.
     *
     * @return how many bytes from the beginning of the writable part on have been written (§2.7.8.2): usually the status is behind others
     */
    private int write(BrokenAnswer answer, int queue) {
        for (int segment = chain.count() - 1; segment >= chain.readableCount(); segment--) {
            int length = chain.length(segment);
            if (length > 0) {
                host.memory().put8At(chain.offset(segment) + length - 1, (byte) answer.value());
                return chain.writableBytes() == 1 ? 1 : 0;
            }
        }
        host.guestError(VirtioError.NO_STATUS.code(), (long) queue << Integer.SIZE);
        return 0;
    }
}
