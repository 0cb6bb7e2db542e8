package io.jvmm.device.block.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file as a disk, through the page cache and past it. */
class RawImageTest {
    private static final int LENGTH_BYTES = 1 << 20;

    @TempDir
    private Path directory;

    private final MemorySegment memory = Arena.ofAuto().allocate(1 << 20, 4096);

    private Path file(int lengthBytes) throws IOException {
        byte[] content = new byte[lengthBytes];
        new Random(lengthBytes).nextBytes(content);
        return Files.write(directory.resolve("disk.raw"), content);
    }

    private static RawImage open(Path path, int flags, ImageOptions options) {
        Fd fd = FileIo.open(path, (options.readOnly() ? FileIo.READ_ONLY : FileIo.READ_WRITE) | flags, 0);
        return RawImage.open(new ImageSource(path.toString(), ImageSource.Format.RAW, fd), options);
    }

    private static ImageOptions options(int blockBytes) {
        return new ImageOptions(2, false, blockBytes, true);
    }

    private IoVector vector(long... offsetsAndLengths) {
        IoVector vector = new IoVector(16);
        for (int i = 0; i < offsetsAndLengths.length; i += 2) {
            vector.add(memory, offsetsAndLengths[i], offsetsAndLengths[i + 1]);
        }
        return vector;
    }

    private byte[] memory(int offset, int length) {
        return memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void bytesMoveBetweenPositionsAndBuffers() throws IOException {
        Path path = file(LENGTH_BYTES);
        byte[] before = Files.readAllBytes(path);
        try (RawImage image = open(path, 0, options(512))) {
            assertEquals(LENGTH_BYTES, image.lengthBytes());
            assertEquals(0, image.read(0, 512, vector(100, 500, 1000, 12), 0));
            assertArrayEquals(Arrays.copyOfRange(before, 512, 1012), memory(100, 500));
            assertArrayEquals(Arrays.copyOfRange(before, 1012, 1024), memory(1000, 12));
            assertEquals(0, image.write(1, 2048, vector(1000, 12, 100, 500), 0));
            assertEquals(0, image.flush(1));
        }
        byte[] after = Files.readAllBytes(path);
        System.arraycopy(before, 1012, before, 2048, 12);
        System.arraycopy(before, 512, before, 2060, 500);
        assertArrayEquals(before, after);
    }

    /** The same through O_DIRECT, from addresses and in pieces that no medium would take. */
    @Test
    void directFilesTakeAnyBuffers() throws IOException {
        Path path = file(LENGTH_BYTES);
        byte[] expected = Files.readAllBytes(path);
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int block = 4096;
        try (RawImage image = open(path, FileIo.DIRECT, options(block))) {
            for (int i = 0; i < 100; i++) {
                int length = block * (1 + random.nextInt(100));
                int position = block * random.nextInt((LENGTH_BYTES - length) / block + 1);
                int first = 1 + random.nextInt(length - 1);
                int at = i % 4 == 0 ? 0 : random.nextInt(3000);
                IoVector pieces = i % 4 == 0 ? vector(0, length) : vector(at, first, at + first, length - first);
                if (random.nextBoolean()) {
                    assertEquals(0, image.read(i & 1, position, pieces, 0));
                    assertArrayEquals(
                            Arrays.copyOfRange(expected, position, position + length),
                            memory(at, length),
                            "seed " + seed);
                } else {
                    byte[] data = new byte[length];
                    random.nextBytes(data);
                    MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, at, length);
                    assertEquals(0, image.write(i & 1, position, pieces, i % 3 == 0 ? BlockImage.DURABLE : 0));
                    System.arraycopy(data, 0, expected, position, length);
                }
            }
        }
        assertArrayEquals(expected, Files.readAllBytes(path), "seed " + seed);
    }

    @Test
    void zerosAndHoles() throws IOException {
        Path path = file(LENGTH_BYTES);
        byte[] expected = Files.readAllBytes(path);
        try (RawImage image = open(path, 0, options(512))) {
            assertEquals(0, image.writeZeroes(0, 512, 70_144, 0));
            assertEquals(0, image.writeZeroes(0, 131_072, 65_536, BlockImage.MAY_UNMAP | BlockImage.DURABLE));
            assertEquals(0, image.discard(0, 262_144, 65_536, 0));
        }
        Arrays.fill(expected, 512, 512 + 70_144, (byte) 0);
        Arrays.fill(expected, 131_072, 196_608, (byte) 0);
        Arrays.fill(expected, 262_144, 327_680, (byte) 0);
        assertArrayEquals(expected, Files.readAllBytes(path));
        long blocks = allocatedBytes(path);
        assertTrue(blocks <= LENGTH_BYTES - 65_536, "space is given back: " + blocks);
    }

