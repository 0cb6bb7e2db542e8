package io.jvmm.device.block.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images made by qemu-img and filled by qemu-io read here as qemu-img reads them. */
class Qcow2ReadTest {
    @TempDir(factory = MemoryDirectory.class)
    Path directory;

    static Stream<String> options() {
        return Stream.of(
                "compat=0.10",
                "compat=0.10,cluster_size=512",
                "compat=1.1,cluster_size=512",
                "compat=1.1,cluster_size=1k,refcount_bits=1",
                "cluster_size=4k,refcount_bits=2",
                "cluster_size=8k,refcount_bits=4,lazy_refcounts=on",
                "cluster_size=64k",
                "cluster_size=64k,refcount_bits=8",
                "cluster_size=64k,refcount_bits=32,compression_type=zstd",
                "cluster_size=64k,refcount_bits=64,lazy_refcounts=on",
                "cluster_size=2M",
                "cluster_size=2M,compression_type=zstd",
                "cluster_size=16k,extended_l2=on",
                "cluster_size=64k,extended_l2=on",
                "cluster_size=128k,extended_l2=on,compression_type=zstd",
                "cluster_size=64k,preallocation=metadata",
                "cluster_size=64k,preallocation=falloc",
                "cluster_size=64k,preallocation=full",
                "cluster_size=64k,extended_l2=on,preallocation=metadata",
                "cluster_size=4k,preallocation=metadata,compat=0.10");
    }

    @ParameterizedTest
    @MethodSource("options")
    void contentsAreThoseOfQemuImg(String options) {
        final Path image = directory.resolve("a.qcow2");
        Qemu.img("create", "-q", "-f", "qcow2", "-o", options, image.toString(), "21m");
        fill(image);
        assertSame(image);
    }

    private static void fill(Path image) {
        Qemu.io(
                image,
                "write -P 1 0 100k",
                "write -P 2 1000k 3000k",
                "write -P 3 700512 512",
                "write -z 1500k 200k",
                "write -z -u 2000k 128k",
                "discard 2500k 300k",
                "write -P 4 20m 1m",
                "write -P 5 10m 512",
                "write -P 6 10491392 512");
    }

    private static void assertSame(Path... chain) {
        final byte[] expected = Qemu.contents(chain[0]);
        try (TestDisk disk = TestDisk.openReadOnly(chain)) {
            assertEquals(expected.length, disk.length());
            assertArrayEquals(expected, disk.readAll());
        }
        try (TestDisk disk = TestDisk.open(chain)) {
            assertArrayEquals(expected, disk.readAll());
        }
        Qemu.check(chain[0], true, "after reading");
    }

    /** For images that something is put into at once, where a preallocation makes no difference. */
    static Stream<String> withoutPreallocation() {
        return options().map(each -> each.replaceAll(",preallocation=\\w+", "")).distinct();
    }

    @ParameterizedTest
    @MethodSource("withoutPreallocation")
    void compressedClusters(String options) throws Exception {
        final Path raw = directory.resolve("source.raw");
        final byte[] text = new byte[5 << 20];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (i % 1000 < 700 ? i / 700 : (i * 2654435761L) >>> 13);
        }
        Files.write(raw, text);
        final Path image = directory.resolve("c.qcow2");
        Qemu.img("convert", "-q", "-c", "-f", "raw", "-O", "qcow2", "-o", options, raw.toString(), image.toString());
        assertSame(image);
        try (TestDisk disk = TestDisk.openReadOnly(image)) {
            assertArrayEquals(text, disk.readAll());
        }
    }

    @Test
    void backingChains() {
        final Path base = directory.resolve("base.raw");
        final Path middle = directory.resolve("middle.qcow2");
        final Path longer = directory.resolve("longer.qcow2");
        final Path top = directory.resolve("top.qcow2");
        Qemu.img("create", "-q", "-f", "raw", base.toString(), "3000000");
        Qemu.run("qemu-io", "-f", "raw", "-c", "write -P 9 0 2999808", base.toString());
        Qemu.img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.toString(), middle.toString(), "9m");
        Qemu.io(middle, "write -P 8 1m 70k", "write -P 7 5m 70k", "write -z 200k 100k");
        Qemu.img(
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                "qcow2",
                "-b",
                middle.toString(),
                "-o",
                "cluster_size=4k,compat=0.10",
                longer.toString(),
                "4m");
        Qemu.io(longer, "write -P 6 100k 10k");
        Qemu.img(
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                "qcow2",
                "-b",
                longer.toString(),
                "-o",
                "cluster_size=32k,extended_l2=on",
                top.toString(),
                "12m");
        Qemu.io(top, "write -P 5 130k 1k", "write -z 1025k 3k");
        assertSame(middle, base);
        assertSame(longer, middle, base);
        assertSame(top, longer, middle, base);
    }
}
