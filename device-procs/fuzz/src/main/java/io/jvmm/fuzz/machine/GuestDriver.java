package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.ipc.memory.GuestMemory;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The driver of a virtio function in a fuzz machine (virtio 1.2 §3.1): does what an input says, and knows what a driver may rely on.
 *
 * <pre>
 *   low memory   0 queue Q at Q * 0x400   0x3000 indirect tables   0x4000 buffers      high memory   buffers
 *
 *   how, of a setup    bit 0 packed   1 a size of 4   2 no MSI-X vectors   3 stops before DRIVER_OK   4 one vector for all
 *   what, of a buffer  bit 0 the device writes   1 in high memory   2 nowhere   3 64 times as long
 * </pre>
 *
 * Oracles, as long as nothing but this class has written to registers of the transport and to rings:
 *
 * <ul>
 *   <li>a buffer comes back once, and not before DRIVER_OK; no more is written than it holds;
 *   <li>the driver is interrupted when it asked for it;
 *   <li>what a device answers by itself comes back in the end.
 * </ul>
 */
public final class GuestDriver {
    /** Length of the memory that it lays things out in, from 0 on. */
    public static final int MEMORY_BYTES = FuzzMemory.LOW_BYTES + FuzzMemory.HIGH_BYTES;

    private static final int COMMON_LENGTH = 0x40;
    private static final int DEVICE_FEATURE_SELECT = 0x00;
    private static final int DEVICE_FEATURE = 0x04;
    private static final int DRIVER_FEATURE_SELECT = 0x08;
    private static final int DRIVER_FEATURE = 0x0C;
    private static final int CONFIG_MSIX_VECTOR = 0x10;
    private static final int NUM_QUEUES = 0x12;
    private static final int DEVICE_STATUS = 0x14;
    private static final int QUEUE_SELECT = 0x16;
    private static final int QUEUE_SIZE = 0x18;
    private static final int QUEUE_MSIX_VECTOR = 0x1A;
    private static final int QUEUE_ENABLE = 0x1C;
    private static final int QUEUE_DESC = 0x20;
    private static final int QUEUE_DRIVER = 0x28;
    private static final int QUEUE_DEVICE = 0x30;
    private static final int ISR = 0x1000;
    private static final int NO_VECTOR = 0xFFFF;

    private static final int ACKNOWLEDGE_AND_DRIVER = 3;
    private static final int DRIVER_OK = 4;
    private static final int FEATURES_OK = 8;
    private static final int NEEDS_RESET = 0x40;

    private static final int F_EVENT_IDX = 29;
    private static final int F_VERSION_1 = 32;
    private static final int F_RING_PACKED = 34;
    private static final int F_RING_RESET = 40;

    private static final int INDIRECT_TABLES = 0x3000;
    private static final int INDIRECT_BYTES = 8 * 16;
    private static final int BUFFERS = 0x4000;
    private static final int MOST_BUFFERS = 8;

    private final GuestSide machine;
    /** Null for a device whose interrupts nobody here hears at once. */
    private final @Nullable Watched effects;

    private final GuestMemory memory;
    private final GuestQueue[] queues;
    private final int vectors;
    private final long[] addresses = new long[MOST_BUFFERS];
    private final int[] lengths = new int[MOST_BUFFERS];
    private final int[] flags = new int[MOST_BUFFERS];
    private final long[] one = new long[1];
    private final int[] oneLength = new int[1];
    private final int[] oneFlags = new int[1];
    private int nextTable;
    private int nextLow;
    private int nextHigh;
    private boolean live;
    private long negotiated;
    private boolean withVectors;
    private boolean oneVector;
    private boolean wasLive;

    /** A driver of a device that is elsewhere: what comes back is held against what was given, and interrupts are not looked at. */
    public GuestDriver(GuestSide machine, DeviceIdentity identity, GuestMemory memory) {
        this(machine, identity, memory, null);
    }

