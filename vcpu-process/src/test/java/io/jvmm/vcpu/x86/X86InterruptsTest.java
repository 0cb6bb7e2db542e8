package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.InterruptsContract;

/** The software processor keeps the contract that KVM keeps. */
class X86InterruptsTest extends InterruptsContract {
    @Override
    protected Engine engine(int vcpuCount) {
        return X86Engine.create(vcpuCount);
    }
}
