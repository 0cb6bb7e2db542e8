package io.jvmm.vcpu.main;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Main class of a forked JVM: a training life under the filter that its argument names; on KVM unless a second one says x86. */
final class JailedLife {
    private JailedLife() {}

    public static void main(String[] args) throws Exception {
        final byte[] filter = Files.readAllBytes(Path.of(args[0]));
        System.out.println("ready");
        final boolean software = args.length > 1 && args[1].equals(EngineKind.X86.word());
        final Fd kvm = software ? null : FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0);
        Training.live(kvm, Optional.of(filter), peer -> {
            System.out.println(peer.cause() + " under the filter");
            Runtime.getRuntime().halt(0);
        });
    }
}
