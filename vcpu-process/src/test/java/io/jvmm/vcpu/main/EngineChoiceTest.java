package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.vcpu.kvm.KvmProbe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code engine = auto}: who is chosen, why, and what becomes of the descriptor. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EngineChoiceTest {
    private static BootRecord.Builder record(String engine) {
        return BootRecord.builder().put("engine", engine).put("vcpus", 1).put("memory.bytes", 1L << 20);
    }

    private static EngineChoice choose(BootRecord record) {
        return EngineChoice.make(record, VcpuConfig.from(record));
    }

    @Test
    void whatTheRecordNamesIsNotQuestioned() {
        assertEquals(new EngineChoice(EngineKind.X86, ""), choose(record("x86").build()));
        assertEquals(new EngineChoice(EngineKind.KVM, ""), choose(record("kvm").build()));
    }

    @Test
    void withoutKvmTheSupervisorsReasonIsGiven() {
        assertEquals(
                new EngineChoice(EngineKind.X86, "there is no /dev/kvm"),
                choose(record("auto").put("kvm.missing", "there is no /dev/kvm").build()));
    }

    @Test
    void aDescriptorThatIsNotKvmIsClosed() {
        final Fd other = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0);
        final EngineChoice choice = choose(record("auto").fd("kvm", other).build());
        assertEquals(EngineKind.X86, choice.kind());
        assertTrue(choice.reason().startsWith("this KVM does not work: "), choice::reason);
        assertThrows(IllegalStateException.class, other::number);
    }

    @Test
    @Tag("kvm")
    void theChoiceIsTheProbes() {
        final Optional<String> obstacle;
        try (Fd kvm = VcpuLifeTest.openKvm()) {
            obstacle = KvmProbe.obstacle(kvm);
        }
        try (Fd kvm = VcpuLifeTest.openKvm()) {
            final EngineChoice choice = choose(record("auto").fd("kvm", kvm).build());
            assertEquals(
                    obstacle.isPresent()
                            ? new EngineChoice(EngineKind.X86, obstacle.get())
                            : new EngineChoice(EngineKind.KVM, ""),
                    choice);
        }
    }

    @Test
    void eachEngineHasItsFilter() {
        final BootRecord record = record("auto")
                .put("seccomp.narrow.kvm", new byte[] {1})
                .put("seccomp.narrow.x86", new byte[] {2})
                .build();
        assertEquals(
                2, new EngineChoice(EngineKind.X86, "").narrowFilter(record).orElseThrow()[0]);
        assertEquals(
                1, new EngineChoice(EngineKind.KVM, "").narrowFilter(record).orElseThrow()[0]);
    }

    @Test
    void theWholeLifeSaysWhichAndHoldsNoKvm() {
        final ScratchPeer peer = Training.live(
                record -> record.put("engine", "auto").put("kvm.missing", "nobody has brought one"), false, _ -> {});
        assertEquals(StopCause.POWERED_OFF, peer.cause(), peer::log);
        assertTrue(peer.log().startsWith("engine x86: nobody has brought one\n"), peer::log);
    }

    /** Descriptors of the probe's scratch machine included. */
    @Test
    @Tag("kvm")
    void theProbeLeavesNoDescriptor() throws Exception {
        try (Fd kvm = VcpuLifeTest.openKvm()) {
            // Machines of other tests may still be there until they are collected.
            final List<String> before = kvmDescriptors();
            KvmProbe.obstacle(kvm);
            assertEquals(before, kvmDescriptors());
        }
    }

    private static List<String> kvmDescriptors() throws IOException {
        final List<String> found = new ArrayList<>();
        try (var all = Files.list(Path.of("/proc/self/fd"))) {
            for (Path fd : all.sorted().toList()) {
                final String target =
                        Files.exists(fd) ? Files.readSymbolicLink(fd).toString() : "";
                if (target.contains("kvm-v")) {
                    found.add(fd + " " + target);
                }
            }
        }
        return found;
    }
}
