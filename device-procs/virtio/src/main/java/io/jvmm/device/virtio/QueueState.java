package io.jvmm.device.virtio;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import org.agrona.concurrent.AtomicBuffer;

/**
 * A virtqueue in the state segment.
 *
 * <pre>
 *   0            8              16             24     26       28      29     30      31  32     34    36       38  40
 *   | queue_desc | queue_driver | queue_device | size | vector | enabl | reset| broken| 0 | avail| used| pending| 0 | area
 * </pre>
 *
 * <p>Split: {@code avail} and {@code used} are free-running indices: how far the device has popped and how far it has given back;
 * the area begins with a bitmap of the heads that are out, 64 to a word.
 *
 * <p>Packed: {@code used} is a ring position with its wrap counter in bit 15; {@code avail} is nothing but a copy. What lies between
 * {@code used} and the device's position is out. The area holds {@code pending} used descriptors that this commit gives back, 8 bytes
 * each: position and wrap counter, buffer id, length. A successor writes those that are not yet in the ring.
 */
final class QueueState {
    static final int HEADER_BYTES = 40;
    /** Most used descriptors of a packed ring that one commit gives back. */
    static final int MOST_PENDING = 64;

    private static final int PENDING_BYTES = 8;

    private static final int DESC = 0;
    private static final int DRIVER = 8;
    private static final int DEVICE = 16;
    private static final int SIZE = 24;
    private static final int VECTOR = 26;
    private static final int ENABLE = 28;
    private static final int RESET = 29;
    private static final int BROKEN = 30;
    private static final int AVAIL = 32;
    private static final int USED = 34;
    private static final int PENDING = 36;

    private static final int U16 = 0xFFFF;

    private final AtomicBuffer state;
    private final int at;
    private final int areaBytes;

    /** The state of one queue, {@link #lengthBytes} from {@code at} on. */
    QueueState(AtomicBuffer state, int at, int maxSize, boolean packed) {
        this.state = state;
        this.at = at;
        this.areaBytes = areaBytes(maxSize, packed);
    }

    static int lengthBytes(int maxSize, boolean packed) {
        return HEADER_BYTES + areaBytes(maxSize, packed);
    }

    private static int areaBytes(int maxSize, boolean packed) {
        int bitmap = (maxSize + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
        return packed ? Math.max(bitmap, mostPending(maxSize) * PENDING_BYTES) : bitmap;
    }

    static int mostPending(int maxSize) {
        return Math.min(MOST_PENDING, maxSize);
    }

    static MemoryLayout layout(int maxSize, boolean packed) {
        return MemoryLayout.structLayout(
                ValueLayout.JAVA_LONG.withName("queue_desc"),
                ValueLayout.JAVA_LONG.withName("queue_driver"),
                ValueLayout.JAVA_LONG.withName("queue_device"),
                ValueLayout.JAVA_SHORT.withName("queue_size"),
                ValueLayout.JAVA_SHORT.withName("queue_msix_vector"),
                ValueLayout.JAVA_BYTE.withName("queue_enable"),
                ValueLayout.JAVA_BYTE.withName("queue_reset"),
                ValueLayout.JAVA_BYTE.withName("broken"),
                MemoryLayout.paddingLayout(1),
                ValueLayout.JAVA_SHORT.withName("avail"),
                ValueLayout.JAVA_SHORT.withName("used"),
                ValueLayout.JAVA_SHORT.withName("pending"),
                MemoryLayout.paddingLayout(2),
                MemoryLayout.sequenceLayout(areaBytes(maxSize, packed) / Long.BYTES, ValueLayout.JAVA_LONG)
                        .withName("area"));
    }

    /** As after a reset of the queue (§4.1.4.3.1): not enabled, size {@code maxSize}. */
    void clear(int maxSize) {
        state.setMemory(at, HEADER_BYTES + areaBytes, (byte) 0);
        size(maxSize);
        vector(CommonConfig.NO_VECTOR);
    }

    /** Only what the device did with the ring. */
    void clearRing() {
        avail(0);
        used(0);
        pending(0);
        broken(false);
        state.setMemory(at + HEADER_BYTES, areaBytes, (byte) 0);
    }

    long desc() {
        return state.getLong(at + DESC);
    }

    void desc(long value) {
        state.putLong(at + DESC, value);
    }

    long driver() {
        return state.getLong(at + DRIVER);
    }

    void driver(long value) {
        state.putLong(at + DRIVER, value);
    }

    long device() {
        return state.getLong(at + DEVICE);
    }

    void device(long value) {
        state.putLong(at + DEVICE, value);
    }

    int size() {
        return state.getShort(at + SIZE) & U16;
    }

    void size(int value) {
        state.putShort(at + SIZE, (short) value);
    }

    int vector() {
        return state.getShort(at + VECTOR) & U16;
    }

    void vector(int value) {
        state.putShort(at + VECTOR, (short) value);
    }

    boolean enabled() {
        return state.getByte(at + ENABLE) != 0;
    }

    void enabled(boolean value) {
        state.putByte(at + ENABLE, (byte) (value ? 1 : 0));
    }

    boolean resetting() {
        return state.getByte(at + RESET) != 0;
    }

    void resetting(boolean value) {
        state.putByte(at + RESET, (byte) (value ? 1 : 0));
    }

    boolean broken() {
        return state.getByte(at + BROKEN) != 0;
    }

    void broken(boolean value) {
        state.putByte(at + BROKEN, (byte) (value ? 1 : 0));
    }

    int avail() {
        return state.getShort(at + AVAIL) & U16;
    }

    void avail(int value) {
        state.putShort(at + AVAIL, (short) value);
    }

    int used() {
        return state.getShort(at + USED) & U16;
    }

    void used(int value) {
        state.putShort(at + USED, (short) value);
    }

    int pending() {
        return state.getShort(at + PENDING) & U16;
    }

    void pending(int value) {
        state.putShort(at + PENDING, (short) value);
    }

    boolean out(int head) {
        return (state.getLong(word(head)) & 1L << head) != 0;
    }

    void out(int head, boolean value) {
        int word = word(head);
        long bits = state.getLong(word);
        state.putLong(word, value ? bits | 1L << head : bits & ~(1L << head));
    }

    private int word(int head) {
        return at + HEADER_BYTES + (head >>> 6) * Long.BYTES;
    }

    /** How many heads below {@code size} are out, or -1 when one beyond it is. */
    int countOut(int size) {
        int count = 0;
        for (int word = 0; word < areaBytes / Long.BYTES; word++) {
            long bits = state.getLong(at + HEADER_BYTES + word * Long.BYTES);
            int first = word * Long.SIZE;
            long valid = size >= first + Long.SIZE ? -1L : size <= first ? 0 : (1L << size) - 1;
            if ((bits & ~valid) != 0) {
                return -1;
            }
            count += Long.bitCount(bits);
        }
        return count;
    }

    int pendingPosition(int index) {
        return state.getShort(pendingAt(index)) & U16;
    }

    int pendingId(int index) {
        return state.getShort(pendingAt(index) + 2) & U16;
    }

    int pendingLength(int index) {
        return state.getInt(pendingAt(index) + 4);
    }

    void addPending(int position, int id, int lengthBytes) {
        int index = pending();
        state.putShort(pendingAt(index), (short) position);
        state.putShort(pendingAt(index) + 2, (short) id);
        state.putInt(pendingAt(index) + 4, lengthBytes);
        pending(index + 1);
    }

    private int pendingAt(int index) {
        return at + HEADER_BYTES + index * PENDING_BYTES;
    }
}
