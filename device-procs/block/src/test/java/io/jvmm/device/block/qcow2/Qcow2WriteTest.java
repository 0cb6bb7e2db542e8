package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random work done here: qemu-img check finds nothing to complain about, and qemu-img reads what a model says. */
class Qcow2WriteTest {
    private static final int MIB = 1 << 20;
    private static final int STEPS = 150;
    private static final int OPENED = 2;

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    static Stream<String> options() {
        return Qcow2ReadTest.options();
    }

    static Stream<String> withoutPreallocation() {
        return Qcow2ReadTest.withoutPreallocation();
    }

    /** A count of one bit has no room for snapshots. */
    static Stream<String> withRoomForSnapshots() {
        return options().filter(o -> !o.matches(".*refcount_bits=1\\b.*"));
    }

    private void work(Path[] chain, long seed, int from, int to) {
        final byte[] model = Qemu.contents(chain[0]);
        final SplittableRandom random = new SplittableRandom(seed);
        for (int opened = 0; opened < OPENED; opened++) {
            try (TestDisk disk = TestDisk.open(chain)) {
                for (int i = 0; i < STEPS; i++) {
                    disk.step(random, model, from, Math.min(to, model.length));
                }
                assertArrayEquals(model, disk.readAll(), "seed " + seed);
            }
            Qemu.check(chain[0], true, "seed " + seed + ", opened for the " + opened + ". time");
        }
        assertArrayEquals(model, Qemu.contents(chain[0]), "seed " + seed);
    }

    @ParameterizedTest
    @MethodSource("options")
    void emptyImage(String options) {
        final Path image = directory.resolve("a.qcow2");
        final boolean small = options.contains("cluster_size=512") || options.contains("cluster_size=1k");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), small ? "21m" : "8m");
        work(new Path[] {image}, options.hashCode(), 0, (small ? 3 : 8) * MIB);
    }

    /** The size in the header need be no multiple of a sector; the guest's disk has whole ones, and what it writes there stays. */
    @Test
    void aDiskThatEndsWithinASector() throws IOException {
        final Path image = directory.resolve("odd.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", image.toString(), "1m");
        final byte[] bytes = Files.readAllBytes(image);
        final int size = MIB - 391;
        ByteBuffer.wrap(bytes).putLong(24, size);
        Files.write(image, bytes);
        final byte[] written = new byte[512];
        Arrays.fill(written, (byte) 0x5A);
        for (int opened = 0; opened < OPENED; opened++) {
            try (TestDisk disk = TestDisk.open(image)) {
                if (opened == 0) {
                    disk.write(MIB - 512, written);
                }
                final byte[] all = disk.readAll();
                assertEquals(MIB, all.length);
                assertArrayEquals(
                        written, Arrays.copyOfRange(all, MIB - 512, MIB), "opened for the " + opened + ". time");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("options")
    void imageOfQemuIo(String options) {
        final Path image = directory.resolve("b.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), "8m");
        Qemu.io(
                image,
                "write -P 1 0 100k",
                "write -P 2 1000k 3000k",
                "write -z 1500k 200k",
                "write -z -u 2000k 128k",
                "discard 2500k 300k");
        work(new Path[] {image}, options.hashCode() + 1, 0, 8 * MIB);
    }

    @ParameterizedTest
    @MethodSource("withoutPreallocation")
    void overABackingFile(String options) {
        final Path base = directory.resolve("base.qcow2");
        final Path image = directory.resolve("c.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", base.toString(), "3500k");
        Qemu.io(base, "write -P 77 0 3500k");
        Qemu.img(
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                "qcow2",
                "-b",
                base.toString(),
                "-o",
                options,
                image.toString(),
                "6m");
        work(new Path[] {image, base}, options.hashCode() + 2, 0, 6 * MIB);
    }

    @ParameterizedTest
    @MethodSource("withoutPreallocation")
    void compressedImage(String options) {
        final Path source = directory.resolve("source.qcow2");
        final Path image = directory.resolve("d.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", source.toString(), "6m");
        Qemu.io(source, "write -P 1 0 1m", "write -P 2 1m 3m", "write -P 3 5m 900k");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-o", options, source.toString(), image.toString());
        work(new Path[] {image}, options.hashCode() + 3, 0, 6 * MIB);
    }

    @ParameterizedTest
    @MethodSource("withRoomForSnapshots")
    void snapshotsStay(String options) {
        final Path image = directory.resolve("e.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), "6m");
        Qemu.io(image, "write -P 1 0 100k", "write -P 2 1000k 3000k", "write -z 1500k 200k");
        Qemu.img("snapshot", "-c", "one", image.toString());
        Qemu.io(image, "write -P 5 50k 100k", "write -P 6 5000k 100k");
        Qemu.img("snapshot", "-c", "two", image.toString());
        final byte[] one = Qemu.contents(image, "-l", "one");
        final byte[] two = Qemu.contents(image, "-l", "two");
        work(new Path[] {image}, options.hashCode() + 4, 0, 6 * MIB);
        assertArrayEquals(one, Qemu.contents(image, "-l", "one"));
        assertArrayEquals(two, Qemu.contents(image, "-l", "two"));
        if (options.contains("refcount_bits=2")) {
            return; // qemu-img itself needs to count to four on the way back
        }
        Qemu.img("snapshot", "-a", "one", image.toString());
        Qemu.check(image, true, "after going back");
        assertArrayEquals(one, Qemu.contents(image));
        work(new Path[] {image}, options.hashCode() + 5, 0, 6 * MIB);
        assertArrayEquals(two, Qemu.contents(image, "-l", "two"));
    }

    /** A refcount table of one cluster of 512 bytes speaks of 2 MiB with counts of 64 bits: it grows again and again. */
    @Test
    void refcountTableGrows() {
        final Path image = directory.resolve("f.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=64", image.toString(), "24m");
        try (TestDisk disk = TestDisk.open(image)) {
            for (int i = 0; i < 24; i++) {
                disk.fill((long) i * MIB, MIB, i + 1);
            }
        }
        Qemu.check(image, true, "after growing");
        final byte[] contents = Qemu.contents(image);
        for (int i = 0; i < 24 * MIB; i += 512) {
            assertEquals(i / MIB + 1, contents[i], "byte " + i);
        }
    }

    /** Space that was discarded is used again: of 320 MiB written, no more than a batch or two are in the file at once. */
    @Test
    void spaceIsUsedAgain() throws Exception {
        final Path image = directory.resolve("g.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", image.toString(), "64m");
        try (TestDisk disk = TestDisk.open(image)) {
            for (int i = 0; i < 40; i++) {
                disk.fill(i % 5 * 8L * MIB, 8 * MIB, i + 1);
                assertEquals(0, disk.image().discard(0, i % 5 * 8L * MIB, 8 * MIB, 0));
                assertEquals(0, disk.image().flush(0));
            }
        }
        Qemu.check(image, true, "after discarding");
        final long length = Files.size(image);
        assertTrue(length < 120 * MIB, "the file has grown to " + length);
    }
}
