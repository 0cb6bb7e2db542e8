package io.jvmm.it;

import java.nio.file.Files;
import java.nio.file.Path;

/** What the tests need of this host, or the command that mends it: a test is never silently skipped. */
final class Host {
    /** Words before a command that give it a /dev without kvm, in a mount namespace of its own. Root only. */
    static final String[] WITHOUT_KVM = {
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs none /dev/shm && mkdir /dev/shm/dev"
                + " && for n in null zero full random urandom tty ptmx; do touch /dev/shm/dev/$n"
                + " && mount --bind /dev/$n /dev/shm/dev/$n; done"
                + " && mount --rbind /dev/shm/dev /dev && exec \"$@\"",
        "sh"
    };

    private Host() {}

    static void requireKvm() {
        Path kvm = Path.of("/dev/kvm");
        if (!Files.exists(kvm)) {
            throw new AssertionError("these tests need /dev/kvm: modprobe kvm, or a machine with virtualisation");
        }
        if (!Files.isReadable(kvm) || !Files.isWritable(kvm)) {
            throw new AssertionError("these tests need /dev/kvm: sudo usermod -aG kvm $USER, and log in anew");
        }
    }

    static boolean isRoot() {
        return "root".equals(System.getProperty("user.name"));
    }

    static void requireRoot() {
        if (!isRoot()) {
            throw new AssertionError("this test switches users, so it runs as root only");
        }
    }

    /** Whether a program is on the path. */
    static boolean has(String program) {
        for (String directory : System.getenv().getOrDefault("PATH", "/usr/bin").split(":", -1)) {
            if (Files.isExecutable(Path.of(directory, program))) {
                return true;
            }
        }
        return false;
    }
}
