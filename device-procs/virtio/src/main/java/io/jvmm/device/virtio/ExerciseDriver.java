package io.jvmm.device.virtio;

import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.ScriptDriver;
import io.jvmm.ipc.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * The smallest driver there is, for warming up: small rings of both formats in scratch memory, one buffer a request with at most one
 * readable and one writable descriptor. It trusts its device.
 *
 * <pre>
 *   scratch memory of queue Q, 16 KiB each: 0 descriptors   0x400 driver area   0x800 device area   0x1000 buffers, 2560 bytes a slot
 * </pre>
 */
final class ExerciseDriver implements VirtioFactory.VirtioExercise, ScriptDriver {
    private static final int MOST_SIZE = 8;
    private static final int SLOT_BYTES = 2560;
    private static final int QUEUE_BYTES = 0x4000;
    private static final int DRIVER_AREA = 0x400;
    private static final int DEVICE_AREA = 0x800;
    private static final int BUFFERS = 0x1000;
    private static final int READABLE_BYTES = 1024;

    private final Exercise machine;
    private final VirtioIdentity identity;
    private final GuestMemory memory;
    private final int queues;
    private boolean packed;
    /** Per queue: how many buffers were offered, how many came back. */
    private final int[] offered;

    private final int[] reaped;

    ExerciseDriver(Exercise machine, VirtioIdentity identity) {
        this.machine = machine;
        this.identity = identity;
        this.memory = machine.memory();
        this.queues = (int) Math.min(identity.queueSizes().size(), memory.lengthBytes() / QUEUE_BYTES);
        this.offered = new int[queues];
        this.reaped = new int[queues];
    }

    private int size(int queue) {
        return Math.min(MOST_SIZE, identity.queueSizes().get(queue));
    }

    private static long base(int queue) {
        return (long) queue * QUEUE_BYTES;
    }

    private void common(CommonConfig register, long value) {
        if (register.widthBytes() == 8) {
            machine.write(0, register.offset(), 4, value & 0xFFFF_FFFFL);
            machine.write(0, register.offset() + 4, 4, value >>> 32);
        } else {
            machine.write(0, register.offset(), register.widthBytes(), value);
        }
    }

    @Override
    public void setUp(long features, boolean usePacked) {
        packed = usePacked;
        // Accepting what is not offered would be refused (§3.1.1), and nothing after it exercised.
        long wanted = (features & identity.features())
                | VirtioFeature.VERSION_1
                | (usePacked ? VirtioFeature.RING_PACKED : 0);
        common(CommonConfig.DEVICE_STATUS, 0);
        common(CommonConfig.DEVICE_STATUS, CommonConfig.ACKNOWLEDGE | CommonConfig.DRIVER);
        for (int half = 0; half < 2; half++) {
            common(CommonConfig.DEVICE_FEATURE_SELECT, half);
            machine.read(0, CommonConfig.DEVICE_FEATURE.offset(), 4);
            common(CommonConfig.DRIVER_FEATURE_SELECT, half);
            common(CommonConfig.DRIVER_FEATURE, (wanted >>> (32 * half)) & 0xFFFF_FFFFL);
        }
        int status = CommonConfig.ACKNOWLEDGE | CommonConfig.DRIVER | CommonConfig.FEATURES_OK;
        common(CommonConfig.DEVICE_STATUS, status);
        machine.read(0, CommonConfig.DEVICE_STATUS.offset(), 1);
        common(CommonConfig.CONFIG_MSIX_VECTOR, 0);
        for (int queue = 0; queue < queues; queue++) {
            setUpQueue(queue);
        }
        common(CommonConfig.DEVICE_STATUS, status | CommonConfig.DRIVER_OK);
    }

    private void setUpQueue(int queue) {
        memory.fill(base(queue), BUFFERS, (byte) 0);
        offered[queue] = 0;
        reaped[queue] = 0;
        common(CommonConfig.QUEUE_SELECT, queue);
        machine.read(0, CommonConfig.QUEUE_SIZE.offset(), 2);
        common(CommonConfig.QUEUE_SIZE, size(queue));
        common(CommonConfig.QUEUE_MSIX_VECTOR, queue + 1);
        common(CommonConfig.QUEUE_DESC, base(queue));
        common(CommonConfig.QUEUE_DRIVER, base(queue) + DRIVER_AREA);
        common(CommonConfig.QUEUE_DEVICE, base(queue) + DEVICE_AREA);
        common(CommonConfig.QUEUE_ENABLE, 1);
    }

