package io.jvmm.device.virtio.rig;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A driver of one function, from the first register on (virtio 1.2 §3.1.1, §4.1): what Linux's virtio_pci_modern does, in its order.
 * The registers are where a modern device of this project has them; their numbers are the specification's.
 */
public final class RigDriver {
    // struct virtio_pci_common_cfg, §4.1.4.3
    public static final int DEVICE_FEATURE_SELECT = 0;
    public static final int DEVICE_FEATURE = 4;
    public static final int DRIVER_FEATURE_SELECT = 8;
    public static final int DRIVER_FEATURE = 12;
    public static final int CONFIG_MSIX_VECTOR = 16;
    public static final int NUM_QUEUES = 18;
    public static final int DEVICE_STATUS = 20;
    public static final int CONFIG_GENERATION = 21;
    public static final int QUEUE_SELECT = 22;
    public static final int QUEUE_SIZE = 24;
    public static final int QUEUE_MSIX_VECTOR = 26;
    public static final int QUEUE_ENABLE = 28;
    public static final int QUEUE_NOTIFY_OFF = 30;
    public static final int QUEUE_DESC = 32;
    public static final int QUEUE_DRIVER = 40;
    public static final int QUEUE_DEVICE = 48;
    public static final int QUEUE_NOTIFY_DATA = 56;
    public static final int QUEUE_RESET = 58;
    public static final int ISR = 0x1000;
    public static final int DEVICE_CONFIG = 0x2000;

    public static final int ACKNOWLEDGE = 1;
    public static final int DRIVER = 2;
    public static final int DRIVER_OK = 4;
    public static final int FEATURES_OK = 8;
    public static final int NEEDS_RESET = 64;
    public static final int FAILED = 128;

    public static final int NO_VECTOR = 0xFFFF;

    public static final long F_INDIRECT_DESC = 1L << 28;
    public static final long F_EVENT_IDX = 1L << 29;
    public static final long F_VERSION_1 = 1L << 32;
    public static final long F_RING_PACKED = 1L << 34;
    public static final long F_RING_RESET = 1L << 40;

    /** Where buffers begin; a device with a wild pointer to 0 shall be noticed. */
    private static final long FIRST_ADDRESS = 0x1000;

    private final VirtioRig rig;
    private final int function;
    private final int firstLine;
    private final int vectors;
    private final RigArena arena;
    private final List<RigQueue> queues = new ArrayList<>();
    private long features;
    private boolean msix = true;
    private int mostQueueSize = 256;

    RigDriver(VirtioRig rig, int function, int firstLine, int vectors) {
        this.rig = rig;
        this.function = function;
        this.firstLine = firstLine;
        this.vectors = vectors;
        long share = rig.memory().lengthBytes() / 4;
        this.arena = function == 0
                ? new RigArena(FIRST_ADDRESS, rig.memory().lengthBytes() - share)
                : new RigArena(
                        rig.memory().lengthBytes() - share + (function - 1) * (share / 4),
                        rig.memory().lengthBytes() - share + function * (share / 4));
    }

    /** Use INTx rather than a vector for each queue; before {@link #setUp}. */
    public RigDriver withIntx() {
        msix = false;
        return this;
    }

    /** Largest rings it makes, a power of two unless they are packed; before {@link #setUp}. */
    public RigDriver withQueueSize(int size) {
        mostQueueSize = size;
        return this;
    }

    // ---- registers

    public long read(int offset, int widthBytes) {
        return rig.read(function, offset, widthBytes);
    }

    public void write(int offset, int widthBytes, long value) {
        rig.write(function, offset, widthBytes, value);
    }

    /** A 64-bit register in two halves (§4.1.3.1). */
    public void writeWide(int offset, long value) {
        write(offset, 4, value & 0xFFFF_FFFFL);
        write(offset + 4, 4, value >>> 32);
    }

    public int status() {
        return (int) read(DEVICE_STATUS, 1);
    }

    /** A field of the device configuration. */
    public long config(int offset, int widthBytes) {
        return read(DEVICE_CONFIG + offset, widthBytes);
    }

    /** The features offered. */
    public long deviceFeatures() {
        write(DEVICE_FEATURE_SELECT, 4, 0);
        long low = read(DEVICE_FEATURE, 4);
        write(DEVICE_FEATURE_SELECT, 4, 1);
        return low | read(DEVICE_FEATURE, 4) << 32;
    }

