package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.board.MachineStateLayout;
import io.jvmm.vcpu.x86.X86Engine;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The life of the process with the software processor: as {@link VcpuLifeTest}, and nothing of the host is needed. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class X86LifeTest {
    @Test
    void fromBootRecordToPowerOffAndStop() {
        final ScratchPeer peer = Training.live(null, Optional.empty(), _ -> {});
        assertEquals(StopCause.POWERED_OFF, peer.cause(), peer::log);
        assertTrue(peer.sawFirstInstruction());
        assertEquals(1, peer.reads());
        assertEquals(1, peer.writes());
    }

    /** Firmware in place of a kernel; what it may ask its configuration device for is in the memfd that this has. */
    @Test
    void firmware() {
        try (MemFd rom = MemFd.createSealed("test-rom", 64 << 10);
                MemFd files = MemFd.createSealed("test-files", 256 << 10)) {
            try (Mapping image = Mapping.shared(rom.fd(), 0, 64 << 10, Mapping.Access.READ_WRITE)) {
                // At the reset vector: in al, 0x70; out 0x70, al; cli; hlt.
                image.buffer()
                        .putBytes(0xfff0, new byte[] {(byte) 0xe4, 0x70, (byte) 0xe6, 0x70, (byte) 0xfa, (byte) 0xf4});
            }
            final ScratchPeer peer = Training.live(
                    record -> record.put("engine", EngineKind.X86.word())
                            .fd("firmware", rom.fd())
                            .fd("firmware.files", files.fd()),
                    false,
                    _ -> {});
            assertEquals(StopCause.POWERED_OFF, peer.cause(), peer::log);
            assertTrue(peer.log().contains("entry f000:fff0 in real mode"), peer::log);
            try (Mapping image = Mapping.shared(files.fd(), 0, 256 << 10, Mapping.Access.READ_WRITE)) {
                assertEquals("JVMMFWCF", image.buffer().getStringWithoutLengthAscii(0, 8));
                assertEquals(4, image.buffer().getInt(12));
            }
        }
    }

    /** What an inspector reads from the segment when the machine has ended. */
    @Test
    void theStateOutlivesTheProcess() {
        try (MemFd segment = MemFd.createEmpty("test-vcpu-state")) {
            Training.live(
                    record -> record.put("engine", EngineKind.X86.word()).fd("state", segment.fd()), false, _ -> {});
            final CommittedState committed = CommittedState.read(segment.fd());
            final List<String> lines = new ArrayList<>();
            InspectState.print(committed, "", lines::add);
            assertEquals("commit " + committed.sequence() + ", x86, machine stopped", lines.getFirst());
            assertTrue(lines.contains("machine.cause = 0x00000001"), () -> String.join("\n", lines));
            assertTrue(lines.contains("vcpu[0].cpu.segments.CS.selector = 0x0000"), () -> String.join("\n", lines));
            assertTrue(lines.contains("vcpu[0].cpu.control.CR0 = 0x10 (16)"), () -> String.join("\n", lines));
            assertTrue(lines.contains("vcpu[0].apic.LVT_LINT0 = 0x00000700"), () -> String.join("\n", lines));
            assertTrue(lines.contains("chipset.ioapic.redirection[23].low = 0x00010000"));
            assertTrue(
                    lines.stream().anyMatch(l -> l.startsWith("pci.bridge.device = 0x29c0")),
                    () -> String.join("\n", lines));
            assertTrue(lines.contains("pci.slot1.msix[1].control = 0x00000001"), () -> String.join("\n", lines));
            final List<String> one = new ArrayList<>();
            InspectState.print(committed, "vcpu[0].cpu.rip", one::add);
            assertEquals(1, one.size());
        }
    }

    @Test
    void whatIsNotAMachinesStateIsNotPrinted() {
        final CommittedState other =
                new CommittedState(1, MachineStateLayout.VERSION, 1, 0, new UnsafeBuffer(new byte[100]));
        assertThrows(IllegalArgumentException.class, () -> InspectState.print(other, "", _ -> {}));
        final UnsafeBuffer bytes = new UnsafeBuffer(new byte[MachineStateLayout.LENGTH_BYTES + 10]);
        bytes.putInt(0, EngineKind.X86.number());
        bytes.putInt(16, Integer.MAX_VALUE);
        bytes.putInt(20, 1);
        final CommittedState many =
                new CommittedState(MachineStateLayout.DEVICE_ID, MachineStateLayout.VERSION, 1, 0, bytes);
        assertThrows(IllegalArgumentException.class, () -> InspectState.print(many, "", _ -> {}));
        bytes.putInt(16, 1);
        assertThrows(IllegalArgumentException.class, () -> InspectState.print(many, "", _ -> {}), "too short");
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
        assertEquals(2, peer.replacements());
        assertTrue(peer.log().contains("triple fault"), peer::log);
        assertTrue(peer.log().contains("RIP    000000000000101e"), peer::log);
        assertTrue(peer.log().contains("0f 0b"), peer::log);
    }
}
