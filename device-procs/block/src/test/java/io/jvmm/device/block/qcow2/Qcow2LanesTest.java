package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several lanes at once, each on its own sectors, which are neighbours in the same clusters; and what a call costs. */
class Qcow2LanesTest {
    private static final int LANES = 4;
    private static final int DISK_BYTES = 12 << 20;
    private static final int BLOCK = 2048;

    /** O_DIRECT of x86-64. */
    private static final int DIRECT = 0x4000;

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cluster_size=64k",
                "cluster_size=4k",
                "cluster_size=512,refcount_bits=64",
                "cluster_size=16k,extended_l2=on",
                "cluster_size=64k,compression_type=zstd",
                "cluster_size=64k,compat=0.10"
            })
    void lanesShareClusters(String options) throws Exception {
        final Path source = directory.resolve("source.qcow2");
        final Path image = directory.resolve("a.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", source.toString(), DISK_BYTES + "");
        Qemu.io(source, "write -P 1 0 3m", "write -P 3 8m 3m");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-o", options, source.toString(), image.toString());
        Qemu.img("snapshot", "-c", "one", image.toString());
        Qemu.io(image, "write -P 5 2m 3m");
        final byte[] snapshot = Qemu.contents(image, "-l", "one");
        final byte[] model = Qemu.contents(image);
        try (Qcow2Image opened = TestDisk.image(false, LANES, image);
                ExecutorService threads = Executors.newFixedThreadPool(LANES)) {
            final List<Future<Integer>> running = new ArrayList<>();
            for (int lane = 0; lane < LANES; lane++) {
                final TestDisk disk = new TestDisk(opened, lane);
                final int number = lane;
                final Callable<Integer> work = () -> work(disk, number, model);
                running.add(threads.submit(work));
            }
            for (Future<Integer> each : running) {
                each.get();
            }
            assertArrayEquals(model, new TestDisk(opened, 0).readAll());
        }
        Qemu.check(image, true, "after " + LANES + " lanes");
        assertArrayEquals(model, Qemu.contents(image));
        assertArrayEquals(snapshot, Qemu.contents(image, "-l", "one"));
    }

    /** Blocks of which every fourth is this lane's. */
    private static int work(TestDisk disk, int lane, byte[] model) {
        final SplittableRandom random = new SplittableRandom(lane);
        final int blocks = DISK_BYTES / BLOCK / LANES;
        for (int i = 0; i < 1000; i++) {
            final int at = (random.nextInt(blocks) * LANES + lane) * BLOCK;
            switch (random.nextInt(8)) {
                case 0 -> {
                    assertEquals(
                            0, disk.image().writeZeroes(lane, at, BLOCK, random.nextInt(2) * BlockImage.MAY_UNMAP));
                    java.util.Arrays.fill(model, at, at + BLOCK, (byte) 0);
                }
                case 1 -> {
                    final byte[] got = disk.read(at, BLOCK);
                    assertEquals(-1, java.util.Arrays.mismatch(got, 0, BLOCK, model, at, at + BLOCK), "at " + at);
                }
                case 2 ->
                    assertEquals(0, random.nextInt(10) > 0 ? 0 : disk.image().flush(lane));
                default -> {
                    final byte[] data = new byte[BLOCK];
                    random.nextBytes(data);
                    disk.write(at, data);
                    System.arraycopy(data, 0, model, at, BLOCK);
                }
            }
        }
        return lane;
    }

    /** Lookups, reads and writes of what has a place, zeros, and taking places: nothing on the heap. */
    @Test
    void nothingIsAllocated() {
        final Path image = directory.resolve("b.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", image.toString(), "1g");
        Qemu.io(image, "write -P 1 0 16m");
        final IoVector vector = new IoVector(4);
        final MemorySegment buffer = Arena.ofAuto().allocate(65536, 4096);
        final SplittableRandom random = new SplittableRandom(1);
        try (Qcow2Image opened = TestDisk.image(false, 1, image)) {
            Allocations.assertNone("reads and writes in place", () -> {
                final long at = random.nextInt(4000) * 4096L;
                vector.clear();
                vector.add(buffer, 0, 4096);
                assertZero(opened.read(0, at, vector, 0));
                vector.clear();
                vector.add(buffer, 0, 4096);
                assertZero(opened.write(0, at, vector, 0));
            });
            final long[] next = {16 << 20};
            Allocations.assertNone("new places, zeros, discards", () -> {
                final long at = next[0];
                next[0] = at + 65536 < 900 << 20 ? at + 4096 : 16 << 20;
                vector.clear();
                vector.add(buffer, 0, 4096);
                assertZero(opened.write(0, at, vector, 0));
                if (at % (1 << 20) == 0) {
                    assertZero(opened.writeZeroes(0, at - (1 << 20), 1 << 20, BlockImage.MAY_UNMAP));
                }
            });
        }
        Qemu.check(image, true, "afterwards");
    }

    private static void assertZero(long result) {
        if (result != 0) {
            throw new AssertionError("result " + result);
        }
    }

    @Test
    void directAccess() throws Exception {
        // Not /tmp, which may be memory, that knows no direct access.
        final Path place = Path.of("target").toAbsolutePath();
        final Path image = java.nio.file.Files.createTempFile(place, "direct", ".qcow2");
        try {
            Qemu.img("create", "-q", "-f", "qcow2", "-o", "cluster_size=64k", image.toString(), "8m");
            Qemu.io(image, "write -P 1 0 1m");
            final Fd fd = FileIo.open(image, FileIo.READ_WRITE | DIRECT, 0);
            final ImageSource source = new ImageSource("direct", ImageSource.Format.QCOW2, fd);
            final byte[] model = Qemu.contents(image);
            try (TestDisk disk =
                    new TestDisk(Qcow2Image.open(List.of(source), new ImageOptions(1, false, 4096, true)), 0)) {
                final SplittableRandom random = new SplittableRandom(5);
                for (int i = 0; i < 200; i++) {
                    final int at = random.nextInt(2000) * 4096;
                    final byte[] data = new byte[4096 * (1 + random.nextInt(10))];
                    random.nextBytes(data);
                    disk.write(at, data);
                    System.arraycopy(data, 0, model, at, data.length);
                }
                assertArrayEquals(model, disk.readAll());
            }
            Qemu.check(image, true, "written directly");
            assertArrayEquals(model, Qemu.contents(image));
        } finally {
            java.nio.file.Files.delete(image);
        }
    }
}