    public void driverFeatures(long wanted) {
        write(DRIVER_FEATURE_SELECT, 4, 0);
        write(DRIVER_FEATURE, 4, wanted & 0xFFFF_FFFFL);
        write(DRIVER_FEATURE_SELECT, 4, 1);
        write(DRIVER_FEATURE, 4, wanted >>> 32);
    }

    // ---- the life of a driver

    /** Resets the device and waits until it says that it is (§2.4.2). */
    public void reset() {
        write(DEVICE_STATUS, 1, 0);
        rig.await("a device that is reset", () -> status() == 0);
        queues.clear();
        arena.clear();
    }

    /**
     * Everything up to DRIVER_OK, with all queues. Of {@code wanted} those are used that are offered, and VERSION_1.
     *
     * @throws AssertionError when the device refuses the features
     */
    public RigDriver setUp(long wanted) {
        negotiate(wanted);
        if ((status() & FEATURES_OK) == 0) {
            throw new AssertionError("the device refuses features 0x" + Long.toHexString(features));
        }
        int count = (int) read(NUM_QUEUES, 2);
        write(CONFIG_MSIX_VECTOR, 2, msix ? 0 : NO_VECTOR);
        for (int queue = 0; queue < count; queue++) {
            queues.add(enable(queue));
        }
        write(DEVICE_STATUS, 1, status() | DRIVER_OK);
        rig.settle();
        return this;
    }

    /** Up to the attempt to set FEATURES_OK. */
    public void negotiate(long wanted) {
        reset();
        write(DEVICE_STATUS, 1, ACKNOWLEDGE);
        write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        features = deviceFeatures() & (wanted | F_VERSION_1);
        driverFeatures(features);
        write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    }

    private RigQueue enable(int index) {
        write(QUEUE_SELECT, 2, index);
        int size = Math.min((int) read(QUEUE_SIZE, 2), mostQueueSize);
        write(QUEUE_SIZE, 2, size);
        boolean packed = (features & F_RING_PACKED) != 0;
        RigQueue queue = packed ? new RigPackedQueue(this, index, size) : new RigSplitQueue(this, index, size);
        write(QUEUE_MSIX_VECTOR, 2, msix ? index + 1 : NO_VECTOR);
        writeWide(QUEUE_DESC, queue.table());
        writeWide(QUEUE_DRIVER, queue.driverArea());
        writeWide(QUEUE_DEVICE, queue.deviceArea());
        write(QUEUE_ENABLE, 2, 1);
        return queue;
    }

    /** Resets one queue and enables it with new rings (§2.6.1); what was in it is forgotten. */
    public RigQueue resetQueue(int index) {
        write(QUEUE_SELECT, 2, index);
        write(QUEUE_RESET, 2, 1);
        rig.await("a queue that is reset", () -> read(QUEUE_RESET, 2) == 0 && read(QUEUE_ENABLE, 2) == 0);
        queues.set(index, enable(index));
        return queues.get(index);
    }

    // ---- use

    public RigQueue queue(int index) {
        return queues.get(index);
    }

    public int queueCount() {
        return queues.size();
    }

    /** The negotiated features. */
    public long features() {
        return features;
    }

    public boolean negotiated(long feature) {
        return (features & feature) != 0;
    }

    /** Number of interrupt vectors. */
    public int vectors() {
        return vectors;
    }

    /** Takes the interrupts of a vector since the last call. */
    public long takeInterrupts(int vector) {
        return rig.takeEdges(firstLine + vector);
    }

    /** Whether INTx is asserted. */
    public boolean intx() {
        return rig.level(intxLine());
    }

    /** The line of INTx. */
    public int intxLine() {
        return firstLine + vectors;
    }

    /**
     * One request: offered, kicked, awaited, taken.
     *
     * @return what the device wrote, as long as it said it was
     */
    public byte[] request(int queue, byte[] readable, int writableBytes) {
        RigQueue at = queue(queue);
        int token = at.offer(readable, writableBytes);
        at.kick();
        Completion[] done = new Completion[1];
        rig.await("the answer of queue " + queue, () -> (done[0] = at.reap()) != null);
        @Nullable Completion completion = done[0];
        if (completion == null || completion.token() != token) {
            throw new AssertionError("expected buffer " + token + ", got " + completion);
        }
        return completion.written();
    }

    RigArena arena() {
        return arena;
    }

    VirtioRig rig() {
        return rig;
    }

    void notifyQueue(int queue) {
        rig.kick(function, queue);
    }
}
