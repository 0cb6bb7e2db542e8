package io.jvmm.vcpu.board.pci;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * What is left of a virtio function whose device has been given up for good, and whose caretaker has failed, too; the board answers in its place. The driver is told (virtio 1.2 §2.1.2:
 * DEVICE_NEEDS_RESET and a configuration change notification if DRIVER_OK is set) and can let go: it writes 0 to device_status and reads until that is 0
 * (§4.1.4.3.2), which Linux does without a limit. All else reads as 0: no features, no queues, a configuration without content. A driver that
 * tries anew finds that FEATURES_OK does not stay (§3.1.1) and says so.
 *
 * <p>While the device lives this notes what the driver has made of device_status. Any thread, no lock: {@link #note} stores the status and then looks
 * whether the device is dead, {@link #bury} does it the other way round.
 */
final class Tombstone {
    /** In the common configuration (virtio 1.2 §4.1.4.3). */
    private static final int DEVICE_STATUS = 20;

    private static final int DRIVER_OK = 4;
    private static final int NEEDS_RESET = 0x40;
    private static final int QUEUE_AND_CONFIGURATION = 3;
    private static final int NOWHERE = -1;

    private final int statusOffset;
    private final int isrOffset;
    private final AtomicInteger isr = new AtomicInteger();
    private volatile int status;
    private volatile boolean dead;
    private volatile boolean reset;

    /** Of a function whose capabilities say that its registers are there; −1: nowhere. */
    Tombstone(int commonOffset, int isrOffset) {
        this.statusOffset = commonOffset == NOWHERE ? NOWHERE : commonOffset + DEVICE_STATUS;
        this.isrOffset = isrOffset;
    }

    /** The guest is about to write to the function's registers. */
    void note(int offset, int widthBytes, long value) {
        if (statusOffset != NOWHERE && offset <= statusOffset && statusOffset < offset + widthBytes) {
            final int written = (int) (value >>> (Byte.SIZE * (statusOffset - offset))) & 0xFF;
            status = written;
            if (dead && written == 0) {
                reset = true;
                isr.set(0);
            }
        }
    }

    /** The device is dead; true when a driver has to be told. */
    boolean bury() {
        dead = true;
        if ((status & DRIVER_OK) == 0) {
            return false;
        }
        isr.set(QUEUE_AND_CONFIGURATION);
        return true;
    }

    boolean isDead() {
        return dead;
    }

    /** What the guest reads at that offset of the function's registers. */
    long read(int offset, int widthBytes) {
        if (offset == isrOffset) {
            return isr.getAndSet(0);
        }
        if (statusOffset != NOWHERE && offset <= statusOffset && statusOffset < offset + widthBytes) {
            final int now = reset ? 0 : status;
            return (long) (now == 0 ? 0 : now | NEEDS_RESET) << (Byte.SIZE * (statusOffset - offset));
        }
        return 0;
    }
}
