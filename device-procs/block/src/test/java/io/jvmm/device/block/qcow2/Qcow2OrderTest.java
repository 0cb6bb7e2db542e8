package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The order of writes, seen from the file: what must be there before something else relies on it. */
class Qcow2OrderTest {
    private static final int CLUSTER = 64 * 1024;
    private static final int LANES = 2;

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    private static Qcow2Image open(Storage storage) {
        return ImageOpener.open("ordered", storage, null, null, new ImageOptions(LANES, false, 512, true), 1 << 18);
    }

    private Path image(String... shell) throws IOException {
        final Path image = directory.resolve("a.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", "cluster_size=64k", image.toString(), "1M");
        if (shell.length > 0) {
            Qemu.io(image, shell);
        }
        return image;
    }

    /** Runs something before each write of the file. */
    private static final class Watched implements Storage {
        private final MemoryStorage file;
        private Runnable watcher = () -> {};

        Watched(MemoryStorage file) {
            this.file = file;
        }

        @Override
        public long read(int lane, long position, IoVector into, int flags) {
            return file.read(lane, position, into, flags);
        }

        @Override
        public long write(int lane, long position, IoVector from, int flags) {
            watcher.run();
            return file.write(lane, position, from, flags);
        }

        @Override
        public long sync() {
            return file.sync();
        }

        @Override
        public long punchHole(long position, long lengthBytes) {
            return file.punchHole(position, lengthBytes);
        }

        @Override
        public long lengthBytes() {
            return file.lengthBytes();
        }

        @Override
        public int alignmentBytes() {
            return 1;
        }

        @Override
        public void close() {}
    }

    /** Or that lane's write, which has returned, would be lost with this process, or when the table cannot be written. */
    @Test
    void noOtherLaneUsesAPlaceTheFileDoesNotNameYet() throws IOException {
        final Watched storage = new Watched(MemoryStorage.of(image()));
        try (Qcow2Image opened = open(storage)) {
            new TestDisk(opened, 0).fill(0, 512, 1);
            final IoVector vector = new IoVector(1);
            final int[] tries = new int[1];
            storage.watcher = () -> {
                final Runnable watcher = storage.watcher;
                storage.watcher = () -> {};
                vector.clear();
                vector.add(Arena.ofAuto().allocate(512), 0, 512);
                final long result = opened.write(1, CLUSTER + 4096, vector, BlockImage.NO_WAIT);
                assertEquals(-Errno.EAGAIN.number(), result, "write " + tries[0]);
                tries[0]++;
                storage.watcher = watcher;
            };
            new TestDisk(opened, 0).fill(CLUSTER, 512, 2);
            storage.watcher = () -> {};
            assertTrue(tries[0] >= 2, "data and table");
            vector.clear();
            vector.add(Arena.ofAuto().allocate(512), 0, 512);
            assertEquals(0, opened.write(1, CLUSTER + 4096, vector, BlockImage.NO_WAIT), "now it does");
        }
    }

    /** What lies beside a write in its cluster was flushed long ago, and is not lost because the cluster gets a new place. */
    @Test
    void whatIsCopiedSurvivesTheHostsDeath() throws IOException {
        final Path image = image("write -P 7 0 64k");
        Qemu.img("snapshot", "-c", "one", image.toString());
        final byte[] start = Files.readAllBytes(image);
        final MemoryStorage storage = new MemoryStorage(start);
        new TestDisk(open(storage), 0).fill(4096, 512, 9);
        final List<MemoryStorage.Change> changes = storage.changes();
        final SplittableRandom random = new SplittableRandom(1);
        for (int cut = 0; cut <= changes.size(); cut++) {
            for (int i = 0; i < 6; i++) {
                final MemoryStorage after = MemoryStorage.afterPowerLoss(start, changes, cut, random);
                final byte[] got = new TestDisk(open(after), 0).read(0, CLUSTER);
                for (int at = 0; at < CLUSTER; at += 512) {
                    if (at != 4096) {
                        assertEquals(7, got[at], "cut " + cut + ", at " + at);
                    }
                }
            }
        }
    }

    /** Data is as safe as the entry that names its place, which another write may have made without waiting for the medium. */
    @Test
    void aDurableWriteMakesTheEntryOfItsPlaceDurable() throws IOException {
        final MemoryStorage storage = MemoryStorage.of(image());
        try (Qcow2Image opened = open(storage)) {
            new TestDisk(opened, 0).fill(0, 512, 1);
            assertFalse(storage.changes().getLast().isSync(), "written, and no more");
            final IoVector vector = new IoVector(1);
            vector.add(Arena.ofAuto().allocate(512), 0, 512);
            assertEquals(0, opened.write(1, 4096, vector, BlockImage.DURABLE));
            assertTrue(storage.changes().getLast().isSync());
            final int changes = storage.changes().size();
            vector.clear();
            vector.add(Arena.ofAuto().allocate(512), 0, 512);
            assertEquals(0, opened.write(1, 8192, vector, BlockImage.DURABLE));
            assertEquals(changes + 1, storage.changes().size(), "once is enough");
        }
    }

    /** A header that could not be written does not count as written when the guest tries again. */
    @Test
    void autoclearBitsAreClearedEvenAtTheSecondTry() throws IOException {
        final byte[] start = Files.readAllBytes(image());
        final int autoclear = HeaderField.AUTOCLEAR_FEATURES.offset() + 7;
        start[autoclear] = 1;
        final MemoryStorage storage = new MemoryStorage(start);
        final Qcow2Image opened = open(storage);
        storage.failsOneOf(1);
        assertNotEquals(0, new TestDisk(opened, 0).tryWrite(0, new byte[512], 0, 512));
        storage.failsOneOf(0);
        assertEquals(0, new TestDisk(opened, 0).tryWrite(0, new byte[512], 0, 512));
        assertEquals(0, storage.bytes()[autoclear]);
    }
}
