package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageException;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.qcow2.MemoryStorage.Change;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Cuts a workload off after every single change of the file. The process's death: everything acknowledged is there, and the tables are
 * consistent up to leaked clusters. The host's death, after which only what was synchronized is certain and of the rest any part may be
 * there: the tables are consistent up to leaked clusters. Our own check judges every point, qemu-img a sample.
 */
class Qcow2CrashTest {
    private static final int STEPS = 50;
    /** More changes than this are sampled; -Dqcow2.cuts=1000000 takes every single one. */
    private static final int MOST_CUTS = Integer.getInteger("qcow2.cuts", 60);

    private static final int QEMU_SAMPLES = Math.max(4, MOST_CUTS / 100);
    private static final int DISK_BYTES = 3 << 19;

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    static Stream<String> options() {
        return Stream.of(
                "cluster_size=512",
                "cluster_size=512,refcount_bits=64,compat=1.1",
                "cluster_size=4k,compat=0.10",
                "cluster_size=4k,refcount_bits=1",
                "cluster_size=64k",
                "cluster_size=16k,extended_l2=on",
                "cluster_size=64k,lazy_refcounts=on,compression_type=zstd");
    }

    /** Where the list of changes stood before a step and when it had returned, and what the disk held then. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them, or changes them
    private record Acknowledged(int before, int changes, byte[] model, TestDisk.Step step) {}

    private static Qcow2Image open(MemoryStorage storage, @Nullable Backing backing) {
        return ImageOpener.open("crashed", storage, null, backing, new ImageOptions(1, false, 512, true), 1 << 18);
    }

    private static @Nullable Backing backing(byte @Nullable [] base) {
        return base == null ? null : new Backing.Raw(new MemoryStorage(base), base.length);
    }

    @ParameterizedTest
    @MethodSource("options")
    void newImage(String options) throws IOException {
        final Path image = directory.resolve("a.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), DISK_BYTES + "");
        cutEverywhere(image, null, options.hashCode());
    }

    @ParameterizedTest
    @MethodSource("options")
    void withASnapshotAndData(String options) throws IOException {
        if (options.contains("refcount_bits=1")) {
            return; // no room for snapshots
        }
        final Path image = directory.resolve("b.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), DISK_BYTES + "");
        Qemu.io(image, "write -P 1 0 512k", "write -P 2 1m 100k");
        Qemu.img("snapshot", "-c", "one", image.toString());
        Qemu.io(image, "write -P 5 50k 100k");
        cutEverywhere(image, null, options.hashCode() + 1);
    }

    @ParameterizedTest
    @MethodSource("options")
    void compressedOverABackingFile(String options) throws IOException {
        final Path source = directory.resolve("source.qcow2");
        final Path base = directory.resolve("base.raw");
        final Path image = directory.resolve("c.qcow2");
        final byte[] below = new byte[DISK_BYTES / 2];
        new SplittableRandom(1).nextBytes(below);
        Files.write(base, below);
        Qemu.img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.toString(), source.toString(), DISK_BYTES + "");
        Qemu.io(source, "write -P 1 0 450k", "write -P 3 1m 450k");
        Qemu.img(
                "convert",
                "-q",
                "-c",
                "-O",
                "qcow2",
                "-B",
                base.toString(),
                "-F",
                "raw",
                "-o",
                options,
                source.toString(),
                image.toString());
        cutEverywhere(image, below, options.hashCode() + 2);
    }

    private void cutEverywhere(Path image, byte @Nullable [] base, long seed) throws IOException {
        final SplittableRandom random = new SplittableRandom(seed);
        final byte[] start = Files.readAllBytes(image);
        final MemoryStorage storage = new MemoryStorage(start);
        final List<Acknowledged> points = new ArrayList<>();
        final byte[] first;
        try (TestDisk disk = new TestDisk(open(storage, backing(base)), 0)) {
            final byte[] model = disk.readAll();
            first = model.clone();
            for (int i = 0; i < STEPS; i++) {
                final int before = storage.changes().size();
                final TestDisk.Step step = disk.step(random, model, 0, DISK_BYTES);
                points.add(new Acknowledged(before, storage.changes().size(), model.clone(), step));
            }
        }
        final List<Change> changes = storage.changes();
        final MemoryStorage acknowledged = new MemoryStorage(start);
        int replayed = 0;
        for (Acknowledged point : points) {
            acknowledged.replay(changes.subList(replayed, point.changes()));
            replayed = point.changes();
            try (TestDisk disk = new TestDisk(open(new MemoryStorage(acknowledged.bytes()), backing(base)), 0)) {
                assertArrayEquals(point.model(), disk.readAll(), "seed " + seed + ", after " + point.changes());
            }
        }
        final int stride = Math.max(1, changes.size() / MOST_CUTS);
        final MemoryStorage done = new MemoryStorage(start);
        final MemoryStorage safe = new MemoryStorage(start);
        int made = 0;
        int synced = 0;
        for (int count = random.nextInt(stride); count <= changes.size(); count += stride) {
            done.replay(changes.subList(made, count));
            made = count;
            opens(new MemoryStorage(done.bytes()), base, "seed " + seed + ", cut after " + count);
            final int certain = MemoryStorage.synchronizedAt(changes, count);
            safe.replay(changes.subList(synced, certain));
            synced = certain;
            final MemoryStorage left = new MemoryStorage(safe.bytes());
            left.replaySome(changes.subList(certain, count), random);
            keepsWhatWasFlushed(left, base, first, points, count, "seed " + seed + ", power lost after " + count);
        }
        assertTrue(changes.size() > STEPS, "too little happened");
        for (int i = 0; i < QEMU_SAMPLES; i++) {
            final int count = random.nextInt(changes.size() + 1);
            final MemoryStorage left = i % 2 == 0
                    ? MemoryStorage.after(start, changes, count)
                    : MemoryStorage.afterPowerLoss(start, changes, count, random);
            final Path cut = directory.resolve("cut.qcow2");
            Files.write(cut, left.bytes());
            Qemu.check(cut, false, "seed " + seed + ", cut " + i + " after " + count);
            // Opened and closed here, it has no leaks any more.
            TestDisk.open(base == null ? new Path[] {cut} : new Path[] {cut, directory.resolve("base.raw")})
                    .close();
            Qemu.check(cut, true, "seed " + seed + ", cut " + i + " after " + count + ", opened once");
        }
    }

    /** It opens, and what was written before the last flush that was answered and not since is there. */
    private static void keepsWhatWasFlushed(
            MemoryStorage left,
            byte @Nullable [] base,
            byte[] first,
            List<Acknowledged> points,
            int count,
            String when) {
        byte[] expected = first;
        BitSet since = new BitSet();
        for (Acknowledged point : points) {
            if (point.step().flushed() && point.changes() <= count) {
                expected = point.model();
                since = new BitSet();
            } else if (point.before() < count) {
                since.set(point.step().from() / 512, point.step().to() / 512);
            }
        }
        try (TestDisk disk = new TestDisk(open(left, backing(base)), 0)) {
            final byte[] got = disk.readAll();
            since.set(DISK_BYTES / 512);
            for (int at = since.nextClearBit(0); at < DISK_BYTES / 512; at = since.nextClearBit(since.nextSetBit(at))) {
                final int end = since.nextSetBit(at) * 512;
                final int wrong = Arrays.mismatch(got, at * 512, end, expected, at * 512, end);
                assertEquals(-1, wrong, when + ", from sector " + at);
            }
        } catch (ImageException e) {
            fail(when, e);
        }
    }

