package io.jvmm.vcpu.kvm;

import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.InterruptsContract;
import org.junit.jupiter.api.Tag;

/** Interrupts and doorbells that never see user space, and the halted processor, on real KVM. */
@Tag("kvm")
class KvmInterruptsTest extends InterruptsContract {
    @Override
    protected Engine engine(int vcpuCount) {
        return KvmMachines.engine(vcpuCount);
    }
}
