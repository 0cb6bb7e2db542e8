package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The life of the process against a scratch peer, on real KVM. */
@Tag("kvm")
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VcpuLifeTest {
    private static Fd openKvm() {
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
            final ScratchPeer peer = Training.live(kvm);
            assertEquals(StopCause.POWERED_OFF, peer.cause());
            assertTrue(peer.sawFirstInstruction());
            assertEquals(1, peer.reads());
            assertEquals(1, peer.writes());
            assertTrue(peer.log().contains("training sector: boot sector"), peer::log);
        }
    }

    @Test
    void theWarmUpGoesTheWholeWayAndEndsInAReadableCrash() {
        try (Fd kvm = openKvm()) {
            final ScratchPeer peer = WarmUp.run(kvm, 0);
            assertEquals(StopCause.CRASHED, peer.cause());
            assertEquals(500, peer.reads());
            assertEquals(500, peer.writes());
            assertTrue(peer.log().contains("triple fault"), peer::log);
            assertTrue(peer.log().contains("RIP    0000000000001017"), peer::log);
            assertTrue(peer.log().contains("0f 0b"), peer::log);
        }
    }
}
