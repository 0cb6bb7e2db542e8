package io.jvmm.device.block.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A medium that the page cache writes to in vain: a loop device whose file lies on a tmpfs that is too small for it. Linux tells each open
 * description once, so what it told a process that died of it, only a second description can tell the next.
 */
class LostWritesTest {
    private static final int WRITTEN_BYTES = 4 << 20;

    @TempDir
    private Path directory;

    /** What lies on the medium is lost, {@code fd} has been told, and whoever was to tell the guest is dead. */
    private interface Aftermath {
        void look(Fd fd, Fd witness);
    }

    @Test
    void aSuccessorLearnsFromTheWitnessWhatItsPredecessorWasTold() throws Exception {
        onFullMedium((fd, witness) -> {
            assertTrue(FileIo.trySyncData(fd) < 0, "the medium is too small");
            try (ImageFile forgetful = ImageFile.of("loop", fd.duplicate(), 1)) {
                assertEquals(0, forgetful.sync(), "Linux tells it once");
            }
            ImageSource source = new ImageSource("loop", ImageSource.Format.RAW, fd.duplicate(), witness.duplicate());
            try (ImageFile file = ImageFile.of(source, 1)) {
                assertTrue(file.sync() < 0);
                assertTrue(file.hasLostWrites());
                assertTrue(file.sync() < 0, "for good");
                assertTrue(file.write(0, 0, vector(512), BlockImage.DURABLE) < 0);
                assertEquals(0, file.write(0, 0, vector(512), 0), "what promises nothing goes on");
            }
        });
    }

    /** A guest that writes through sends no flush: its first write finds out. */
    @Test
    void aDurableWriteFindsOutToo() throws Exception {
        onFullMedium((fd, witness) -> {
            assertTrue(FileIo.trySyncData(fd) < 0, "the medium is too small");
            ImageSource source = new ImageSource("loop", ImageSource.Format.RAW, fd.duplicate(), witness.duplicate());
            try (ImageFile file = ImageFile.of(source, 1)) {
                assertTrue(file.write(0, 0, vector(512), BlockImage.DURABLE) < 0);
                assertTrue(file.hasLostWrites());
            }
        });
    }

    /** The synchronization inside a durable write was told: that is a failed synchronization like any other. */
    @Test
    void aDurableWriteThatFailsIsAFailedSynchronization() throws Exception {
        onFullMedium((fd, witness) -> {
            ImageSource source = new ImageSource("loop", ImageSource.Format.RAW, fd.duplicate(), witness.duplicate());
            try (ImageFile file = ImageFile.of(source, 1)) {
                assertTrue(file.write(0, WRITTEN_BYTES, vector(WRITTEN_BYTES / 2), BlockImage.DURABLE) < 0);
                assertTrue(file.hasLostWrites());
                assertTrue(file.sync() < 0);
            }
        });
    }

    @Test
    void nothingIsLostWhereNothingIs() throws IOException {
        Path path = Files.write(directory.resolve("sound"), new byte[8192]);
        ImageSource source = new ImageSource(
                "sound",
                ImageSource.Format.RAW,
                FileIo.open(path, FileIo.READ_WRITE, 0),
                FileIo.open(path, FileIo.READ_ONLY, 0));
        try (ImageFile file = ImageFile.of(source, 1)) {
            assertEquals(0, file.write(0, 0, vector(512), BlockImage.DURABLE));
            assertEquals(0, file.sync());
            assertEquals(0, file.sync());
        }
    }

    private static IoVector vector(int bytes) {
        IoVector vector = new IoVector(1);
        vector.add(Arena.ofAuto().allocate(bytes).fill((byte) 7), 0, bytes);
        return vector;
    }

    private void onFullMedium(Aftermath test) throws Exception {
        withLoop(device -> {
            Path path = Path.of(device);
            try (Fd witness = FileIo.open(path, FileIo.READ_ONLY, 0);
                    Fd fd = FileIo.open(path, FileIo.READ_WRITE, 0)) {
                try (ImageFile file = ImageFile.of("loop", fd.duplicate(), 1)) {
                    assertEquals(0, file.write(0, 0, vector(WRITTEN_BYTES), 0), "the page cache has room");
                }
                test.look(fd, witness);
            }
        });
    }

    private void withLoop(Consumer<String> work) throws Exception {
        Path mount = Files.createDirectory(directory.resolve("full"));
        String script = "mount -t tmpfs -o size=256k none " + mount + " && truncate -s 8M " + mount + "/file"
                + " && losetup --find --show " + mount + "/file && read end && exec losetup --detach $end";
        Process process = new ProcessBuilder("unshare", "-m", "sh", "-c", script)
                .redirectErrorStream(true)
                .start();
        try (BufferedReader said = process.inputReader();
                OutputStream tell = process.getOutputStream()) {
            String device = said.readLine();
            assertTrue(
                    device != null && device.startsWith("/dev/loop"),
                    "this test needs a loop device and a tmpfs, so root: " + device);
            try {
                work.accept(device);
            } finally {
                tell.write((device + "\n").getBytes(StandardCharsets.US_ASCII));
                tell.flush();
                assertEquals(0, process.waitFor(), "detached");
            }
        } finally {
            process.destroy();
        }
    }
}
