package io.jvmm.device.block;

import io.jvmm.device.virtio.rig.Completion;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A block device in the rig over a disk in memory, and the requests a driver makes of it (virtio 1.2 §5.2.6). */
final class Disk implements AutoCloseable {
    // Numbers of the specification, on purpose not those of the code.
    static final int IN = 0;
    static final int OUT = 1;
    static final int FLUSH = 4;
    static final int GET_ID = 8;
    static final int DISCARD = 11;
    static final int WRITE_ZEROES = 13;

    static final int OK = 0;
    static final int IOERR = 1;
    static final int UNSUPP = 2;

    static final int SECTOR = 512;
    static final int LENGTH_BYTES = 1 << 20;
    static final int SECTORS = LENGTH_BYTES / SECTOR;

    final VirtioRig rig;
    final RigDriver driver;
    final MemFd file;
    private final MemorySegment buffer = Arena.ofAuto().allocate(LENGTH_BYTES);

    /** The usual device with all features on split queues. Entries as {@code key=value}, of function 0. */
    Disk(String... entries) {
        this(new BlockFactory(), entries);
    }

    Disk(BlockFactory factory, String... entries) {
        this(factory, -1L & ~RigDriver.F_RING_PACKED, entries);
    }

    Disk(BlockFactory factory, long features, String... entries) {
        file = MemFd.create("disk", LENGTH_BYTES);
        byte[] content = new byte[LENGTH_BYTES];
        new Random(5).nextBytes(content);
        MemorySegment.copy(content, 0, buffer, ValueLayout.JAVA_BYTE, 0, LENGTH_BYTES);
        FileIo.tryWriteAt(file.fd(), 0, buffer, 0, LENGTH_BYTES);
        Map<String, String> all =
                new HashMap<>(Map.of("0.queues", "1", "0.queue-size", "128", "0.io-threads", "2", "0.format", "raw"));
        for (String entry : entries) {
            all.put("0." + entry.substring(0, entry.indexOf('=')), entry.substring(entry.indexOf('=') + 1));
        }
        Map<String, Fd> descriptors = Map.of("0.image", file.fd());
        rig = new VirtioRig(factory, all, descriptors, 16 << 20);
        driver = rig.driver(0).setUp(features);
    }

    static byte[] header(int type, long sector) {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(type)
                .putInt(0)
                .putLong(sector)
                .array();
    }

    /** Ranges: sector, sectors, flags each. */
    static byte[] ranges(int type, long... ranges) {
        ByteBuffer request = ByteBuffer.allocate(16 + 16 * (ranges.length / 3)).order(ByteOrder.LITTLE_ENDIAN);
        request.putInt(type).putInt(0).putLong(0);
        for (int i = 0; i < ranges.length; i += 3) {
            request.putLong(ranges[i]).putInt((int) ranges[i + 1]).putInt((int) ranges[i + 2]);
        }
        return request.array();
    }

    static byte[] join(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** Makes a request and waits for it: the whole writable part, the status last. */
    byte[] request(byte[] readable, int writableBytes) {
        RigQueue queue = driver.queue(0);
        queue.offer(readable, writableBytes);
        queue.kick();
        return await(queue).writable();
    }

    Completion await(RigQueue queue) {
        List<Completion> done = await(queue, 1);
        return done.getFirst();
    }

    List<Completion> await(RigQueue queue, int count) {
        List<Completion> done = new ArrayList<>();
        rig.await(count + " answers", () -> {
            for (Completion one = queue.reap(); one != null; one = queue.reap()) {
                done.add(one);
            }
            return done.size() >= count;
        });
        return done;
    }

    static int status(byte[] writable) {
        return writable[writable.length - 1];
    }

    static int status(Completion completion) {
        return status(completion.writable());
    }

    int write(long sector, byte[] data) {
        return status(request(join(header(OUT, sector), data), 1));
    }

    byte[] read(long sector, int bytes) {
        return request(header(IN, sector), bytes + 1);
    }

    int flush() {
        return status(request(header(FLUSH, 0), 1));
    }

    /** What the disk's file holds. */
    byte[] content() {
        FileIo.tryReadAt(file.fd(), 0, buffer, 0, LENGTH_BYTES);
        return buffer.toArray(ValueLayout.JAVA_BYTE);
    }

    byte[] content(long sector, int bytes) {
        return Arrays.copyOfRange(content(), (int) sector * SECTOR, (int) sector * SECTOR + bytes);
    }

    static byte[] pattern(long seed, int bytes) {
        byte[] data = new byte[bytes];
        new Random(seed).nextBytes(data);
        return data;
    }

    @Override
    public void close() {
        rig.close();
        file.close();
    }
}
