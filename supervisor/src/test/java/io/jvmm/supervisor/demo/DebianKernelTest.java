package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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

    /** A stub in the place of apt-cache says what Debian 12's says. */
    @Test
    void oneQuestionToAptAnswersAll() throws IOException {
        Path log = dir.resolve("log");
        Path apt = Files.writeString(dir.resolve("apt-cache"), """
                #!/bin/sh
                echo "$@" >>%s
                cat <<'EOF'
                Package: linux-image-cloud-amd64
                Source: linux-signed-amd64 (6.1.192+2)
                Version: 6.1.192-2
                Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)
                Description-en: Linux for x86-64 cloud (meta-package)
                 Version: this is no field.

                Package: busybox-static
                Version: 1:1.35.0-4+deb12u1+b1

                EOF
                """.formatted(log));
        Files.setPosixFilePermissions(apt, PosixFilePermissions.fromString("rwx------"));
        Path cache = dir.resolve("cache");
        DebianPackages packages = new DebianPackages(cache, apt.toString(), List.of(), _ -> {});
        packages.lookUp("linux-image-cloud-amd64", "busybox-static");
        assertEquals("linux-image-6.1.0-56-cloud-amd64", packages.behind("linux-image-cloud-amd64"));
        Path kernel = kept(cache, "linux-image-6.1.0-56-cloud-amd64_6.1.192-2", "vmlinuz");
        Path busybox = kept(cache, "busybox-static_1_1.35.0-4+deb12u1+b1", "busybox");
        assertEquals(kernel, packages.file("linux-image-6.1.0-56-cloud-amd64", "boot/vmlinuz-", "vmlinuz"));
        assertEquals(busybox, packages.file("busybox-static", "bin/busybox", "busybox"));
        assertEquals("show --no-all-versions linux-image-cloud-amd64 busybox-static\n", Files.readString(log));
    }

    private static Path kept(Path cache, String directory, String name) throws IOException {
        return Files.createFile(
                Files.createDirectories(cache.resolve(directory)).resolve(name));
    }

    @Test
    void aCacheThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.createFile(dir.resolve("file"));
        Path apt = Files.writeString(dir.resolve("apt-cache"), "#!/bin/sh\nprintf 'Package: y\\nVersion: 1\\n'\n");
        Files.setPosixFilePermissions(apt, PosixFilePermissions.fromString("rwx------"));
        DebianPackages packages = new DebianPackages(file.resolve("jvmm"), apt.toString(), List.of(), _ -> {});
        IOException e = assertThrows(IOException.class, () -> packages.file("y", "boot/", "z"));
        assertTrue(String.valueOf(e.getMessage()).startsWith("nothing can be kept in " + file), e.getMessage());
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
