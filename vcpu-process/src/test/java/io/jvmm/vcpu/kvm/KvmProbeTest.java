package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the probe says of this host, checked against what the host says of itself. */
@Tag("kvm")
class KvmProbeTest {
    /** kvm_pvm has no INT3 in long mode; kvm_intel and kvm_amd run ring 0 on the processor. */
    @Test
    void softwareKvmIsToldFromHardware() {
        final boolean software = Files.exists(Path.of("/sys/module/kvm_pvm"));
        try (Fd kvm = KvmMachines.openKvm()) {
            final Optional<String> obstacle = KvmProbe.obstacle(kvm);
            assertEquals(software, obstacle.isPresent(), obstacle.orElse("none"));
        }
    }

    @Test
    void whatIsNotKvmIsAnObstacle() {
        try (Fd other = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            assertTrue(KvmProbe.obstacle(other).isPresent());
        }
    }
}