    private static long allocatedBytes(Path path) throws IOException {
        Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
        return Long.parseLong(new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip())
                * 512;
    }

    @Test
    void withoutDiscardNothingIsGivenBack() throws IOException {
        Path path = file(LENGTH_BYTES);
        byte[] before = Files.readAllBytes(path);
        try (RawImage image = open(path, 0, new ImageOptions(1, false, 512, false))) {
            assertEquals(0, image.discardBytes());
            assertEquals(0, image.discard(0, 0, 65_536, 0));
            assertArrayEquals(before, Files.readAllBytes(path));
            assertEquals(0, image.writeZeroes(0, 0, 65_536, BlockImage.MAY_UNMAP));
        }
        assertEquals(LENGTH_BYTES, allocatedBytes(path));
    }

    @Test
    void theRestOfABlockIsNotPartOfTheDisk() throws IOException {
        try (RawImage image = open(file(1300), 0, options(512))) {
            assertEquals(1024, image.lengthBytes());
        }
        ImageException e = assertThrows(ImageException.class, () -> open(file(511), 0, options(512)));
        assertTrue(String.valueOf(e.getMessage()).contains("truncate"), e.getMessage());
        assertThrows(ImageException.class, () -> open(file(4095), 0, options(4096)));
    }

    @Test
    void aFileThatShrinksIsAnError() throws IOException {
        Path path = file(8192);
        try (RawImage image = open(path, 0, options(512))) {
            try (var channel = Files.newByteChannel(path, StandardOpenOption.WRITE)) {
                channel.truncate(1000);
            }
            assertEquals(-Errno.EIO.number(), image.read(0, 512, vector(0, 1024), 0));
        }
    }

    @Test
    void errorsOfTheKernelComeBackAsNumbers() throws IOException {
        Path path = file(8192);
        Fd fd = FileIo.open(path, FileIo.READ_ONLY, 0);
        ImageSource source = new ImageSource("disk", ImageSource.Format.RAW, fd);
        try (RawImage image = RawImage.open(source, options(512))) {
            assertEquals(-Errno.EBADF.number(), image.write(0, 0, vector(0, 512), 0));
            assertEquals(-Errno.EBADF.number(), image.writeZeroes(0, 0, 512, 0));
            assertFalse(image.readOnly());
        }
    }

    /** The kernel tells of lost pages once; a second synchronization would not know of them. /dev/full fails any. */
    @Test
    void aFailedSynchronizationIsNotForgotten() throws IOException {
        try (ImageFile full = ImageFile.of("full", FileIo.open(Path.of("/dev/full"), FileIo.READ_WRITE, 0), 1);
                ImageFile sound = ImageFile.of("sound", FileIo.open(file(8192), FileIo.READ_WRITE, 0), 1)) {
            long refused = full.write(0, 0, vector(0, 512), BlockImage.DURABLE);
            long lost = full.sync();
            assertTrue(refused < 0 && lost < 0 && lost != refused, refused + ", " + lost);
            assertEquals(lost, full.sync());
            assertEquals(lost, full.write(0, 0, vector(0, 512), BlockImage.DURABLE), "not even tried");
            assertEquals(0, sound.sync());
            assertEquals(0, sound.write(0, 0, vector(0, 512), BlockImage.DURABLE));
        }
    }

    @Test
    void pagesInTheCacheAreReadWithoutWaiting() throws IOException {
        Path path = file(LENGTH_BYTES); // just written, so in the page cache
        try (RawImage image = open(path, 0, options(512))) {
            long result = image.read(0, 4096, vector(0, 4096), BlockImage.NO_WAIT);
            assertTrue(result == 0 || Errno.EAGAIN.is(result), "result " + result);
            long write = image.write(0, 4096, vector(0, 4096), BlockImage.NO_WAIT);
            assertTrue(write == 0 || Errno.EAGAIN.is(write), "result " + write);
        }
    }

    @Test
    void nothingIsAllocated() throws IOException {
        IoVector aligned = new IoVector(2);
        for (int flags : new int[] {0, FileIo.DIRECT}) {
            try (RawImage image = open(file(65_536), flags, options(4096))) {
                Allocations.assertNoneIn("raw image", () -> {
                    for (int i = 0; i < 300; i++) {
                        aligned.clear();
                        aligned.add(memory, 0, 4096);
                        image.write(0, 8192, aligned, 0);
                        aligned.clear();
                        aligned.add(memory, 10, 4096);
                        image.read(0, 8192, aligned, 0);
                        image.writeZeroes(0, 0, 4096, 0);
                    }
                });
            }
        }
    }
}
