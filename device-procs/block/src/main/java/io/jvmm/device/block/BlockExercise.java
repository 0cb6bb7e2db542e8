package io.jvmm.device.block;

import io.jvmm.device.virtio.VirtioFactory.VirtioExercise;
import io.jvmm.device.virtio.VirtioFeature;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.locks.LockSupport;

/** A driver's life in short: every request type, every answer, on split and on packed queues. */
final class BlockExercise {
    /** Where BAR 0 has the device configuration. */
    private static final int CONFIGURATION = 0x2000;

    private static final int SECTORS = ScratchImage.LENGTH_BYTES / BlockDevice.SECTOR_BYTES;

    private static final int MOST_LOOKS = 10_000;
    private static final long PAUSE_NS = 20_000;

    private BlockExercise() {}

    static void run(VirtioExercise machine) {
        long features = BlockFeatures.offered(BlockConfig.of(new BlockFactory().exampleConfig()));
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(packed ? features : features & ~VirtioFeature.RING_PACKED, packed);
            for (int cluster = 0; cluster < 3; cluster++) {
                machine.offer(0, header(RequestType.IN, 8L * cluster, 0), BlockDevice.SECTOR_BYTES + 1);
            }
            settle(machine);
            configuration(machine);
            for (int i = 0; i < 16; i++) {
                int queue = i & 1;
                machine.offer(queue, header(RequestType.OUT, i, BlockDevice.SECTOR_BYTES), 1);
                machine.offer(queue, header(RequestType.IN, i, 0), BlockDevice.SECTOR_BYTES + 1);
                settle(machine);
            }
            machine.offer(0, header(RequestType.FLUSH, 0, 0), 1);
            machine.offer(0, header(RequestType.GET_ID, 0, 0), BlockConfig.SERIAL_LENGTH_BYTES + 1);
            machine.offer(1, range(RequestType.DISCARD, 0, 8, 0), 1);
            machine.offer(1, range(RequestType.WRITE_ZEROES, 4, 8, 0), 1);
            settle(machine);
            machine.offer(0, range(RequestType.WRITE_ZEROES, 16, 8, 1), 1);
            settle(machine);
            refused(machine);
        }
    }

    /** The driver reads its disk's facts, and chooses writing through and back again. */
    private static void configuration(VirtioExercise machine) {
        for (BlockField field : BlockField.values()) {
            machine.read(0, CONFIGURATION + field.offset(), Integer.lowestOneBit(field.widthBytes()));
        }
        machine.write(0, CONFIGURATION + BlockField.WRITEBACK.offset(), 1, 0);
        machine.offer(0, header(RequestType.OUT, 1, BlockDevice.SECTOR_BYTES), 1);
        settle(machine);
        machine.write(0, CONFIGURATION + BlockField.WRITEBACK.offset(), 1, 1);
    }

    /** What a driver should not do. */
    private static void refused(VirtioExercise machine) {
        machine.offer(0, range(RequestType.DISCARD, 0, 8, 1), 1);
        machine.offer(0, header(RequestType.IN, SECTORS, 0), BlockDevice.SECTOR_BYTES + 1);
        machine.offer(0, header(RequestType.IN, 0, 0), 100);
        machine.offer(1, new byte[BlockDevice.HEADER_LENGTH_BYTES], 0);
        machine.offer(1, new byte[3], 1);
        machine.offer(1, new byte[] {99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1);
        settle(machine);
    }

    /** Lets the workers finish: they are other threads. */
    private static void settle(VirtioExercise machine) {
        for (int i = 0; i < MOST_LOOKS && !machine.allBack(); i++) {
            machine.advance(1_000);
            machine.reap();
            if (i > 1) {
                LockSupport.parkNanos(PAUSE_NS);
            }
        }
    }

    private static byte[] header(RequestType type, long sector, int dataBytes) {
        return ByteBuffer.allocate(BlockDevice.HEADER_LENGTH_BYTES + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(type.number())
                .putInt(0)
                .putLong(sector)
                .array();
    }

    private static byte[] range(RequestType type, long sector, int sectors, int flags) {
        ByteBuffer request = ByteBuffer.allocate(2 * BlockDevice.HEADER_LENGTH_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(type.number())
                .putInt(0)
                .putLong(0);
        return request.putLong(sector).putInt(sectors).putInt(flags).array();
    }
}