    GuestDriver(GuestSide machine, DeviceIdentity identity, GuestMemory memory, @Nullable Watched effects) {
        this.machine = machine;
        this.effects = effects;
        this.memory = memory;
        this.vectors = identity.interrupts().size() - 1;
        queues = new GuestQueue[(int) machine.core().read(0, NUM_QUEUES, 2, machine.nowNs())];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new GuestQueue(memory, i);
        }
    }

    /** A new case. */
    public void clear() {
        nextTable = INDIRECT_TABLES;
        nextLow = BUFFERS;
        nextHigh = 0;
        wasLive = false;
        for (GuestQueue queue : queues) {
            queue.returned = 0;
        }
        reset();
    }

    /** The device was reset: no queue is. */
    public void reset() {
        live = false;
        for (GuestQueue queue : queues) {
            queue.clear();
        }
    }

    /** Whether DRIVER_OK was written in this case. */
    boolean wasLive() {
        return wasLive;
    }

    /** Buffers that came back in this case, a number for each queue. */
    List<Integer> returned() {
        return Arrays.stream(queues).map(queue -> queue.returned).toList();
    }

    // ---- meddling

    /** Somebody writes to a register: what it has to do with queues is no longer known, but by selecting. */
    public void touched(int offset) {
        boolean select = offset == QUEUE_SELECT || offset < DRIVER_FEATURE || offset == DRIVER_FEATURE_SELECT;
        if (offset < COMMON_LENGTH && !select) {
            meddleAll();
        }
    }

    private void meddleAll() {
        for (GuestQueue queue : queues) {
            queue.meddle();
        }
    }

    /** Where an input means, who names an address. */
    public static long address(int code) {
        return FuzzMemory.address(code);
    }

    /** Somebody writes to memory, or will; {@code code} as in {@link FuzzMemory#address}. */
    public void overwritten(int code, int count) {
        long first = FuzzMemory.address(code);
        long last = first + Math.max(count, 1) - 1;
        if (first >= INDIRECT_TABLES && first < BUFFERS) {
            meddleAll();
            return;
        }
        for (int i = 0; i < queues.length; i++) {
            if (last >= (long) i * GuestQueue.STRIDE && first < (long) (i + 1) * GuestQueue.STRIDE) {
                queues[i].meddle();
            }
        }
    }

    // ---- setting up

    private void write(int offset, int widthBytes, long value) {
        machine.core().write(0, offset, widthBytes, value, machine.nowNs());
        machine.settle();
    }

    private long read(int offset, int widthBytes) {
        DeviceCore core = machine.core();
        return core.read(0, offset, widthBytes, machine.nowNs());
    }

    private int status() {
        return (int) read(DEVICE_STATUS, 1) & 0xFF;
    }

    /**
     * As a driver does it.
     *
     * @param wanted of the features below bit 32 those that are taken if they are offered
     * @param how see the class
     */
    void setUp(long wanted, int how) {
        reset();
        write(DEVICE_STATUS, 1, 0);
        if (status() != 0) {
            return; // a reset that takes its time: a driver would wait
        }
        write(DEVICE_STATUS, 1, ACKNOWLEDGE_AND_DRIVER);
        boolean packed = (how & 1) != 0;
        long offered = offered();
        long high = 1L << F_VERSION_1 | 1L << F_RING_RESET | (packed ? 1L << F_RING_PACKED : 0);
        long features = offered & (wanted | high);
        negotiated = features;
        for (int half = 0; half < 2; half++) {
            write(DRIVER_FEATURE_SELECT, 4, half);
            write(DRIVER_FEATURE, 4, (features >>> (32 * half)) & 0xFFFF_FFFFL);
        }
        write(DEVICE_STATUS, 1, ACKNOWLEDGE_AND_DRIVER | FEATURES_OK);
        if ((status() & FEATURES_OK) == 0) {
            return;
        }
        withVectors = (how & 4) == 0;
        oneVector = (how & 16) != 0;
        write(CONFIG_MSIX_VECTOR, 2, withVectors ? 0 : NO_VECTOR);
        for (int i = 0; i < queues.length; i++) {
            setUpQueue(i, (how & 2) != 0 ? 4 : GuestQueue.MOST_SIZE, features);
        }
        if ((how & 8) == 0) {
            live = true;
            wasLive = true;
            write(DEVICE_STATUS, 1, ACKNOWLEDGE_AND_DRIVER | FEATURES_OK | DRIVER_OK);
        }
    }

    private long offered() {
        write(DEVICE_FEATURE_SELECT, 4, 0);
        long low = read(DEVICE_FEATURE, 4) & 0xFFFF_FFFFL;
        write(DEVICE_FEATURE_SELECT, 4, 1);
        return low | read(DEVICE_FEATURE, 4) << 32;
    }

    private int vector(int queue) {
        return oneVector ? vectors - 1 : Math.min(queue + 1, vectors - 1);
    }

    private void setUpQueue(int index, int size, long features) {
        write(QUEUE_SELECT, 2, index);
        int most = (int) read(QUEUE_SIZE, 2) & 0xFFFF;
        if (most == 0) {
            return;
        }
        GuestQueue queue = queues[index];
        boolean packed = (features >>> F_RING_PACKED & 1) != 0;
        queue.setUp(Math.min(size, most), packed, (features >>> F_EVENT_IDX & 1) != 0);
        write(QUEUE_SIZE, 2, queue.size());
        write(QUEUE_MSIX_VECTOR, 2, withVectors ? vector(index) : NO_VECTOR);
        wide(QUEUE_DESC, queue.descriptors());
        wide(QUEUE_DRIVER, queue.driverArea());
        wide(QUEUE_DEVICE, queue.deviceArea());
        write(QUEUE_ENABLE, 2, 1);
    }

    private void wide(int offset, long value) {
        write(offset, 4, value & 0xFFFF_FFFFL);
        write(offset + 4, 4, value >>> 32);
    }

    /** What only a driver does: one of SETUP, OFFER and SUPPRESS, whose first byte has been read. */
    public void act(Operation operation, InputReader input) {
        if (operation == Operation.OFFER) {
            offer(input);
        } else if (operation == Operation.SETUP) {
            setUp(input.u32(), input.u8());
        } else {
            suppress(input.u8(), input.u8(), input.u16());
        }
    }

    // ---- buffers

    /** An OFFER, whose first byte has been read. */
    void offer(InputReader input) {
        GuestQueue queue = queues[input.u8() % queues.length];
        int how = input.u8();
        int count = Operation.buffers(how);
        long writable = 0;
        for (int i = 0; i < count; i++) {
            int what = input.u8();
            int length = input.u8() << ((what & 8) != 0 ? 6 : 0);
            lengths[i] = length;
            flags[i] = (what & 1) != 0 ? GuestQueue.F_WRITE : 0;
            addresses[i] = (what & 4) != 0 ? -4096L + (what >>> 4) : place((what & 2) != 0, length);
            writable += (what & 1) != 0 ? length : 0;
        }
        int dataBytes = input.u8();
        int at = input.position();
        int taken = input.skip(dataBytes);
        if (!queue.ready()) {
            return;
        }
        scatter(count, input.bytes(), at, taken);
        give(queue, how, count, writable);
        if ((how & 4) == 0) {
            queue.show();
        }
        if ((how & 1) != 0) {
            kick(queue);
        }
    }

    private void give(GuestQueue queue, int how, int count, long writable) {
        boolean indirect = (how & 2) != 0 && nextTable + INDIRECT_BYTES <= BUFFERS;
        if (!indirect) {
            queue.offer(count, addresses, lengths, flags, writable);
            return;
        }
        long table = nextTable;
        queue.putIndirect(table, count, addresses, lengths, flags);
        one[0] = table;
        oneLength[0] = count * 16;
        oneFlags[0] = GuestQueue.F_INDIRECT;
        if (queue.offer(1, one, oneLength, oneFlags, writable)) {
            nextTable += INDIRECT_BYTES;
        }
    }

    /** A place for a buffer; when there is no more, the first ones again. */
    private long place(boolean high, int length) {
        if (high) {
            if (nextHigh + length > FuzzMemory.HIGH_BYTES) {
                nextHigh = 0;
            }
            long at = FuzzMemory.HIGH + nextHigh;
            nextHigh += length;
            return at;
        }
        if (nextLow + length > FuzzMemory.LOW_BYTES) {
            nextLow = BUFFERS;
        }
        long at = nextLow;
        nextLow += length;
        return at;
    }

    /** Puts the data into the buffers that the device reads, one after the other. */
    private void scatter(int count, byte[] data, int from, int dataBytes) {
        int done = 0;
        for (int i = 0; i < count && done < dataBytes; i++) {
            if (flags[i] == 0) {
                int part = Math.min(lengths[i], dataBytes - done);
                for (int b = 0; b < part; b++) {
                    memory.put8(addresses[i] + b, data[from + done + b]);
                }
                done += part;
            }
        }
    }

    private void kick(GuestQueue queue) {
        for (int i = 0; i < queues.length; i++) {
            if (queues[i] == queue) {
                machine.core().kick(i, machine.nowNs());
            }
        }
    }

    void suppress(int queue, int newFlags, int event) {
        queues[queue % queues.length].suppress(newFlags, event);
    }

    // ---- looking

    /** After each step: what has come back, and whether it was told. */
    public void check() {
        Watched heard = effects;
        boolean intx = heard != null && (heard.edges(vectors) > 0 || heard.asserted(vectors));
        int all = 0;
        for (int i = 0; i < queues.length; i++) {
            GuestQueue queue = queues[i];
            if (queue.trusted()) {
                int count = queue.reap();
                all += count;
                queue.returned += count;
                if (count > 0 && heard != null) {
                    told(queue, count, withVectors ? heard.edges(vector(i)) > 0 : intx);
                }
            }
        }
        if (!withVectors && (all & 1) != 0) {
            read(ISR, 1); // a driver's handler, when it gets round to it
        }
        if (heard != null) {
            heard.forget();
        }
    }

    private void told(GuestQueue queue, int count, boolean interrupted) {
        if (!live) {
            throw queue.finding("a buffer comes back before DRIVER_OK");
        }
        if (queue.wantsInterrupt(count) && !interrupted) {
            throw queue.finding(count + " buffers came back, and the driver that asked for it is not interrupted");
        }
    }

    // ---- the end

    /** Resets the device. */
    void beginReset() {
        reset();
        write(DEVICE_STATUS, 1, 0);
    }

    /** Whether it is reset. */
    boolean isReset() {
        return status() == 0;
    }

    /** All that was put in is shown, and every queue kicked. */
    void kickAll() {
        for (GuestQueue queue : queues) {
            if (queue.trusted() && live) {
                queue.show();
                kick(queue);
            }
        }
    }

    private boolean serves() {
        return live && (status() & (NEEDS_RESET | DRIVER_OK)) == DRIVER_OK;
    }

    /** Whether buffers of the queues that the device answers by itself have not come back. */
    boolean isWaiting(LongUnaryOperator answering) {
        if (!serves()) {
            return false;
        }
        long which = answering.applyAsLong(negotiated);
        for (int i = 0; i < queues.length; i++) {
            if ((which >>> i & 1) != 0 && queues[i].trusted() && queues[i].outstanding() > 0) {
                return true;
            }
        }
        return false;
    }

    /** They never did. */
    void complain(LongUnaryOperator answering) {
        long which = answering.applyAsLong(negotiated);
        for (int i = 0; i < queues.length; i++) {
            if ((which >>> i & 1) != 0 && queues[i].trusted() && queues[i].outstanding() > 0) {
                throw queues[i].finding(
                        queues[i].outstanding() + " buffers never come back, though the host does all it is asked");
            }
        }
    }
}
