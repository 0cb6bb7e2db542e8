package io.jvmm.device.virtio;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The transport of one function in the state segment: what the common configuration holds apart from its queues.
 *
 * <pre>
 *   0                8                      12                     16               18             20              21
 *   | driver_feature | device_feature_select| driver_feature_select| config_msix_vec| queue_select | device_status | generation
 *   22    23     24          25           26      32
 *   | isr | intx | resetting | notice_owed | (0) |
 * </pre>
 */
final class TransportState {
    static final int LENGTH_BYTES = 32;

    static final MemoryLayout LAYOUT = MemoryLayout.structLayout(
            ValueLayout.JAVA_LONG.withName("driver_feature"),
            ValueLayout.JAVA_INT.withName("device_feature_select"),
            ValueLayout.JAVA_INT.withName("driver_feature_select"),
            ValueLayout.JAVA_SHORT.withName("config_msix_vector"),
            ValueLayout.JAVA_SHORT.withName("queue_select"),
            ValueLayout.JAVA_BYTE.withName("device_status"),
            ValueLayout.JAVA_BYTE.withName("config_generation"),
            ValueLayout.JAVA_BYTE.withName("isr_status"),
            ValueLayout.JAVA_BYTE.withName("intx"),
            ValueLayout.JAVA_BYTE.withName("resetting"),
            ValueLayout.JAVA_BYTE.withName("notice_owed"),
            MemoryLayout.paddingLayout(6));

    private static final int U8 = 0xFF;
    private static final int U16 = 0xFFFF;

    private final AtomicBuffer state;
    private final int at;

    TransportState(AtomicBuffer state, int at) {
        this.state = state;
        this.at = at;
    }

    /** As after a reset of the device; the configuration generation goes on. */
    void clear() {
        int generation = generation();
        state.setMemory(at, LENGTH_BYTES, (byte) 0);
        generation(generation);
        configVector(CommonConfig.NO_VECTOR);
    }

    long driverFeatures() {
        return state.getLong(at);
    }

    void driverFeatures(long value) {
        state.putLong(at, value);
    }

    int deviceFeatureSelect() {
        return state.getInt(at + 8);
    }

    void deviceFeatureSelect(int value) {
        state.putInt(at + 8, value);
    }

    int driverFeatureSelect() {
        return state.getInt(at + 12);
    }

    void driverFeatureSelect(int value) {
        state.putInt(at + 12, value);
    }

    int configVector() {
        return state.getShort(at + 16) & U16;
    }

    void configVector(int value) {
        state.putShort(at + 16, (short) value);
    }

    int queueSelect() {
        return state.getShort(at + 18) & U16;
    }

    void queueSelect(int value) {
        state.putShort(at + 18, (short) value);
    }

    int status() {
        return state.getByte(at + 20) & U8;
    }

    void status(int value) {
        state.putByte(at + 20, (byte) value);
    }

    int generation() {
        return state.getByte(at + 21) & U8;
    }

    void generation(int value) {
        state.putByte(at + 21, (byte) value);
    }

    int isr() {
        return state.getByte(at + 22) & U8;
    }

    void isr(int value) {
        state.putByte(at + 22, (byte) value);
    }

    /** Whether INTx is asserted: a source without a vector has set a bit of the ISR status. */
    boolean intx() {
        return state.getByte(at + 23) != 0;
    }

    void intx(boolean value) {
        state.putByte(at + 23, (byte) (value ? 1 : 0));
    }

    /** While a reset is not complete, because the device still uses memory of chains it had: the status before; else 0. */
    int resetting() {
        return state.getByte(at + 24) & U8;
    }

    void resetting(int value) {
        state.putByte(at + 24, (byte) value);
    }

    /** Whether the driver may not know yet that the configuration has changed: it is told after the commit. */
    boolean noticeOwed() {
        return state.getByte(at + 25) != 0;
    }

    void noticeOwed(boolean value) {
        state.putByte(at + 25, (byte) (value ? 1 : 0));
    }
}
