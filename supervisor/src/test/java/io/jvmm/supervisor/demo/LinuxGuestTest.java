package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The initial ram disk as another program reads it, and the status that a guest leaves. */
class LinuxGuestTest {
    @TempDir
    private Path dir;

    /** The reader is busybox, whose cpio knows the format that the kernel's unpacker knows. */
    @Test
    void initramfsIsWhatBusyboxReads() throws Exception {
        Path busybox = Files.writeString(dir.resolve("busybox"), "not run here");
        Path archive = LinuxGuest.writeInitramfs(dir.resolve("initramfs"), busybox, Optional.of("echo 'a b'"));
        String list = run("busybox", "cpio", "-itv", "-F", archive.toString());
        assertTrue(list.lines().anyMatch(l -> l.startsWith("crw-------") && l.endsWith(" dev/console")), list);
        assertTrue(list.lines().anyMatch(l -> l.startsWith("-rwxr-xr-x") && l.endsWith(" init")), list);
        assertTrue(list.lines().anyMatch(l -> l.startsWith("drwxr-xr-x") && l.endsWith(" bin")), list);
        run("busybox", "cpio", "-id", "-F", archive.toString(), "jvmm/command", "bin/busybox");
        assertEquals("echo 'a b'\n", Files.readString(dir.resolve("jvmm/command")));
        assertEquals("not run here", Files.readString(dir.resolve("bin/busybox")));
    }

    @Test
    void sameContentSameBytes() throws IOException {
        Path busybox = Files.writeString(dir.resolve("busybox"), "b");
        byte[] one = Files.readAllBytes(LinuxGuest.writeInitramfs(dir.resolve("1"), busybox, Optional.empty()));
        byte[] two = Files.readAllBytes(LinuxGuest.writeInitramfs(dir.resolve("2"), busybox, Optional.empty()));
        assertEquals(-1, java.util.Arrays.mismatch(one, two));
    }

    @ParameterizedTest
    @CsvSource({"0,0", "255,255", "' 7 ',7", "256,", "-1,", "'',", "seven,", "'1\n2',"})
    void statusIsANumberOrNothing(String left, Integer expected) {
        assertEquals(
                expected == null ? OptionalInt.empty() : OptionalInt.of(expected), LinuxGuest.parse("up\n" + left));
    }

    @Test
    void aGuestThatOnlyCameUpHasNoStatus() {
        assertEquals(OptionalInt.empty(), LinuxGuest.parse("up\n"));
        assertEquals(OptionalInt.empty(), LinuxGuest.parse(""));
    }

    private String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(dir.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
