package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.vcpu.kvm.KvmEngine;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The life of the process against a scratch peer, on real KVM. */
@Tag("kvm")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VcpuLifeTest {
    static Fd openKvm() {
        try {
            return FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0);
        } catch (SysException e) {
            return fail("these tests need KVM: load kvm_intel or kvm_amd, and let this user read and write /dev/kvm "
                    + "(adduser $USER kvm). " + e.getMessage());
        }
    }

    @Test
    void fromBootRecordToPowerOffAndStop() {
        try (Fd kvm = openKvm()) {
            final ScratchPeer peer = Training.live(kvm, Optional.empty(), _ -> {});
            assertEquals(StopCause.POWERED_OFF, peer.cause());
            assertTrue(peer.sawFirstInstruction());
            assertEquals(1, peer.reads());
            assertEquals(1, peer.writes());
            assertTrue(peer.log().contains("training sector: boot sector"), peer::log);
        }
    }

    /**
     * The same life in a JVM of its own, with the flags of the launch file and under the narrow filter that the build made of
     * {@code vcpu.policy}: a system call that the process makes after READY and the policy lacks is SIGSYS, status 159. The
     * classes lie in a jar, as in the distribution: the policy lets a late class be read from an open file.
     */
    @Test
    void theLifeUnderTheNarrowFilter(@TempDir Path directory) throws Exception {
        final Path filter = Path.of("../policies/target/policies/vcpu.bpf");
        assertTrue(Files.exists(filter), "the build of policies makes " + filter.toAbsolutePath());
        final Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@src/main/launch/vcpu.launch",
                        "--add-exports",
                        "java.base/jdk.internal.misc=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        jars(directory.resolve("classes.jar")),
                        JailedLife.class.getName(),
                        filter.toString())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertEquals("ready\nPOWERED_OFF under the filter", output.strip());
    }

    /** The class path of this test with all its directories packed into one jar. */
    static String jars(Path jar) throws IOException {
        final StringBuilder classPath = new StringBuilder(jar.toString());
        final Set<String> seen = new HashSet<>();
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (String element : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
                final Path path = Path.of(element);
                if (!Files.isDirectory(path)) {
                    classPath.append(File.pathSeparator).append(element);
                    continue;
                }
                try (Stream<Path> files = Files.walk(path)) {
                    for (Path file : files.filter(Files::isRegularFile).toList()) {
                        final String name = path.relativize(file).toString();
                        if (seen.add(name)) {
                            zip.putNextEntry(new ZipEntry(name));
                            Files.copy(file, zip);
                        }
                    }
                }
            }
        }
        return classPath.toString();
    }

    @Test
    void aSupervisorThatIsGoneBeforeTheBootRecord() {
        final UnixSocket.Pair control = UnixSocket.seqPacketPair();
        control.left().close();
        assertEquals(
                ProcessExit.BOOT_FAILED,
                VcpuMain.run(BootChannel.over(control.right().fd())));
        control.right().close();
    }

    @Test
    void aRecordWithoutItsDescriptorsIsBadConfiguration() {
        try (UnixSocket.Pair control = UnixSocket.seqPacketPair()) {
            BootChannel.over(control.left().fd())
                    .send(BootRecord.builder()
                            .put("vcpus", 1)
                            .put("memory.bytes", 4L << 20)
                            .build());
            assertEquals(
                    ProcessExit.BAD_CONFIGURATION,
                    VcpuMain.run(BootChannel.over(control.right().fd())));
        }
    }

    @Test
    void somethingThatIsNotKvmEndsTheLifeBeforeReady() {
        try (Fd notKvm = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            final ScratchPeer peer = Training.live(notKvm, Optional.empty(), _ -> {});
            assertNull(peer.cause());
        }
    }

    @Test
    void theWarmUpGoesTheWholeWayAndEndsInAReadableCrash() {
        try (Fd kvm = openKvm()) {
            final ScratchPeer peer = WarmUp.run(() -> KvmEngine.create(kvm, 1), 0);
            assertEquals(StopCause.CRASHED, peer.cause());
            assertEquals(2 * WarmUp.READ_ROUNDS, peer.reads());
            assertEquals(2 * WarmUp.WRITE_ROUNDS, peer.writes());
            assertEquals(2, peer.replacements());
            assertTrue(peer.log().contains("triple fault"), peer::log);
            assertTrue(peer.log().contains("RIP    000000000000101e"), peer::log);
            assertTrue(peer.log().contains("0f 0b"), peer::log);
        }
    }
}
