package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.kvm.KvmEngine;
import io.jvmm.vcpu.x86.X86Engine;

/** The engines, by their word in the boot record. The one place that knows both. */
final class Engines {
    /** The host's; needs the descriptor {@code kvm}. */
    static final String KVM = "kvm";

    /** The software processor; needs no descriptor. */
    static final String X86 = "x86";

    private Engines() {}

    /** A machine of the engine that the record names, without memory and vCPUs. */
    static Engine create(BootRecord record, VcpuConfig config, int vcpus) {
        return config.engine().equals(X86) ? X86Engine.create(vcpus) : KvmEngine.create(record.fd(KVM), vcpus);
    }
}