    /** What a bad driver does: behind the filter no class can be loaded to answer it with. */
    void misbehave() {
        for (boolean usePacked : new boolean[] {false, true}) {
            if (usePacked && (identity.features() & VirtioFeature.RING_PACKED) == 0) {
                continue;
            }
            setUp(usePacked);
            machine.read(0, 1, 1);
            machine.write(0, CommonConfig.NUM_QUEUES.offset(), 2, 0);
            machine.write(0, CommonConfig.QUEUE_ENABLE.offset(), 2, 0);
            machine.read(0, FunctionLayout.ISR, 1);
            machine.kick(VirtioIdentity.MAX_QUEUES);
            for (int queue = 0; queue < queues; queue++) {
                nonsense(queue, ChainReader.WRITE, 0);
            }
            for (int queue = 0; queue < queues; queue++) {
                nonsense(queue, ChainReader.NEXT, 1);
            }
        }
        common(CommonConfig.DEVICE_STATUS, 0);
        machine.read(0, CommonConfig.DEVICE_STATUS.offset(), 1);
    }

    /** All descriptors of a queue point nowhere; with NEXT they are a loop, too. */
    private void nonsense(int queue, int flags, int number) {
        for (int at = 0; at < size(queue); at++) {
            long rest = packed ? (flags | 1L << 7) << 48 : (long) flags << 32 | (long) at << 48;
            memory.put64(base(queue) + 16L * at, -1);
            memory.put64(base(queue) + 16L * at + 8, 16 | rest);
        }
        memory.put16(base(queue) + DRIVER_AREA + 4 + 2L * (number & (size(queue) - 1)), (short) 0);
        memory.put16(base(queue) + DRIVER_AREA + 2, (short) (packed ? 0 : number + 1));
        VarHandle.fullFence();
        machine.kick(queue);
    }

    @Override
    public boolean offer(int queue, byte[] readable, int writableBytes) {
        int most = queue < queues ? Math.max(size(queue) / 2, 1) : 0;
        if (most == 0 || offered[queue] - reaped[queue] >= most) {
            return false; // a device that keeps its buffers has enough of them
        }
        int number = offered[queue]++;
        int slot = number % most;
        long buffer = base(queue) + BUFFERS + (long) slot * SLOT_BYTES;
        int readableBytes = Math.min(readable.length, READABLE_BYTES);
        for (int i = 0; i < readableBytes; i++) {
            memory.put8(buffer + i, readable[i]);
        }
        int room = Math.min(writableBytes, SLOT_BYTES - READABLE_BYTES);
        if (packed) {
            offerPacked(queue, number, slot, buffer, readableBytes, room);
        } else {
            offerSplit(queue, number, slot, buffer, readableBytes, room);
        }
        machine.kick(queue);
        return true;
    }

    /** Slot S has descriptors 2S and 2S+1; a part that is empty is left out. */
    private void offerSplit(int queue, int number, int slot, long buffer, int readableBytes, int writableBytes) {
        boolean both = readableBytes > 0 && writableBytes > 0 && size(queue) > 1;
        int head = 2 * slot;
        long table = base(queue);
        long first = readableBytes > 0 ? buffer : buffer + READABLE_BYTES;
        int firstBytes = readableBytes > 0 ? readableBytes : writableBytes;
        int flags = (readableBytes > 0 ? 0 : ChainReader.WRITE) | (both ? ChainReader.NEXT : 0);
        memory.put64(table + 16L * head, first);
        memory.put64(table + 16L * head + 8, firstBytes | (long) flags << 32 | (long) (head + 1) << 48);
        if (both) {
            memory.put64(table + 16L * (head + 1), buffer + READABLE_BYTES);
            memory.put64(table + 16L * (head + 1) + 8, writableBytes | (long) ChainReader.WRITE << 32);
        }
        long available = base(queue) + DRIVER_AREA;
        memory.put16(available + 4 + 2L * (number & size(queue) - 1), (short) head);
        memory.put16ReleaseAt(memory.resolve(available + 2, 2), (short) (number + 1));
        VarHandle.fullFence();
    }

