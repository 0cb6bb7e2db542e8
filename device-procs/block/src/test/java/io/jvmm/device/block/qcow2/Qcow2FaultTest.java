package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.device.block.qcow2.MemoryStorage.Change;
import io.jvmm.device.block.qcow2.MemoryStorage.Fault;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A medium that fails at one operation, or from one on: not at all, half way, or after having done it nevertheless. Of the guest's calls
 * the one that needed it fails and those after it work; sectors hold what they held or what was written to them; what is left is
 * consistent up to leaked clusters, for our own check at every point of the rest of the workload and for qemu-img at its end; the
 * snapshot is what it was.
 *
 * <p>{@code -Dqcow2.faults=N}: runs per kind of image; they are spread over all operations of the workload and all kinds of failure.
 */
class Qcow2FaultTest {
    private static final int RUNS = Integer.getInteger("qcow2.faults", 12);
    private static final List<Fault> FAULTS = List.of(Fault.values());
    private static final int STEPS = 45;
    private static final int DISK_BYTES = 3 << 18;

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    static Stream<String> options() {
        return Stream.of(
                "cluster_size=512",
                "cluster_size=512,refcount_bits=64",
                "cluster_size=512,refcount_bits=64,short=yes",
                "cluster_size=512,refcount_bits=64,full=yes",
                "cluster_size=4k,compat=0.10",
                "cluster_size=16k,extended_l2=on",
                "cluster_size=64k,compression_type=zstd");
    }

    private Path image(String options) throws IOException {
        final boolean isShort = options.endsWith(",short=yes");
        // So full that the refcount table, which speaks of 2 MiB, is going to grow.
        final boolean isFull = options.endsWith(",full=yes");
        final Path source = directory.resolve("source.qcow2");
        final Path image = directory.resolve("image.qcow2");
        // A size that is raised afterwards leaves an L1 table that is too short, to grow with the first change.
        Qemu.img(
                "create",
                "-q",
                "-f",
                "qcow2",
                source.toString(),
                (isShort ? DISK_BYTES / 2 : isFull ? 4 * DISK_BYTES : DISK_BYTES) + "");
        Qemu.io(source, "write -P 1 0 100k", "write -P 3 200k 70k");
        final String usable = options.replaceAll(",(short|full)=yes", "");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-o", usable, source.toString(), image.toString());
        Qemu.io(image, "write -P 4 90k 50k", "write -z 250k 30k");
        if (isFull) {
            Qemu.io(image, "write -P 8 768k 1200k");
        }
        Qemu.img("snapshot", "-c", "one", image.toString());
        Qemu.io(image, "write -P 5 130k 70k");
        if (isShort) {
            final byte[] bytes = Files.readAllBytes(image);
            HeaderField.SIZE.set(MemorySegment.ofArray(bytes), DISK_BYTES);
            Files.write(image, bytes);
        }
        return image;
    }

    private static Qcow2Image open(MemoryStorage storage) {
        return ImageOpener.open("faulty", storage, null, null, new ImageOptions(1, false, 512, true), 1 << 16);
    }

    @ParameterizedTest
    @MethodSource("options")
    void anyOperationFails(String options) throws IOException {
        final Path image = image(options);
        final byte[] start = Files.readAllBytes(image);
        final byte[] snapshot = options.endsWith(",short=yes") ? new byte[0] : Qemu.contents(image, "-l", "one");
        final MemoryStorage whole = new MemoryStorage(start);
        final Run calm = new Run(whole, options.hashCode());
        calm.finish(true);
        assertEquals(0, calm.failed);
        final int operations = whole.operations();
        int failed = 0;
        for (int i = 0; i < RUNS; i++) {
            // Odd and even, early and late, whatever the number of runs.
            final int at = (int) (((long) i * operations / RUNS + i) % operations);
            final Fault fault = FAULTS.get(i % FAULTS.size());
            final boolean once = fault != Fault.FULL && i / FAULTS.size() % 3 != 0;
            final String what =
                    "seed " + options.hashCode() + ", " + fault + (once ? " at " : " from ") + at + " of " + operations;
            failed +=
                    one(image, start, snapshot, options.hashCode(), at, once ? at + 1 : Integer.MAX_VALUE, fault, what);
        }
        System.out.println("Qcow2FaultTest " + options + ": seed " + options.hashCode() + ", " + RUNS + " runs over "
                + operations + " operations, " + failed + " calls failed");
    }

