package io.jvmm.vcpu.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FdImageTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path directory;

    @Test
    void readsWhereAsked() throws IOException, BootException {
        final byte[] bytes = Images.pattern(100_000, 7);
        final Path file = directory.resolve("vmlinuz");
        Files.write(file, bytes);
        try (Fd fd = FileIo.open(file, FileIo.READ_ONLY, 0);
                Arena arena = Arena.ofConfined()) {
            final FdImage image = FdImage.of("vmlinuz", fd);
            assertEquals(bytes.length, image.sizeBytes());
            final MemorySegment target = arena.allocate(5000);
            image.read(77_777, target);
            assertArrayEquals(
                    java.util.Arrays.copyOfRange(bytes, 77_777, 82_777), target.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /** The whole way: loaded from a file, into memory that is not the heap. */
    @Test
    void bootsFromADescriptor() throws IOException, BootException {
        final Path file = directory.resolve("vmlinux");
        Files.write(file, Images.vmlinux(50_000));
        try (Fd fd = FileIo.open(file, FileIo.READ_ONLY, 0)) {
            final Machine m = new Machine(64);
            m.boot(FdImage.of("vmlinux", fd), FdImage.of("initrd", fd), "");
            assertArrayEquals(Images.pattern(50_000, 1), m.bytes(0x100_0000, 50_000));
        }
    }

    @Test
    void aFileThatShrinksIsAnError() throws IOException, BootException {
        final Path file = directory.resolve("vmlinux");
        Files.write(file, Images.vmlinux(50_000));
        try (Fd fd = FileIo.open(file, FileIo.READ_ONLY, 0)) {
            final FdImage image = FdImage.of("vmlinux", fd);
            Files.write(file, new byte[300]);
            final BootException e =
                    assertThrows(BootException.Unreadable.class, () -> new Machine(64).boot(image, null, ""));
            assertTrue(e.getMessage().startsWith("vmlinux: offset = "), e.getMessage());
        }
    }

    @Test
    void aDirectoryIsAnError() {
        try (Fd fd = FileIo.open(directory, FileIo.READ_ONLY, 0)) {
            assertThrows(BootException.class, () -> new Machine(64).boot(FdImage.of("directory", fd), null, ""));
        }
    }
}