    /** Every buffer takes two slots, so that half the ring's size makes a lap; one that needs a single slot is cut in two. */
    private void offerPacked(int queue, int number, int slot, long buffer, int readableBytes, int writableBytes) {
        int laps = number / Math.max(size(queue) / 2, 1);
        int marks = (laps & 1) == 0 ? 1 << 7 : 1 << 15;
        int at = 2 * slot;
        long ring = base(queue);
        boolean read = readableBytes > 0;
        long second = read && writableBytes == 0 ? buffer + readableBytes / 2 : buffer + READABLE_BYTES;
        int firstBytes = read ? writableBytes == 0 ? readableBytes / 2 : readableBytes : writableBytes / 2;
        int secondBytes =
                read ? writableBytes == 0 ? readableBytes - firstBytes : writableBytes : writableBytes - firstBytes;
        long first = read ? buffer : buffer + READABLE_BYTES;
        if (!read) {
            second = first + firstBytes;
        }
        int firstFlags = marks | ChainReader.NEXT | (read ? 0 : ChainReader.WRITE);
        int secondFlags = marks | (read && writableBytes == 0 ? 0 : ChainReader.WRITE);
        memory.put64(ring + 16L * (at + 1), second);
        memory.put64(ring + 16L * (at + 1) + 8, secondBytes | (long) slot << 32 | (long) secondFlags << 48);
        memory.put64(ring + 16L * at, first);
        memory.put32(ring + 16L * at + 8, firstBytes);
        memory.put32ReleaseAt(memory.resolve(ring + 16L * at + 12, 4), slot | firstFlags << 16);
        VarHandle.fullFence();
    }

    @Override
    public void setUp(boolean usePacked) {
        setUp((identity.features() & ~VirtioFeature.TRANSPORT_BITS) | VirtioFeature.INDIRECT_DESC, usePacked);
    }

    @Override
    public List<String> completions() {
        List<String> lines = new ArrayList<>();
        for (int queue = 0; queue < queues; queue++) {
            int before = reaped[queue];
            reap(queue);
            for (int number = before; number != reaped[queue]; number++) {
                lines.add(describe(queue, number));
            }
        }
        return lines;
    }

    @Override
    public void reap() {
        for (int queue = 0; queue < queues; queue++) {
            reap(queue);
        }
    }

    private void reap(int queue) {
        if (packed) {
            reapPacked(queue);
        } else {
            int used = memory.get16(base(queue) + DEVICE_AREA + 2, (short) 0) & 0xFFFF;
            reaped[queue] += used - reaped[queue] & 0xFFFF;
        }
    }

    /** How many buffers of a queue have come back since it was set up. */
    int reaped(int queue) {
        return reaped[queue];
    }

    @Override
    public boolean allBack() {
        for (int queue = 0; queue < queues; queue++) {
            if (reaped[queue] != offered[queue]) {
                return false;
            }
        }
        return true;
    }

    private void reapPacked(int queue) {
        int most = Math.max(size(queue) / 2, 1);
        while (reaped[queue] != offered[queue]) {
            boolean lap = (reaped[queue] / most & 1) == 0;
            int flags = memory.get16(base(queue) + 32L * (reaped[queue] % most) + 14, (short) 0);
            if ((flags & 1 << 7) != 0 != lap || (flags & 1 << 15) != 0 != lap) {
                return;
            }
            reaped[queue]++;
        }
    }

    private String describe(int queue, int number) {
        int most = Math.max(size(queue) / 2, 1);
        long element = base(queue) + DEVICE_AREA + 4 + 8L * (number & size(queue) - 1);
        int slot = packed ? number % most : memory.get32(element, 0) / 2;
        long length = packed ? base(queue) + 32L * slot + 8 : element + 4;
        int lengthBytes = Math.clamp(memory.get32(length, 0), 0, SLOT_BYTES - READABLE_BYTES);
        long buffer = base(queue) + BUFFERS + (long) slot * SLOT_BYTES + READABLE_BYTES;
        StringBuilder text = new StringBuilder("queue " + queue + ": " + lengthBytes + " bytes");
        for (int i = 0; i < lengthBytes; i++) {
            text.append(i == 0 ? ": " : " ").append(String.format("%02x", memory.get8(buffer + i, (byte) 0)));
        }
        return text.toString();
    }

    // ---- the machine's own

    @Override
    public void read(int region, int offset, int widthBytes) {
        machine.read(region, offset, widthBytes);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        machine.write(region, offset, widthBytes, value);
    }

    @Override
    public void kick(int queue) {
        machine.kick(queue);
    }

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public void hostInput(int port, String text) {
        machine.hostInput(port, text);
    }

    @Override
    public void advance(long durationNs) {
        machine.advance(durationNs);
    }

    @Override
    public void resample(int line) {
        machine.resample(line);
    }

    @Override
    public void powerButton() {
        machine.powerButton();
    }
}
