package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.kvm.KvmEngine;
import io.jvmm.vcpu.kvm.KvmProbe;
import io.jvmm.vcpu.x86.X86Engine;
import java.util.Optional;

/**
 * Which engine runs the guest: the one that the boot record names or, where that says {@code auto}, KVM if a stock kernel can run
 * on this host's, else the software processor. The one place that knows both. Main thread, before the jail closes.
 *
 * @param kind the engine
 * @param reason why it is not the other one; empty where there was nothing to choose, and for KVM
 */
record EngineChoice(EngineKind kind, String reason) {
    /** The word in a boot record that leaves the choice to this process. */
    static final String AUTO = "auto";

    private static final String KVM_FD = "kvm";

    /** Looks at the host's KVM if the record says so; takes some milliseconds then. */
    static EngineChoice make(BootRecord record, VcpuConfig config) {
        final Optional<EngineKind> named = config.engine();
        if (named.isPresent()) {
            return new EngineChoice(named.get(), "");
        }
        final Optional<Fd> kvm = record.findFd(KVM_FD);
        final Optional<String> obstacle = kvm.isPresent()
                ? KvmProbe.obstacle(kvm.get())
                : Optional.of(record.findText("kvm.missing").orElse("no KVM was given"));
        if (obstacle.isPresent()) {
            // The software processor's jail holds no way to KVM.
            kvm.ifPresent(Fd::close);
            return new EngineChoice(EngineKind.X86, obstacle.get());
        }
        return new EngineChoice(EngineKind.KVM, "");
    }

    /** Tells the supervisor, if it has left the choice to us. */
    void announce(VcpuConfig config, ProcessEndpoint supervisor) {
        if (config.engine().isEmpty()) {
            supervisor.engine(kind, reason);
        }
    }

    /** A machine without memory and vCPUs. */
    Engine create(BootRecord record, int vcpus) {
        return kind == EngineKind.X86 ? X86Engine.create(vcpus) : KvmEngine.create(record.fd(KVM_FD), vcpus);
    }

    /** Closes what only making a machine needed: the machine's own descriptor and the vCPUs' stay with the engine. */
    void release(BootRecord record) {
        if (kind == EngineKind.KVM) {
            record.findFd(KVM_FD).ifPresent(Fd::close);
        }
    }

    /** The narrow filter that belongs to this engine; empty when the record has none. */
    Optional<byte[]> narrowFilter(BootRecord record) {
        return record.findBytes(filterKey()).filter(bytes -> bytes.length > 0);
    }

    /** {@code seccomp.narrow.kvm} */
    String filterKey() {
        return filterKey(kind);
    }

    static String filterKey(EngineKind kind) {
        return "seccomp.narrow." + kind.word();
    }
}
