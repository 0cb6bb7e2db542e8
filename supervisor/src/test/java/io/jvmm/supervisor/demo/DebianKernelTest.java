package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The errors; the download itself is an integration test. */
class DebianKernelTest {
    @TempDir
    private Path dir;

    @Test
    void cacheIsWhereTheXdgSpecificationSays() {
        assertEquals(Path.of("/c/jvmm"), DebianPackages.standardCache(Map.of("XDG_CACHE_HOME", "/c", "HOME", "/h")));
        assertEquals(Path.of("/h/.cache/jvmm"), DebianPackages.standardCache(Map.of("HOME", "/h")));
        assertEquals(
                Path.of("/h/.cache/jvmm"),
                DebianPackages.standardCache(Map.of("XDG_CACHE_HOME", "relative", "HOME", "/h")));
    }

    @Test
    void withoutPackageListsTheCureIsNamed() throws IOException {
        Path empty = Files.createDirectories(dir.resolve("lists/partial")).getParent();
        Path status = Files.createFile(dir.resolve("status"));
        DebianKernel kernel = new DebianKernel(new DebianPackages(
                dir.resolve("cache"),
                List.of("-oDir::State::lists=" + empty, "-oDir::State::status=" + status, "-oDir::Cache=" + dir),
                _ -> {}));
        IOException e = assertThrows(IOException.class, () -> kernel.vmlinuz(DebianKernel.Flavour.CLOUD));
        assertTrue(String.valueOf(e.getMessage()).endsWith("sudo apt-get update"), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).lines().count() == 1, e.getMessage());
    }
}
