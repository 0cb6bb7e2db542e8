package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.ConfigProblem;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.LoadedConfig;
import io.jvmm.supervisor.config.VmToml;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With images that qemu-img makes (Debian package qemu-utils). */
class DiskImagesTest {
    @TempDir
    Path dir;

    private final List<Opening> openings = new ArrayList<>();

    @AfterEach
    void close() {
        openings.forEach(Opening::close);
    }

    private record Result(Wiring wiring, Opening opening) {
        String problems() {
            return String.join(
                    "\n",
                    opening.problems().stream().map(ConfigProblem::message).toList());
        }
    }

    private Result open(String path, String more) throws ConfigException {
        String text = "[boot]\nkernel = \"k\"\n[[block]]\npath = \"" + path + "\"\n" + more;
        LoadedConfig config = VmToml.read(text, "vm.toml", dir, new HostFacts(1L << 34, 2), VmToml.Options.STANDARD);
        Opening opening = new Opening(config, _ -> {});
        openings.add(opening);
        BlockConfig disk = config.config().devices().stream()
                .filter(BlockConfig.class::isInstance)
                .map(BlockConfig.class::cast)
                .findFirst()
                .orElseThrow();
        return new Result(new DiskImages(opening).open(disk), opening);
    }

    private static String behind(String... images) {
        return "backing = [\"" + String.join("\", \"", images) + "\"]\n";
    }

