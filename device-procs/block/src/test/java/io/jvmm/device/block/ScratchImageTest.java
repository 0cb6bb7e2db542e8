package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.virtio.rig.VirtioRig;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The image of the warm-up is one that QEMU takes, too, and the device reads the same from it. */
class ScratchImageTest {
    @TempDir
    private Path directory;

    private Path save(MemFd image, String name) throws IOException {
        try (image) {
            MemorySegment bytes = Arena.ofAuto().allocate(FileIo.size(image.fd()));
            FileIo.tryReadAt(image.fd(), 0, bytes, 0, bytes.byteSize());
            return Files.write(directory.resolve(name), bytes.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private void qemuImg(String... arguments) throws IOException, InterruptedException {
        qemuImg(0, arguments);
    }

    private void qemuImg(int status, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(status, process.waitFor(), command + ": " + said);
    }

    @Test
    void isAProperImage() throws IOException, InterruptedException {
        save(ScratchImage.image(), "image");
        save(ScratchImage.backing(), "backing");
        qemuImg("check", "-f", "qcow2", "backing");
        qemuImg("rebase", "-u", "-b", "backing", "-F", "qcow2", "image"); // or QEMU wants to guess the format
        qemuImg(3, "check", "-f", "qcow2", "image"); // nothing worse than clusters that are left over
        qemuImg("convert", "-f", "qcow2", "-O", "raw", "image", "raw");
        byte[] expected = Files.readAllBytes(directory.resolve("raw"));
        assertEquals(ScratchImage.LENGTH_BYTES, expected.length);
        Map<String, Fd> descriptors = new HashMap<>(new BlockFactory().scratchDescriptors());
        try (VirtioRig rig = new VirtioRig(new BlockFactory(), Map.of(), descriptors, VirtioRig.MEMORY_BYTES)) {
            rig.driver().setUp(-1L);
            byte[] answer = rig.driver().request(0, Disk.header(Disk.IN, 0), 16 * 4096 + 1);
            assertArrayEquals(Arrays.copyOf(expected, 16 * 4096), Arrays.copyOf(answer, 16 * 4096));
        } finally {
            descriptors.values().forEach(Fd::close);
        }
    }
}
