package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.device.block.image.ImageOptions;
import io.jvmm.ipc.sys.IoVector;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Seeded damage to headers and tables: opening refuses with its own exception and leaves the file alone, or succeeds; what was opened
 * answers every call with 0 or an errno; nothing hangs. What was opened for reading is not changed, and what was opened for writing
 * keeps every byte a snapshot references (as {@link Anatomy} finds them) and is as sound after the work as qemu-img found it before.
 * {@code -Dqcow2.fuzz=N}: cases per kind of image, of which there are five, and two for compressed data.
 */
class Qcow2FuzzTest {
    private static final int CASES = Integer.getInteger("qcow2.fuzz", 250);
    /** In lots of so many, each with a limit of time. */
    private static final int LOT = 50;

    private static final int JUDGED = Math.max(6, CASES / 1000);
    private static final int DIRTY_BYTE = HeaderField.INCOMPATIBLE_FEATURES.offset() + 7;
    /** {@code -Dqcow2.fuzz.seed=N}: seeds count from there. */
    private static final long FIRST_SEED = Long.getLong("qcow2.fuzz.seed", 0);

    private static final int DISK_BYTES = 1 << 19;

    /** Values that are wrong in interesting ways. */
    private static final long[] NASTY = {
        0,
        1,
        511,
        512,
        4096,
        0x10000,
        -1L,
        Long.MIN_VALUE,
        Long.MAX_VALUE,
        1L << 62,
        0xFFFF_FFFFL,
        0x7FFF_FFFFL,
        1L << 55,
        0x00FF_FFFF_FFFF_FE00L,
        0x8000_0000_0000_0000L | 0x10000,
        0x8000_0000_0000_0001L,
        0x4000_0000_0000_0200L
    };

    private long now;
    private int opened;
    private int judged;
    private final IoVector vector = new IoVector(4);
    private final MemorySegment buffer = Arena.ofAuto().allocate(256 * 1024, 4096);

    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    static Stream<String> options() {
        return Stream.of(
                "cluster_size=512",
                "cluster_size=4k,compat=0.10",
                "cluster_size=64k,compression_type=zstd",
                "cluster_size=16k,extended_l2=on",
                "cluster_size=4k,refcount_bits=1");
    }

    private byte[] image(String options) throws IOException {
        final Path source = directory.resolve("source.qcow2");
        final Path image = directory.resolve("image.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", source.toString(), DISK_BYTES + "");
        Qemu.io(source, "write -P 1 0 150k", "write -P 3 350k 50k");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-o", options, source.toString(), image.toString());
        Qemu.io(image, "write -P 4 50k 40k", "write -z 200k 50k", "write -P 9 450k 32k");
        if (!options.contains("refcount_bits=1")) {
            Qemu.img("snapshot", "-c", "one", image.toString());
            Qemu.io(image, "write -P 5 65k 40k");
        }
        return Files.readAllBytes(image);
    }

    @ParameterizedTest
    @MethodSource("options")
    void damagedImages(String options) throws IOException {
        final byte[] good = image(options);
        final List<int[]> tables = Anatomy.of(good).tables();
        final long first = options.hashCode() * 1_000_003L + FIRST_SEED;
        for (int i = 0; i < CASES; i += LOT) {
            final long from = first + i;
            final long to = first + Math.min(CASES, i + LOT);
            assertTimeoutPreemptively(
                    Duration.ofMinutes(2),
                    () -> {
                        for (long seed = from; seed < to; seed++) {
                            one(good, tables, seed);
                        }
                    },
                    () -> options + ": seed " + now + " hangs");
        }
        System.out.println("Qcow2FuzzTest " + options + ": " + CASES + " damaged images from seed " + first + ", "
                + opened + " opened, " + judged + " judged by qemu-img");
        assertTrue(opened > 0 && opened < CASES, opened + " of " + CASES + " damaged images could be opened");
    }

    private void one(byte[] good, List<int[]> tables, long seed) throws IOException {
        now = seed;
        final SplittableRandom random = new SplittableRandom(seed);
        final byte[] bad = damage(good.clone(), tables, random);
        final boolean writable = random.nextInt(5) > 0;
        final MemoryStorage storage = new MemoryStorage(bad);
        final boolean used;
        try {
            used = use(storage, writable, seed);
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("seed " + seed + ": " + e, e);
        }
        opened += used ? 1 : 0;
        if (!used || !writable) {
            final boolean repaired = writable && (bad[DIRTY_BYTE] & 1) != 0;
            assertTrue(
                    repaired || storage.changes().isEmpty(), "seed " + seed + ": not opened for writing, and changed");
            return;
        }
        if ((bad[DIRTY_BYTE] & 1) != 0) {
            return; // the flags of a table that is shared may have been set right
        }
        final byte[] after = storage.bytes();
        final Anatomy anatomy = Anatomy.of(bad);
        final int bits = anatomy.clusterBits();
        anatomy.owned().stream().forEach(cluster -> {
            final int end = Math.min(bad.length, (cluster + 1) << bits);
            final int wrong = cluster << bits >= end
                    ? -1
                    : Arrays.mismatch(bad, cluster << bits, end, after, cluster << bits, end);
            assertEquals(-1, wrong, "seed " + seed + ": cluster " + cluster + " of a snapshot was written to");
        });
        if (judged < JUDGED) {
            judged++;
            judge(bad, after, "seed " + seed);
        }
    }

