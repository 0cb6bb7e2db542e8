package io.jvmm.device.block.qcow2;

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
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Seeded damage to headers and tables: opening refuses with its own exception or succeeds; what was opened answers every call with
 * 0 or an errno; nothing hangs. And what was opened for writing is as sound after the work as qemu-img found it before.
 * {@code -Dqcow2.fuzz=N}: cases per kind of image.
 */
class Qcow2FuzzTest {
    private static final int CASES = Integer.getInteger("qcow2.fuzz", 250);
    private static final int JUDGED = 25;
    private static final int DISK_BYTES = 1 << 20;

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

    private final IoVector vector = new IoVector(4);
    private final MemorySegment buffer = Arena.ofAuto().allocate(256 * 1024, 4096);

    @TempDir
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
        Qemu.io(source, "write -P 1 0 300k", "write -P 3 700k 100k");
        Qemu.img("convert", "-q", "-c", "-O", "qcow2", "-o", options, source.toString(), image.toString());
        Qemu.io(image, "write -P 4 100k 70k", "write -z 400k 100k", "write -P 9 900k 64k");
        if (!options.contains("refcount_bits=1")) {
            Qemu.img("snapshot", "-c", "one", image.toString());
            Qemu.io(image, "write -P 5 130k 70k");
        }
        return Files.readAllBytes(image);
    }

    @ParameterizedTest
    @MethodSource("options")
    void damagedImages(String options) throws IOException {
        final byte[] good = image(options);
        int opened = 0;
        int judged = 0;
        for (int i = 0; i < CASES; i++) {
            final long seed = options.hashCode() * 1_000_003L + i;
            final byte[] bad = damage(good.clone(), new SplittableRandom(seed));
            final boolean writable = i % 2 == 0;
            final MemoryStorage storage = new MemoryStorage(bad);
            final boolean used = assertTimeoutPreemptively(
                    Duration.ofSeconds(60), () -> use(storage, writable, seed), "seed " + seed + " of " + options);
            opened += used ? 1 : 0;
            if (used && writable && judged < JUDGED) {
                judged++;
                judge(bad, storage.bytes(), "seed " + seed);
            }
        }
        assertTrue(opened > 0 && opened < CASES, opened + " of " + CASES + " damaged images could be opened");
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

    private static byte[] damage(byte[] image, SplittableRandom random) {
        final int hits = 1 + random.nextInt(3);
        final MemorySegment bytes = MemorySegment.ofArray(image);
        for (int i = 0; i < hits; i++) {
            switch (random.nextInt(4)) {
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
        final long sectors = Math.min(image.lengthBytes(), 16 << 20) / 512;
        for (int i = 0; i < 40 && sectors > 0; i++) {
            final long first = random.nextLong(sectors);
            final long position = first * 512;
            final long bytes = Math.min(256 * 1024, (1 + random.nextLong(Math.min(512, sectors - first))) * 512);
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
            for (int i = 0; i < CASES; i++) {
                final byte[] bad = good.clone();
                for (int hits = 0; hits < 20; hits++) {
                    // Behind the tables of a new image, where compressed data is.
                    bad[5 * 65536 + random.nextInt(4096)] = (byte) random.nextInt();
                }
                assertTimeoutPreemptively(Duration.ofSeconds(60), () -> use(new MemoryStorage(bad), false, 1));
            }
        }
    }
}
