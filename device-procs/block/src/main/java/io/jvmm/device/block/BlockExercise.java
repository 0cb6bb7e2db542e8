package io.jvmm.device.block;

import io.jvmm.device.virtio.VirtioFactory.VirtioExercise;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A driver's life in short: every request type, every answer, on split and on packed queues. */
final class BlockExercise {
    private static final int PAGE_BYTES = 4096;

    private static final int SECTORS = BlockFactory.SCRATCH_BYTES / BlockDevice.SECTOR_BYTES;

    private BlockExercise() {}

    static void run(VirtioExercise machine) {
        for (boolean packed : new boolean[] {false, true}) {
            machine.setUp(-1, packed);
            for (int i = 0; i < 16; i++) {
                int queue = i & 1;
                machine.offer(queue, header(RequestType.OUT, 8L * i, PAGE_BYTES), 1);
                machine.offer(queue, header(RequestType.IN, 8L * i, 0), PAGE_BYTES + 1);
                machine.reap();
            }
            machine.offer(0, header(RequestType.FLUSH, 0, 0), 1);
            machine.offer(0, header(RequestType.GET_ID, 0, 0), BlockConfig.SERIAL_LENGTH_BYTES + 1);
            machine.offer(0, range(RequestType.DISCARD, 0, 8, 0), 1);
            machine.offer(0, range(RequestType.WRITE_ZEROES, 8, 8, 0), 1);
            machine.offer(0, range(RequestType.WRITE_ZEROES, 16, 8, 1), 1);
            settle(machine);
            refused(machine);
            settle(machine);
        }
    }

    /** What a driver should not do. */
    private static void refused(VirtioExercise machine) {
        machine.offer(0, range(RequestType.DISCARD, 0, 8, 1), 1);
        machine.offer(0, header(RequestType.IN, SECTORS, 0), PAGE_BYTES + 1);
        machine.offer(0, header(RequestType.IN, 0, 0), 100);
        machine.offer(1, new byte[BlockDevice.HEADER_LENGTH_BYTES], 0);
        machine.offer(1, new byte[3], 1);
        machine.offer(1, new byte[] {99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1);
    }

    /** Lets the workers finish: they are other threads. */
    private static void settle(VirtioExercise machine) {
        for (int i = 0; i < 4; i++) {
            machine.advance(1_000);
            machine.reap();
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