    /** The header names a table nobody keeps up to date, for a moment: also a death in that moment leaves no damage. */
    @Test
    void headersThatWereWrittenNevertheless() throws IOException {
        final byte[] start = Files.readAllBytes(image("cluster_size=512,refcount_bits=64,full=yes"));
        final MemoryStorage calm = new MemoryStorage(start);
        new Run(calm, 1).finish(true);
        final List<Integer> headers = calm.headerOperations();
        assertFalse(headers.isEmpty(), "no table grew");
        for (int header : headers) {
            final MemoryStorage storage = new MemoryStorage(start);
            storage.fails(header, header + 1, Fault.DONE);
            final Run run = new Run(storage, 1);
            run.disk.fill(2 * DISK_BYTES, DISK_BYTES, 7); // more clusters than there are without a larger table
            run.finish(true);
            final List<Change> changes = storage.changes();
            int again = changes.size() - 1;
            while (changes.get(again).isSync() || changes.get(again).position() != 0) {
                again--;
            }
            assertTrue(again > header, "the table grew at the second try");
            for (int cut = again - 60; cut <= again; cut++) {
                open(MemoryStorage.after(start, changes, cut)).close();
            }
        }
    }

    private int one(Path image, byte[] start, byte[] snapshot, long seed, int from, int to, Fault fault, String what)
            throws IOException {
        final MemoryStorage storage = new MemoryStorage(start);
        storage.fails(from, to, fault);
        try {
            final Run run = new Run(storage, seed);
            if (to == from + 1) {
                assertTrue(run.failed <= 1, "calls fail after a single fault: " + run.failed);
            }
            run.finish(from % 2 == 0);
            storage.fails(Integer.MAX_VALUE, 0, fault);
            judge(image, storage.bytes(), snapshot, run.model, what);
            final SplittableRandom random = new SplittableRandom(from);
            final List<Change> changes = storage.changes();
            for (int i = 0; i < 4; i++) {
                final int cut = random.nextInt(changes.size() + 1);
                open(MemoryStorage.after(start, changes, cut)).close();
                open(MemoryStorage.afterPowerLoss(start, changes, cut, random)).close();
            }
            return run.failed;
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError(what + ": " + e.getMessage(), e);
        }
    }

    private void judge(Path image, byte[] left, byte[] snapshot, byte[] model, String what) throws IOException {
        final long l1 = HeaderField.L1_SIZE.get(MemorySegment.ofArray(left));
        final boolean readable = snapshot.length > 0 || l1 >= DISK_BYTES / (64 * 512);
        if (readable) { // else qemu-img refuses the image, as it did before we had it
            Files.write(image, left);
            Qemu.check(image, false, what);
        }
        if (snapshot.length > 0) {
            assertArrayEquals(snapshot, Qemu.contents(image, "-l", "one"), "the snapshot");
        }
        final MemoryStorage again = new MemoryStorage(left);
        try (TestDisk disk = new TestDisk(open(again), 0)) {
            assertArrayEquals(model, disk.read(0, DISK_BYTES), "opened again");
            disk.fill(0, DISK_BYTES, 9);
        }
        if (readable) {
            Files.write(image, again.bytes());
            Qemu.check(image, snapshot.length > 0, what + ", written again");
        }
    }

    /** The workload, and what the disk holds by what the calls said. */
    private static final class Run {
        private final BlockImage image;
        private final TestDisk disk;
        final byte[] model;
        int failed;

        Run(MemoryStorage storage, long seed) {
            image = open(storage);
            disk = new TestDisk(image, 0);
            model = disk.read(0, DISK_BYTES);
            final SplittableRandom random = new SplittableRandom(seed);
            for (int i = 0; i < STEPS; i++) {
                step(random);
            }
            assertArrayEquals(model, disk.read(0, DISK_BYTES), "at the end");
        }

        private void step(SplittableRandom random) {
            final int first = random.nextInt(DISK_BYTES / 512);
            final int bytes =
                    512 * (1 + random.nextInt(Math.min(random.nextBoolean() ? 8 : 150, DISK_BYTES / 512 - first)));
            final int at = first * 512;
            final byte[] written = new byte[bytes];
            final int kind = random.nextInt(8);
            final int flags = random.nextInt(4) == 0 ? BlockImage.DURABLE : 0;
            final long result = switch (kind) {
                case 0 -> image.writeZeroes(0, at, bytes, BlockImage.MAY_UNMAP | flags);
                case 1 -> image.writeZeroes(0, at, bytes, flags);
                case 2 -> image.discard(0, at, bytes, flags);
                case 3 -> image.flush(0);
                default -> {
                    random.nextBytes(written);
                    yield disk.tryWrite(at, written, 0, bytes);
                }
            };
            failed += result == 0 ? 0 : 1;
            assertTrue(result <= 0 && result > -4096, "a result of " + result);
            if (kind == 3) {
                return;
            }
            final byte[] now = disk.read(at, bytes);
            final boolean certain = result == 0 && kind != 2;
            for (int i = 0; i < bytes; i += 512) {
                final boolean isNew = Arrays.equals(now, i, i + 512, written, i, i + 512);
                final boolean isOld = Arrays.equals(now, i, i + 512, model, at + i, at + i + 512);
                assertTrue(isNew || (isOld && !certain), "neither old nor new at " + (at + i) + ", step kind " + kind);
            }
            System.arraycopy(now, 0, model, at, bytes);
        }

        /** In order, or not: then the process is gone, and its reservations are left over. */
        void finish(boolean inOrder) {
            if (inOrder) {
                image.close();
            }
        }
    }
}