    /** Four lanes at once, each on sectors of its own in clusters they share; cut off anywhere. */
    @ParameterizedTest
    @MethodSource("options")
    void severalLanes(String options) throws Exception {
        final Path image = directory.resolve("e.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), DISK_BYTES + "");
        Qemu.io(image, "write -P 1 0 512k");
        if (!options.contains("refcount_bits=1")) {
            Qemu.img("snapshot", "-c", "one", image.toString());
        }
        final byte[] start = Files.readAllBytes(image);
        final MemoryStorage storage = new MemoryStorage(start);
        try (Qcow2Image opened =
                        ImageOpener.open("lanes", storage, null, null, new ImageOptions(4, false, 512, true), 1 << 16);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            final List<Future<Boolean>> running = new ArrayList<>();
            for (int lane = 0; lane < 4; lane++) {
                final int number = lane;
                running.add(threads.submit(() -> work(opened, number)));
            }
            for (Future<Boolean> each : running) {
                assertTrue(each.get());
            }
        }
        final SplittableRandom random = new SplittableRandom(options.hashCode());
        final int size = storage.changes().size();
        for (int i = 0; i < MOST_CUTS / 2; i++) {
            final int count = random.nextInt(size + 1);
            opens(MemoryStorage.after(start, storage.changes(), count), null, "cut after " + count);
            opens(
                    MemoryStorage.afterPowerLoss(start, storage.changes(), count, random),
                    null,
                    "power lost after " + count);
        }
        Files.write(image, storage.bytes());
        Qemu.check(image, true, "after four lanes");
    }

    private static boolean work(Qcow2Image image, int lane) {
        final SplittableRandom random = new SplittableRandom(lane);
        final TestDisk disk = new TestDisk(image, lane);
        boolean good = true;
        for (int i = 0; i < 150; i++) {
            final int at = (random.nextInt(DISK_BYTES / 4096) * 4 + lane) * 1024;
            good &= switch (random.nextInt(6)) {
                case 0 -> image.writeZeroes(lane, at, 1024, BlockImage.MAY_UNMAP) == 0;
                case 1 -> image.flush(lane) == 0;
                default -> disk.tryWrite(at, new byte[1024], 0, 1024) == 0;
            };
        }
        return good;
    }

    /** A medium that fails now and then: calls fail, and what is left is consistent up to leaked clusters. */
    @ParameterizedTest
    @MethodSource("options")
    void failingMedium(String options) throws IOException {
        final Path image = directory.resolve("d.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), DISK_BYTES + "");
        Qemu.io(image, "write -P 1 0 512k", "write -P 2 1m 100k");
        if (!options.contains("refcount_bits=1")) {
            Qemu.img("snapshot", "-c", "one", image.toString());
        }
        final byte[] start = Files.readAllBytes(image);
        for (int seed = 0; seed < 40; seed++) {
            final SplittableRandom random = new SplittableRandom(seed);
            final MemoryStorage storage = new MemoryStorage(start);
            final Qcow2Image opened = open(storage, null);
            final TestDisk disk = new TestDisk(opened, 0);
            storage.failsOneOf(3 + random.nextInt(20));
            int failed = 0;
            for (int i = 0; i < 60; i++) {
                final int at = random.nextInt(DISK_BYTES / 512 - 300) * 512;
                final int bytes = (1 + random.nextInt(300)) * 512;
                final long result = switch (random.nextInt(5)) {
                    case 0 -> opened.writeZeroes(0, at, bytes, BlockImage.MAY_UNMAP);
                    case 1 -> opened.discard(0, at, bytes, 0);
                    case 2 -> opened.flush(0);
                    default -> disk.tryWrite(at, new byte[bytes], 0, bytes);
                };
                failed += result == 0 ? 0 : 1;
            }
            if (seed % 2 == 0) {
                storage.failsOneOf(0);
            }
            disk.close();
            assertTrue(failed > 0, "nothing failed");
            storage.failsOneOf(0);
            opens(new MemoryStorage(storage.bytes()), null, "seed " + seed);
            if (seed % 10 == 0) {
                Files.write(image, storage.bytes());
                Qemu.check(image, false, "seed " + seed);
            }
        }
    }

    private static void opens(MemoryStorage left, byte @Nullable [] base, String when) {
        try {
            open(left, backing(base)).close();
        } catch (ImageException e) {
            fail(when, e);
        }
    }
}
