package io.jvmm.ipc.message;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * What a device declares of one of its PCI functions, before it is READY: the PCI_FUNCTION event. The board owns the
 * configuration space, the BARs and the MSI-X table that follow from it.
 *
 * <pre>
 *   0            4            8            12           16           20           24
 *   | function   | ids        | subsystem  | class,rev  | vectors    | queues     |
 *   24           28           32           36           40           48
 *   | bar length | notify at  | multiplier | notify len | (0)                     |
 * </pre>
 *
 * <p>{@code ids} and the word behind it: vendor in the low, device in the high half. {@code class,rev} as in the header: class
 * code in bits 31..8, revision in bits 7..0.
 *
 * @param function the device's own number for it, 0..255; also the region of its registers
 * @param classCode 24 bits
 * @param vectors MSI-X vectors, 1..2048; interrupt lines of the device from its first one on, INTx follows behind them
 * @param queues virtqueues, 0..256; a write to queue Q's doorbell becomes KICK {@code function << 8 | Q}
 * @param barLengthBytes length of the one register BAR (number 0, 32-bit memory), a power of two from 4096 to 16 MiB
 * @param notifyOffset where in it the doorbells begin; those of queue Q at {@code Q * notifyMultiplier}
 * @param notifyMultiplier a power of two from 2, or 0: one doorbell for all, the value tells which queue
 * @param notifyLengthBytes length of the doorbells
 */
public record PciFunction(
        int function,
        int vendorId,
        int deviceId,
        int subsystemVendorId,
        int subsystemId,
        int classCode,
        int revision,
        int vectors,
        int queues,
        int barLengthBytes,
        int notifyOffset,
        int notifyMultiplier,
        int notifyLengthBytes) {

    public static final int LENGTH_BYTES = 48;
    public static final int MAX_FUNCTION = DeviceEventLayout.MAX_FUNCTION;
    public static final int MAX_VECTORS = 2048;
    public static final int MAX_QUEUES = 256;
    public static final int SMALLEST_BAR_BYTES = 4096;
    public static final int LARGEST_BAR_BYTES = 16 << 20;

    private static final int U16 = 0xFFFF;

    public PciFunction {
        check("function", function, 0, MAX_FUNCTION);
        check("vendor id", vendorId, 0, U16 - 1);
        check("device id", deviceId, 0, U16);
        check("subsystem vendor id", subsystemVendorId, 0, U16);
        check("subsystem id", subsystemId, 0, U16);
        check("class code", classCode, 0, 0xFF_FFFF);
        check("revision", revision, 0, 0xFF);
        check("vectors", vectors, 1, MAX_VECTORS);
        check("queues", queues, 0, MAX_QUEUES);
        check("BAR length", barLengthBytes, SMALLEST_BAR_BYTES, LARGEST_BAR_BYTES);
        check("doorbell offset", notifyOffset, 0, barLengthBytes);
        check("doorbell length", notifyLengthBytes, 0, barLengthBytes - notifyOffset);
        check("doorbell multiplier", notifyMultiplier, 0, barLengthBytes);
        if (Integer.bitCount(barLengthBytes) != 1) {
            throw new IllegalArgumentException("BAR length " + barLengthBytes + " is no power of two");
        }
        if (notifyMultiplier == 1 || Integer.bitCount(notifyMultiplier) > 1) {
            throw new IllegalArgumentException("doorbell multiplier " + notifyMultiplier + " is no even power of two");
        }
        long needed = queues == 0 ? 0 : (queues - 1L) * notifyMultiplier + 2;
        if (needed > notifyLengthBytes) {
            throw new IllegalArgumentException(
                    "doorbells of " + queues + " queues need " + needed + " bytes, not " + notifyLengthBytes);
        }
    }

    private static void check(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "PCI function: " + what + " " + value + "; allowed are " + least + ".." + most);
        }
    }

    /** Writes the message. */
    public void encode(MutableDirectBuffer into, int index) {
        into.putInt(index, function);
        into.putInt(index + 4, vendorId | deviceId << 16);
        into.putInt(index + 8, subsystemVendorId | subsystemId << 16);
        into.putInt(index + 12, classCode << 8 | revision);
        into.putInt(index + 16, vectors);
        into.putInt(index + 20, queues);
        into.putInt(index + 24, barLengthBytes);
        into.putInt(index + 28, notifyOffset);
        into.putInt(index + 32, notifyMultiplier);
        into.putInt(index + 36, notifyLengthBytes);
        into.putLong(index + 40, 0);
    }

    /**
     * Reads the message; hostile.
     *
     * @throws IllegalArgumentException naming the field that is outside its range
     */
    public static PciFunction decode(DirectBuffer from, int index) {
        int ids = from.getInt(index + 4);
        int subsystem = from.getInt(index + 8);
        int classAndRevision = from.getInt(index + 12);
        return new PciFunction(
                from.getInt(index),
                ids & U16,
                ids >>> 16,
                subsystem & U16,
                subsystem >>> 16,
                classAndRevision >>> 8,
                classAndRevision & 0xFF,
                from.getInt(index + 16),
                from.getInt(index + 20),
                from.getInt(index + 24),
                from.getInt(index + 28),
                from.getInt(index + 32),
                from.getInt(index + 36));
    }
}
