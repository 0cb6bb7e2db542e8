package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As qemu-img sees it (Debian package qemu-utils). */
class Qcow2OverlayTest {
    @TempDir
    private Path dir;

    @Test
    void qemuFindsNothingWrongAndTheSameContent() throws Exception {
        Path base = dir.resolve("base.img");
        try (RandomAccessFile file = new RandomAccessFile(base.toFile(), "rw")) {
            file.setLength(1L << 30);
            file.seek(700L << 20);
            file.write(new byte[] {1, 2, 3});
        }
        Path overlay = Qcow2Overlay.write(dir.resolve("o.qcow2"), base, Files.size(base));
        assertTrue(run("qemu-img", "check", overlay.toString()).contains("No errors were found"));
        assertTrue(run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", base.toString(), overlay.toString())
                .contains("Images are identical"));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 7 900M 1M", overlay.toString());
        assertTrue(run("qemu-img", "check", overlay.toString()).contains("No errors were found"));
        assertEquals(1L << 30, Files.size(base));
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
