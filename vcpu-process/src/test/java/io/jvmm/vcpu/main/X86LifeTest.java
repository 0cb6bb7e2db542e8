package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.vcpu.x86.X86Engine;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The life of the process with the software processor: as {@link VcpuLifeTest}, and nothing of the host is needed. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class X86LifeTest {
    @Test
    void fromBootRecordToPowerOffAndStop() {
        final ScratchPeer peer = Training.live(null, Optional.empty(), _ -> {});
        assertEquals(StopCause.POWERED_OFF, peer.cause(), peer::log);
        assertTrue(peer.sawFirstInstruction());
        assertEquals(1, peer.reads());
        assertEquals(1, peer.writes());
    }

    /** A call that is not in {@code vcpu-x86.policy} would be SIGSYS, status 159. */
    @Test
    void theLifeUnderTheNarrowFilter(@TempDir Path directory) throws Exception {
        final Path filter = Path.of("../policies/target/policies/vcpu-x86.bpf");
        assertTrue(Files.exists(filter), "the build of policies makes " + filter.toAbsolutePath());
        final Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@src/main/launch/vcpu-x86.launch",
                        "--add-exports",
                        "java.base/jdk.internal.misc=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        VcpuLifeTest.jars(directory.resolve("classes.jar")),
                        JailedLife.class.getName(),
                        filter.toString(),
                        EngineKind.X86.word())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertEquals("ready\nPOWERED_OFF under the filter", output.strip());
    }

    @Test
    void theWarmUpGoesTheWholeWayAndEndsInAReadableCrash() {
        final ScratchPeer peer = WarmUp.run(() -> X86Engine.create(1), 0);
        assertEquals(StopCause.CRASHED, peer.cause());
        assertEquals(2 * WarmUp.READ_ROUNDS, peer.reads());
        assertEquals(2 * WarmUp.WRITE_ROUNDS, peer.writes());
        assertTrue(peer.log().contains("triple fault"), peer::log);
        assertTrue(peer.log().contains("RIP    000000000000101e"), peer::log);
        assertTrue(peer.log().contains("0f 0b"), peer::log);
    }
}
