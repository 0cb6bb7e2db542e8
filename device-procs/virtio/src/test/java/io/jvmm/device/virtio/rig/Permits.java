package io.jvmm.device.virtio.rig;

import io.jvmm.device.virtio.Chain;
import io.jvmm.ipc.memory.GuestMemory;
import java.util.Arrays;

/**
 * Where a device may write to guest memory that no buffer of a test is in: the device areas of its rings, and wherever a chain that it has
 * taken told it to. A fuzz driver does not choose all of the latter: the device itself writes to the tables of later chains, when
 * buffers and tables lie in one place, and an address of which a byte became a status byte is as good as another.
 *
 * <p>What a chain says is read a second time, by the specification's rules and not by the device's code, at the moment the device has read
 * it: so a device that takes a descriptor for writable which is not is found out here, wherever it points.
 */
final class Permits {
    private static final int DESCRIPTOR_BYTES = 16;
    private static final int U16 = 0xFFFF;

    private final RigDriver driver;
    private final GuestMemory memory;
    private final boolean[] permitted;
    private final boolean changing;

    /**
     * Permits for what lies below {@code limitBytes}.
     *
     * @param changing whether somebody else writes to the rings meanwhile: then the device is believed
     */
    Permits(RigDriver driver, int limitBytes, boolean changing) {
        this.driver = driver;
        this.memory = driver.rig().memory();
        this.permitted = new boolean[limitBytes];
        this.changing = changing;
    }

    /** The device was reset: chains of before are nobody's. */
    void forget() {
        Arrays.fill(permitted, false);
    }

    /** The device has taken a chain from a queue, just now. */
    void taken(int queue, Chain chain) {
        for (int i = chain.readableCount(); i < chain.count(); i++) {
            long at = chain.offset(i);
            int length = chain.length(i);
            if (length > 0 && !changing && !isTold(driver.queue(queue), chain.head(), at, length)) {
                throw new AssertionError("the device takes " + length + " bytes at 0x" + Long.toHexString(at)
                        + " for writable, and chain " + chain.head() + " of queue " + queue + " does not say so");
            }
            for (long b = at; b < Math.min(at + length, permitted.length); b++) {
                permitted[(int) b] = true;
            }
        }
    }

    /** Whether a chain has a writable descriptor of exactly this place. */
    private boolean isTold(RigQueue queue, int head, long address, int length) {
        boolean packed = queue instanceof RigPackedQueue;
        int at = head;
        for (int count = 0; count < queue.size(); count++) {
            long descriptor = queue.table() + (long) DESCRIPTOR_BYTES * at;
            int flags = flags(descriptor, packed);
            if ((flags & RigQueue.INDIRECT) != 0) {
                return isToldByTable(
                        packed, memory.get64(descriptor, 0), memory.get32(descriptor + 8, 0), address, length);
            }
            if (says(descriptor, packed, address, length)) {
                return true;
            }
            if ((flags & RigQueue.NEXT) == 0) {
                return false;
            }
            at = packed ? (at + 1) % queue.size() : memory.get16(descriptor + 14, (short) 0) & U16;
        }
        return false;
    }

    private boolean isToldByTable(boolean packed, long table, int tableBytes, long address, int length) {
        int entries = tableBytes / DESCRIPTOR_BYTES;
        int at = 0;
        for (int count = 0; count < entries && at < entries; count++) {
            long descriptor = table + (long) DESCRIPTOR_BYTES * at;
            if (says(descriptor, packed, address, length)) {
                return true;
            }
            if (!packed && (flags(descriptor, false) & RigQueue.NEXT) == 0) {
                return false;
            }
            at = packed ? at + 1 : memory.get16(descriptor + 14, (short) 0) & U16;
        }
        return false;
    }

    private int flags(long descriptor, boolean packed) {
        return memory.get16(descriptor + (packed ? 14 : 12), (short) 0);
    }

    private boolean says(long descriptor, boolean packed, long address, int length) {
        return (flags(descriptor, packed) & RigQueue.WRITE) != 0
                && memory.get64(descriptor, 0) == address
                && memory.get32(descriptor + 8, 0) == length;
    }

    /** Whether the device may have written here. */
    boolean allow(long at) {
        return permitted[(int) at] || isInDeviceArea(at);
    }

    private boolean isInDeviceArea(long at) {
        for (int i = 0; i < driver.queueCount(); i++) {
            RigQueue queue = driver.queue(i);
            boolean packed = queue instanceof RigPackedQueue;
            long start = packed ? queue.table() : queue.deviceArea();
            long length = packed ? 16L * queue.size() : queue.deviceAreaBytes();
            if (at >= start && at < start + length) {
                return true;
            }
            if (at >= queue.deviceArea() && at < queue.deviceArea() + queue.deviceAreaBytes()) {
                return true;
            }
        }
        return false;
    }

    /** Where the driver has its rings, for a message. */
    String areas() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < driver.queueCount(); i++) {
            RigQueue queue = driver.queue(i);
            text.append(String.format(
                    "queue %d (%s) of %d at 0x%x, 0x%x, 0x%x; ",
                    i,
                    queue instanceof RigPackedQueue ? "packed" : "split",
                    queue.size(),
                    queue.table(),
                    queue.driverArea(),
                    queue.deviceArea()));
        }
        return text.toString();
    }
}