    /** Whoever finds nothing wrong with an image must leave it so. (Bits 8 of qemu-img's answer: leaks.) */
    private void judge(byte[] before, byte[] after, String seed) throws IOException {
        final Path file = directory.resolve("judged.qcow2");
        Files.write(file, before);
        final int verdict =
                Qemu.run("qemu-img", "check", "-f", "qcow2", file.toString()).status();
        if (verdict == 0 || verdict == 3) {
            Files.write(file, after);
            Qemu.check(file, false, seed);
        }
    }

    private static byte[] damage(byte[] image, List<int[]> tables, SplittableRandom random) {
        final int hits = 1 + random.nextInt(3);
        final MemorySegment bytes = MemorySegment.ofArray(image);
        for (int i = 0; i < hits; i++) {
            switch (random.nextInt(8)) {
                case 0 -> image[random.nextInt(112)] = (byte) random.nextInt();
                case 1 -> bytes.set(HeaderField.U64, random.nextInt(14) * 8L, NASTY[random.nextInt(NASTY.length)]);
                case 2 -> {
                    // A word that looks like an entry of a table gets another value.
                    for (int tries = 0; tries < 1000; tries++) {
                        final long at = random.nextInt(image.length / 8) * 8L;
                        if (bytes.get(HeaderField.U64, at) != 0) {
                            final long word = random.nextBoolean()
                                    ? NASTY[random.nextInt(NASTY.length)]
                                    : bytes.get(HeaderField.U64, at) ^ 1L << random.nextInt(64);
                            bytes.set(HeaderField.U64, at, word);
                            break;
                        }
                    }
                }
                case 3, 4, 5, 6 -> {
                    // Bits of a table, mostly where it says something.
                    final int[] table = tables.get(random.nextInt(tables.size()));
                    int at = table[0];
                    for (int tries = 0; tries < 30 && (tries == 0 || image[at] == 0); tries++) {
                        at = table[0] + random.nextInt(table[1] - table[0]);
                    }
                    image[at] ^= (byte) (random.nextInt(3) == 0 ? random.nextInt() : 1 << random.nextInt(8));
                }
                default -> {
                    final long from = random.nextInt(image.length / 8) * 8L;
                    final long to = random.nextInt(image.length / 8) * 8L;
                    bytes.set(HeaderField.U64, to, bytes.get(HeaderField.U64, from));
                }
            }
        }
        return image;
    }

    private boolean use(MemoryStorage storage, boolean writable, long seed) {
        final Qcow2Image image;
        try {
            image = ImageOpener.open("fuzzed", storage, null, null, new ImageOptions(1, !writable, 512, true), 1 << 16);
        } catch (ImageException e) {
            return false;
        }
        final SplittableRandom random = new SplittableRandom(seed);
        for (long at = 0; at < Math.min(image.lengthBytes(), DISK_BYTES); at += buffer.byteSize()) {
            vector.clear();
            vector.add(buffer, 0, Math.min(buffer.byteSize(), image.lengthBytes() - at));
            final long result = image.read(0, at, vector, 0);
            assertTrue(result <= 0 && result > -4096, "a result of " + result);
        }
        final long sectors = Math.min(image.lengthBytes(), random.nextInt(4) == 0 ? 16 << 20 : DISK_BYTES) / 512;
        for (int i = 0; i < 24 && sectors > 0; i++) {
            final long first = random.nextLong(sectors);
            final long position = first * 512;
            final int most = random.nextInt(10) == 0 ? 512 : 24;
            final long bytes = (1 + random.nextLong(Math.min(most, sectors - first))) * 512;
            vector.clear();
            vector.add(buffer, 0, bytes);
            final long result = switch (writable ? random.nextInt(6) : random.nextInt(2)) {
                case 0, 1 -> image.read(0, position, vector, 0);
                case 2 -> image.writeZeroes(0, position, bytes, random.nextInt(2) * 4);
                case 3 -> image.discard(0, position, bytes, 0);
                case 4 -> image.flush(0);
                default -> image.write(0, position, vector, 0);
            };
            assertTrue(result <= 0 && result > -4096, "a result of " + result);
        }
        image.close();
        return true;
    }

    /** Compressed data of any kind: errors or bytes. */
    @Test
    void damagedCompressedData() throws IOException {
        for (String options : new String[] {"compression_type=zlib", "compression_type=zstd"}) {
            final byte[] good = image(options);
            final SplittableRandom random = new SplittableRandom(7);
            for (int i = 0; i < CASES / 4; i += LOT) {
                assertTimeoutPreemptively(Duration.ofMinutes(2), () -> {
                    for (int n = 0; n < LOT; n++) {
                        final byte[] bad = good.clone();
                        for (int hits = 0; hits < 20; hits++) {
                            // Behind the tables of a new image, where compressed data is.
                            bad[5 * 65536 + random.nextInt(4096)] = (byte) random.nextInt();
                        }
                        use(new MemoryStorage(bad), false, 1);
                    }
                });
            }
        }
    }
}
