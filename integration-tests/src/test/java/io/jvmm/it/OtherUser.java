package io.jvmm.it;

/** Words before a command that make it an ordinary user's. */
final class OtherUser {
    /** Debian's nobody; no supplementary group, so no access to /dev/kvm. */
    static final String[] NOBODY = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"};

    /**
     * The same with a /dev/kvm that it may use, in a mount namespace of its own: the host's node keeps its owner and mode.
     */
    static String[] nobodyWithKvm() {
        return new String[] {
            "unshare",
            "-m",
            "sh",
            "-c",
            "mount -t tmpfs none /dev/shm && mknod -m 666 /dev/shm/kvm c 10 232 && mount --bind /dev/shm/kvm /dev/kvm"
                    + " && exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \"$@\"",
            "sh"
        };
    }

    /** The same with one that is root's alone. */
    static String[] nobodyWithoutKvm() {
        String[] words = nobodyWithKvm();
        for (int i = 0; i < words.length; i++) {
            words[i] = words[i].replace("-m 666", "-m 600");
        }
        return words;
    }

    private OtherUser() {}
}
