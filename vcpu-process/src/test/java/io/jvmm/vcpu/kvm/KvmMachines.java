package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.Engine;
import java.nio.file.Path;

/** Machines on this host's KVM. */
final class KvmMachines {
    private KvmMachines() {}

    static Engine engine(int vcpuCount) {
        try (Fd kvm = openKvm()) {
            return KvmEngine.create(kvm, vcpuCount);
        }
    }

    /** Opens KVM; where that fails the test fails, with the cure: such tests do not skip. */
    static Fd openKvm() {
        try {
            return FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0);
        } catch (SysException e) {
            return fail("these tests need KVM: load kvm_intel or kvm_amd, and let this user read and write /dev/kvm "
                    + "(adduser $USER kvm). " + e.getMessage());
        }
    }
}
