package io.jvmm.supervisor.upgrade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.link.LinkLayout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a directory must be to give a running machine a program. */
class DistributionDirectoryTest {
    @TempDir
    Path dir;

    private Path home = Path.of("");

    @BeforeEach
    void make() throws IOException {
        home = Files.createDirectories(dir.resolve("dist"));
        for (String file : new String[] {
            "complete",
            "runtime/bin/java",
            "launch/rng.launch",
            "lib/rng/program",
            "lib/rng/versions",
            "lib/devices/a.jar",
            "policies/wide.bpf",
            "policies/rng.bpf"
        }) {
            Path path = home.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, file.endsWith("versions") ? "protocol=1.0\nstate=7\n" : "");
        }
        Files.writeString(home.resolve("lib/rng/program"), "io.jvmm.Main\ndevices/a.jar\n");
        writeJar(home.resolve("lib/devices/a.jar"));
        for (String filter : new String[] {"wide", "rng"}) {
            Files.write(home.resolve("policies/" + filter + ".bpf"), new byte[] {6, 0, 0, 0, 0, 0, 0, 0});
        }
    }

    private static void writeJar(Path jar) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (String name : new String[] {"one", "two"}) {
                zip.putNextEntry(new ZipEntry(name));
                zip.write(name.repeat(100).getBytes(StandardCharsets.UTF_8));
                zip.closeEntry();
            }
        }
    }

    /** The file is named, and nothing has been started. */
    @Test
    void whatIsDamagedIsNamed() throws IOException, UnfitException {
        Path jar = home.resolve("lib/devices/a.jar").toRealPath();
        byte[] whole = Files.readAllBytes(jar);
        for (int length = 0; length < whole.length; length += 7) {
            Files.write(jar, Arrays.copyOf(whole, length));
            assertTrue(refusal(home).startsWith(jar + " is missing or damaged: "), refusal(home));
        }
        byte[] flipped = whole.clone();
        flipped[40] ^= 1; // in what an entry holds
        Files.write(jar, flipped);
        assertTrue(refusal(home).startsWith(jar + " is missing or damaged: "), refusal(home));
        Files.delete(jar);
        assertTrue(refusal(home).startsWith(jar + " is missing or damaged: "), refusal(home));
        writeJar(jar);
        Path filter = home.resolve("policies/rng.bpf").toRealPath();
        for (byte[] bytes : List.of(new byte[0], new byte[7], new byte[8], new byte[100_000])) {
            Files.write(filter, bytes);
            assertTrue(refusal(home).startsWith(filter + " is missing or damaged: "), refusal(home));
        }
        Files.write(filter, new byte[] {6, 0, 0, 0, 0, 0, 0, 0});
        DistributionDirectory.check(home, "rng");
        Path program = Files.writeString(home.resolve("lib/rng/program"), "\n").toRealPath();
        assertTrue(refusal(home).startsWith(program + " is missing or damaged: "), refusal(home));
    }

    /** As in files of hosts: a group of one's own, one with another user in it, one that is another user's, and one from elsewhere. */
    @ParameterizedTest
    @CsvSource({"1000, true", "0, true", "50, false", "51, true", "1001, false", "7777, false", "60, false"})
    void aGroupIsNobodyElseOnlyWhereTheHostSaysSo(int gid, boolean ours) throws IOException {
        Path group = Files.writeString(
                dir.resolve("group"),
                "root:x:0:\nme:x:1000:\nstaff:x:50:me,you\nadmins:x:51:me,root\nyou:x:1001:\nodd:x:60:someone\nbad\n");
        Path passwd = Files.writeString(
                dir.resolve("passwd"), "root:x:0:0:::\nme:x:1000:1000:::\nyou:x:1001:1001:::\nbad:x\n");
        assertEquals(ours, new GroupMembers(group, passwd).areOnly(gid, 1000));
    }

    private String refusal(Path path) {
        return String.valueOf(assertThrows(UnfitException.class, () -> DistributionDirectory.check(path, "rng"))
                .getMessage());
    }

    private static void mode(Path path, String mode) throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }

    @Test
    void aWholeOneIsTaken() throws UnfitException, IOException {
        assertEquals(home.toRealPath(), DistributionDirectory.check(home, "rng"));
        ProgramVersions versions = DistributionDirectory.versions(home, "rng");
        assertEquals(new ProgramVersions(1, 0, 7, ""), versions);
        DistributionDirectory.checkProtocol(versions);
        Path link = Files.createSymbolicLink(dir.resolve("link"), home);
        assertEquals(home.toRealPath(), DistributionDirectory.check(link, "rng"));
    }

    @Test
    void whatIsNoneOrNotWholeIsRefused() throws IOException {
        assertTrue(refusal(dir.resolve("none")).contains("there is no"));
        assertTrue(refusal(dir).contains("is no distribution"));
        Files.delete(home.resolve("policies/rng.bpf"));
        assertTrue(refusal(home).contains("lacks"), refusal(home));
        Files.delete(home.resolve("complete"));
        assertTrue(refusal(home).contains("not a whole one"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "runtime/bin/java", "lib/rng", "lib/devices/a.jar", "policies/rng.bpf"})
    void whatOthersCanWriteIsRefused(String part) throws IOException {
        Path path = home.resolve(part);
        mode(path, Files.isDirectory(path) ? "rwxr-xrwx" : "rw-r--rw-");
        assertTrue(refusal(home).contains(path.toRealPath() + " can be written by others"), refusal(home));
        assertTrue(refusal(home).contains("chmod go-w"));
    }

    @Test
    void soIsOneThatOthersCanPutAnotherInThePlaceOf() throws IOException {
        mode(dir, "rwxrwxrwx");
        assertTrue(refusal(home).contains("can be written by others"), refusal(home));
    }

    @Test
    void aLinkOutOfItIsLookedAtToo() throws IOException {
        Path elsewhere = Files.createDirectories(dir.resolve("elsewhere"));
        Path jar = Files.writeString(elsewhere.resolve("b.jar"), "");
        Files.createSymbolicLink(home.resolve("lib/rng/b.jar"), jar);
        mode(elsewhere, "rwxrwxrwx");
        assertTrue(refusal(home).contains(elsewhere.toRealPath() + " can be written by others"), refusal(home));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "state=1",
                "protocol=1.0",
                "protocol=1\nstate=1",
                "protocol=1.0\nstate=0",
                "protocol=1.x\nstate=1",
                "protocol=1.0\nstate=1\nstate=2",
                "protocol=1.0\nstate=99999999999",
                "nothing",
                "=1"
            })
    void versionsThatNoBuildWrites(String text) {
        assertThrows(UnfitException.class, () -> ProgramVersions.parse(text, "versions"));
    }

    @Test
    void anotherProtocolIsRefused() {
        assertThrows(
                UnfitException.class,
                () -> DistributionDirectory.checkProtocol(new ProgramVersions(LinkLayout.MAJOR + 1, 0, 1, "")));
        assertThrows(
                UnfitException.class,
                () -> DistributionDirectory.checkProtocol(
                        new ProgramVersions(LinkLayout.MAJOR, LinkLayout.MINOR + 1, 1, "")));
    }
}
