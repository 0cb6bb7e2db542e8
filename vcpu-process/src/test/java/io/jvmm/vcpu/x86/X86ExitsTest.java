package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.ExitsContract;

/** The software processor keeps the contract that KVM keeps. */
class X86ExitsTest extends ExitsContract {
    @Override
    protected Engine engine(int vcpuCount) {
        return X86Engine.create(vcpuCount);
    }
}
