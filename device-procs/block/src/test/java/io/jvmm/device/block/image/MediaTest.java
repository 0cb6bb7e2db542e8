package io.jvmm.device.block.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Discards and zeros on what an image may lie on: file systems that make holes and zeros, only holes (tmpfs), neither (ramfs), and block
 * devices, which take whole blocks of their own and no others. Anywhere on the disk, over data and over holes, up to its very end.
 */
class MediaTest {
    private static final int SECTOR = 512;
    private static final int LENGTH_BYTES = 1 << 20;
    /** Less than a sector behind the disk, and not the guest's. */
    private static final int REST_BYTES = 300;

    @TempDir
    private Path directory;

    private final MemorySegment memory = Arena.ofAuto().allocate(LENGTH_BYTES, 4096);

    /** A disk whose second half is a hole. */
    private static Path disk(Path path, int restBytes) throws IOException {
        byte[] content = new byte[LENGTH_BYTES / 2];
        new Random(1).nextBytes(content);
        Files.write(path, content);
        run("truncate", "-s", LENGTH_BYTES + restBytes + "", path.toString());
        return path;
    }

    private static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? output.strip() : "failed: " + String.join(" ", command) + ": " + output;
        } catch (IOException e) {
            return "failed: " + e.getMessage();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void work(Path path, int blockBytes, int restBytes) {
        long seed = TestSeed.next();
        System.out.println("MediaTest " + path + " seed " + seed);
        Random random = new Random(seed);
        ImageSource source = new ImageSource("disk", ImageSource.Format.RAW, FileIo.open(path, FileIo.READ_WRITE, 0));
        try (RawImage image = RawImage.open(source, new ImageOptions(1, false, blockBytes, true))) {
            assertEquals(LENGTH_BYTES, image.lengthBytes());
            byte[] model = content(image);
            for (int i = 0; i < 100; i++) {
                int at = random.nextInt(LENGTH_BYTES / blockBytes) * blockBytes;
                int most = (LENGTH_BYTES - at) / blockBytes;
                int bytes = blockBytes * (random.nextInt(5) == 0 ? most : 1 + random.nextInt(Math.min(most, 40)));
                int flags = random.nextInt(8) == 0 ? BlockImage.DURABLE : 0;
                String what = "seed " + seed + ", step " + i + ", " + bytes + " at " + at;
                switch (random.nextInt(4)) {
                    case 0 -> {
                        assertEquals(0, image.discard(0, at, bytes, flags), what);
                        byte[] now = content(image);
                        for (int sector = at; sector < at + bytes; sector += SECTOR) {
                            boolean kept = Arrays.equals(now, sector, sector + SECTOR, model, sector, sector + SECTOR);
                            boolean zero = Arrays.equals(now, sector, sector + SECTOR, new byte[SECTOR], 0, SECTOR);
                            assertTrue(kept || zero, what);
                        }
                        System.arraycopy(now, at, model, at, bytes);
                    }
                    case 1, 2 -> {
                        int unmap = random.nextBoolean() ? BlockImage.MAY_UNMAP : 0;
                        assertEquals(0, image.writeZeroes(0, at, bytes, flags | unmap), what);
                        Arrays.fill(model, at, at + bytes, (byte) 0);
                    }
                    default -> {
                        byte[] data = new byte[bytes];
                        random.nextBytes(data);
                        MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes);
                        assertEquals(0, image.write(0, at, vector(bytes), flags), what);
                        System.arraycopy(data, 0, model, at, bytes);
                    }
                }
                assertArrayEquals(model, content(image), what);
            }
            assertEquals(0, image.flush(0));
        }
        assertEquals(LENGTH_BYTES + restBytes, length(path), "the file keeps its length");
    }

    private static long length(Path path) {
        try (ImageFile file = ImageFile.of("disk", FileIo.open(path, FileIo.READ_ONLY, 0), 1)) {
            return file.lengthBytes();
        }
    }

    private IoVector vector(int bytes) {
        IoVector vector = new IoVector(1);
        vector.add(memory, 0, bytes);
        return vector;
    }

    private byte[] content(RawImage image) {
        assertEquals(0, image.read(0, 0, vector(LENGTH_BYTES), 0));
        return memory.toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void aFile() throws IOException {
        work(disk(directory.resolve("disk.raw"), REST_BYTES), SECTOR, REST_BYTES);
    }

    @Test
    void aFileInMemory() throws IOException {
        Path shm = Path.of("/dev/shm");
        Assumptions.assumeTrue(Files.isWritable(shm), "no /dev/shm to write to");
        Path path = Files.createTempFile(shm, "jvmm-block-", ".raw");
        try {
            work(disk(path, REST_BYTES), SECTOR, REST_BYTES);
        } finally {
            Files.delete(path);
        }
    }

    /** A mount of its own in a name space of its own, which we reach through the process that has it. */
    @Test
    void aFileSystemWithoutHoles() throws IOException {
        Path mount = Files.createDirectory(directory.resolve("ramfs"));
        String script = "mount -t ramfs none " + mount + " && echo mounted && read end";
        Process process = new ProcessBuilder("unshare", "-rm", "sh", "-c", script)
                .redirectErrorStream(true)
                .start();
        try {
            String answer = line(process.getInputStream());
            Assumptions.assumeTrue(answer.equals("mounted"), "no ramfs here: " + answer);
            Path inside = Path.of("/proc/" + process.pid() + "/root" + mount);
            work(disk(inside.resolve("disk.raw"), REST_BYTES), SECTOR, REST_BYTES);
        } finally {
            process.destroy();
        }
    }

    private static String line(InputStream stream) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = stream.read(); c >= 0 && c != '\n'; c = stream.read()) {
            line.append((char) c);
        }
        return line.toString();
    }

    @Test
    void aBlockDevice() throws IOException {
        onLoop(512, SECTOR);
    }

    /** Through the page cache a guest may write half a block of such a device, and so it may zero one. */
    @Test
    void aBlockDeviceOfLargerBlocks() throws IOException {
        onLoop(4096, SECTOR);
        onLoop(4096, 4096);
    }

    private void onLoop(int deviceBlockBytes, int blockBytes) throws IOException {
        Path file = disk(directory.resolve("loop-" + deviceBlockBytes + "-" + blockBytes + ".raw"), 0);
        String device = run("losetup", "--find", "--show", "--sector-size", deviceBlockBytes + "", file.toString());
        Assumptions.assumeTrue(device.startsWith("/dev/loop"), "a loop device takes privileges: " + device);
        try {
            work(Path.of(device), blockBytes, 0);
        } finally {
            assertEquals("", run("losetup", "--detach", device));
        }
    }
}
