package io.jvmm.vcpu.main;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Main class of a forked JVM: a training life under the filter that its argument names. */
final class JailedLife {
    private JailedLife() {}

    public static void main(String[] args) throws Exception {
        final byte[] filter = Files.readAllBytes(Path.of(args[0]));
        System.out.println("ready");
        final Fd kvm = FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0);
        Training.live(kvm, Optional.of(filter), peer -> {
            System.out.println(peer.cause() + " under the filter");
            Runtime.getRuntime().halt(0);
        });
    }
}