    private void raw(String name, long bytes) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(dir.resolve(name).toFile(), "rw")) {
            file.setLength(bytes);
        }
    }

    private String qemuImg(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .directory(dir.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? "" : said;
    }

    @Test
    void aRawDisk() throws Exception {
        raw("d.img", 1 << 20);
        Result r = open("d.img", "");
        assertEquals("", r.problems());
        assertEquals("[image, witness]", r.wiring().fds().keySet().toString());
        assertEquals("raw", r.wiring().entries().get("format"));
    }

    /** A second description of the file: it is told, too, of what the kernel could not write. Where nothing of that kind counts there is none. */
    @Test
    void aWitnessForWhatThePageCacheLoses() throws Exception {
        raw("d.img", 1 << 20);
        for (String keys : List.of("cache = \"unsafe\"", "read_only = true")) {
            assertEquals(
                    "[image]",
                    open("d.img", keys + "\n").wiring().fds().keySet().toString(),
                    keys);
            close();
        }
        Map<String, Fd> fds =
                open("d.img", "cache = \"writethrough\"\n").wiring().fds();
        Fd witness = Objects.requireNonNull(fds.get("witness"));
        assertEquals(1 << 20, FileIo.length(witness), "the same file");
    }

    @Test
    void aChainIsOpenedWhereTheListAndTheHeadersSayTheSame() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "mid.qcow2"));
        Files.createDirectory(dir.resolve("sub"));
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "../mid.qcow2", "sub/top.qcow2"));
        Result r = open("sub/top.qcow2", behind("mid.qcow2", "base.img"));
        assertEquals("", r.problems());
        assertEquals(
                "[image, witness, backing.0, backing.1]",
                r.wiring().fds().keySet().toString());
        assertEquals("qcow2", r.wiring().entries().get("backing.0.format"));
        assertEquals("raw", r.wiring().entries().get("backing.1.format"));
    }

    @Test
    void version2HasItsExtensionsToo() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals(
                "",
                qemuImg("create", "-q", "-f", "qcow2", "-o", "compat=0.10", "-F", "raw", "-b", "base.img", "v2.qcow2"));
        Result r = open("v2.qcow2", behind("base.img"));
        assertEquals("", r.problems());
        assertEquals("raw", r.wiring().entries().get("backing.0.format"));
    }

    @Test
    void twoWritersCannotHaveOneImageAndReadersCan() throws Exception {
        raw("d.img", 1 << 20);
        assertEquals("", open("d.img", "").problems());
        String problems = open("d.img", "").problems();
        assertTrue(problems.contains("d.img is in use"), problems);
        assertTrue(open("d.img", "read_only = true\n").problems().contains("is in use"));
        raw("r.img", 1 << 20);
        assertEquals("", open("r.img", "read_only = true\n").problems());
        assertEquals("", open("r.img", "read_only = true\n").problems());
        assertTrue(open("r.img", "").problems().contains("add read_only = true"));
    }

    @Test
    void qemuKeepsToOurLocksAndWeToItsOwn() throws Exception {
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "d.qcow2", "1M"));
        assertEquals("", open("d.qcow2", "").problems());
        String said = qemuImg("resize", "-q", "d.qcow2", "2M");
        assertTrue(said.contains("lock"), said);
        assertEquals("", qemuImg("create", "-q", "-f", "raw", "q.img", "1M"));
        Process qemu = new ProcessBuilder("qemu-io", "-f", "raw", "q.img")
                .directory(dir.toFile())
                .redirectErrorStream(true)
                .start();
        try {
            // Its prompt says that it has the image.
            assertTrue(qemu.getInputStream().read() >= 0);
            String problems = open("q.img", "").problems();
            assertTrue(problems.contains("is in use by process " + qemu.pid() + " (\"qemu-io\")"), problems);
        } finally {
            qemu.destroyForcibly().waitFor();
        }
    }

    /** As the kernel does it: ".." behind a link to a directory is where that directory is. */
    @Test
    void aBackingImageIsFoundBehindALink() throws Exception {
        Files.createDirectories(dir.resolve("real/sub"));
        raw("real/base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "../base.img", "real/sub/a.qcow2"));
        Files.createSymbolicLink(dir.resolve("link"), Path.of("real/sub"));
        for (String base : List.of("real/base.img", "link/../base.img")) {
            Result r = open("link/a.qcow2", behind(base));
            assertEquals("", r.problems());
            assertEquals(
                    "[image, witness, backing.0]", r.wiring().fds().keySet().toString());
            close();
        }
    }

    /** The disk's own length is whole blocks; what lies behind it may end anywhere, as QEMU's tools make them. */
    @Test
    void aRawBackingImageMayEndAnywhere() throws Exception {
        raw("odd.img", (1 << 20) + 100);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "odd.img", "a.qcow2", "2M"));
        assertEquals("", open("a.qcow2", behind("odd.img")).problems());
    }

    /** As a block process that its guest has taken over can: the name of a file that only the supervisor's user may read. */
    private void writeName(String image, String name) throws Exception {
        byte[] bytes = Files.readAllBytes(dir.resolve(image));
        ByteBuffer header = ByteBuffer.wrap(bytes);
        byte[] written = name.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        header.putInt(16, written.length).put((int) header.getLong(8), written);
        Files.write(dir.resolve(image), bytes);
    }

    @Test
    void aNameInAHeaderOpensNothing() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "a.qcow2"));
        Path image = dir.resolve("a.qcow2");
        Path base = dir.resolve("base.img");

        Result unlisted = open("a.qcow2", "");
        assertEquals(
                "[vm.toml:4:1: block[1].path: " + image
                        + " says that \"base.img\" lies behind it, and the configuration"
                        + " does not. If that is meant: backing = [\"" + base + "\"]. If not, somebody has written it"
                        + " there.]",
                unlisted.opening().problems().toString());
        close();

        writeName("a.qcow2", "/etc/passwd");
        Result r = open("a.qcow2", behind("base.img"));
        assertEquals(
                "[vm.toml:5:1: block[1].backing: " + image
                        + " says that \"/etc/passwd\" lies behind it, and that is not " + base
                        + ". Correct backing, or look into the image: qemu-img info " + image + "]",
                r.opening().problems().toString());
        assertEquals("[image, witness]", r.wiring().fds().keySet().toString());
        close();

        Result attacked = open("a.qcow2", "");
        assertEquals(
                "[vm.toml:4:1: block[1].path: " + image + " says that \"/etc/passwd\" lies behind it, and the"
                        + " configuration does not. If that is meant: backing = [\"/etc/passwd\"]. If not, somebody has"
                        + " written it there.]",
                attacked.opening().problems().toString());
        assertEquals("[image, witness]", attacked.wiring().fds().keySet().toString());
    }

    /** What an image makes a user write into the configuration looks like what it is. */
    @Test
    void aNameCannotPretendToBeAnother() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "a.qcow2"));
        writeName("a.qcow2", "/etc/\u202edwssap\"]");
        String problems = open("a.qcow2", "").problems();
        assertTrue(problems.contains("backing = [\"/etc/\\U0000202Edwssap\\\"]\"]"), problems);
    }

    @Test
    void aListedImageMustBeNamed() throws Exception {
        raw("base.img", 1 << 20);
        raw("older.raw", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "a.qcow2"));
        assertEquals(
                dir.resolve("older.raw") + " is in the list, and " + dir.resolve("base.img")
                        + " has no image behind it. Remove it from backing.",
                open("a.qcow2", behind("base.img", "older.raw")).problems());
        close();
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "alone.qcow2", "1M"));
        assertEquals(
                dir.resolve("base.img") + " is in the list, and " + dir.resolve("alone.qcow2")
                        + " has no image behind it. Remove it from backing.",
                open("alone.qcow2", behind("base.img")).problems());
    }

    /** The format of the image behind is in the header too. */
    @Test
    void aFormatInAHeaderOpensNothing() throws Exception {
        // A raw image whose guest made it look like a qcow2 one that lies on a file of the host.
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", "b", "1M"));
        Files.write(dir.resolve("base.img"), Files.readAllBytes(dir.resolve("b")));
        assertEquals(
                "", qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "base.img", "a.qcow2", "1M"));
        Result r = open("a.qcow2", behind("base.img"));
        assertTrue(r.problems().contains("base.img says that \"/etc/passwd\" lies behind it"), r::problems);
        assertEquals("[image, witness, backing.0]", r.wiring().fds().keySet().toString());
        close();

        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "b.qcow2", "1M"));
        assertEquals("", qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "b.qcow2", "c.qcow2", "1M"));
        assertEquals(
                dir.resolve("c.qcow2") + " says that " + dir.resolve("b.qcow2")
                        + " is raw, and its name says qcow2. If it"
                        + " is raw, rename it; else: qemu-img rebase -u -F qcow2 -b " + dir.resolve("b.qcow2") + " "
                        + dir.resolve("c.qcow2") + ".",
                open("c.qcow2", behind("b.qcow2")).problems());
    }

    @Test
    void twoDisksOfOneMachineAreToldApartFromStrangers() throws Exception {
        raw("d.img", 1 << 20);
        assertEquals("", open("d.img", "").problems());
        String problems = open("d.img", "").problems();
        assertTrue(problems.contains("is in use by another disk of this machine"), problems);
    }

    @Test
    void aCircleIsRefused() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "a.qcow2"));
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "a.qcow2", "b.qcow2"));
        assertEquals("", qemuImg("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "b.qcow2", "a.qcow2"));
        assertTrue(open("a.qcow2", behind("b.qcow2", "a.qcow2")).problems().contains("form a circle"));
    }

    @Test
    void aChainHasAnEnd() throws Exception {
        raw("0.img", 1 << 20);
        String below = "0.img";
        List<String> images = new ArrayList<>();
        for (int n = 1; n <= BlockConfig.MOST_BACKING + 1; n++) {
            images.addFirst(below);
            String image = n + ".qcow2";
            String format = n == 1 ? "raw" : "qcow2";
            assertEquals("", qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", format, "-b", below, image, "1M"));
            below = image;
        }
        String top = images.removeFirst();
        String most = behind(images.toArray(String[]::new));
        assertEquals("", open(top, most).problems());
        close();
        String problems = open(BlockConfig.MOST_BACKING + 1 + ".qcow2", most).problems();
        assertTrue(problems.contains("says that \"16.qcow2\" lies behind it, and that is not"), problems);
    }

    @Test
    void aBackingImageOfUnknownKindIsNotGuessed() throws Exception {
        raw("base.img", 1 << 20);
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.img", "a.qcow2"));
        byte[] image = Files.readAllBytes(dir.resolve("a.qcow2"));
        ByteBuffer header = ByteBuffer.wrap(image);
        int at = 104;
        while (header.getInt(at) != 0xE2792ACA) {
            at++;
        }
        // An extension that nobody knows is left alone (qcow2.txt, "Header extensions").
        header.putInt(at, 0x12345678);
        Files.write(dir.resolve("a.qcow2"), image);
        String problems = open("a.qcow2", behind("base.img")).problems();
        assertTrue(problems.contains("does not say what its backing image is"), problems);
    }

    @Test
    void whatIsNoFileIsNoBackingImage() throws Exception {
        for (String name : List.of("json:{}", "nbd:localhost:10809", "vvfat:x", "fifo")) {
            Files.deleteIfExists(dir.resolve("a.qcow2"));
            assertEquals("", qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", name, "a.qcow2", "1M"));
            if (name.equals("fifo")) {
                assertEquals(
                        0,
                        new ProcessBuilder("mkfifo", dir.resolve("fifo").toString())
                                .start()
                                .waitFor());
            }
            String problems = open("a.qcow2", behind(name)).problems();
            assertTrue(
                    problems.contains("a backing image that is no file")
                            || problems.contains("neither a regular file nor a block device"),
                    name + ": " + problems);
        }
    }

    @Test
    void nothingIsGuessedFromTheContentOfARawDisk() throws Exception {
        assertEquals("", qemuImg("create", "-q", "-f", "qcow2", "d.img", "1M"));
        Files.write(dir.resolve("pad"), new byte[512]);
        Result r = open("d.img", "");
        assertEquals("raw", r.wiring().entries().get("format"));
        assertTrue(r.opening().notices().toString().contains("begins like a qcow2 image"), r::problems);
        close();
        assertEquals(List.of(), open("d.img", "format = \"raw\"\n").opening().notices());
    }

    @Test
    void wrongImagesAreNamedWithTheCure() throws Exception {
        raw("odd.img", 1000);
        raw("empty.img", 0);
        raw("no.qcow2", 4096);
        assertTrue(open("odd.img", "").problems().endsWith("Mend it: truncate -s %512 " + dir.resolve("odd.img")));
        assertTrue(open("empty.img", "").problems().contains("truncate -s 10G"));
        assertTrue(open("no.qcow2", "").problems().contains("is no qcow2 image"));
        assertTrue(open("absent.img", "").problems().contains("there is no " + dir.resolve("absent.img")));
        assertTrue(open("/proc/self/maps", "read_only = true\n").problems().contains("has no length"));
        assertTrue(open("/dev/null", "").problems().contains("neither a regular file nor a block device"));
    }
}
