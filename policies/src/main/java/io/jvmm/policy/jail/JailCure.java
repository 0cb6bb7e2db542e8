package io.jvmm.policy.jail;

import java.io.IOException;

/** What to do when the host refuses a step of the jail: the exact command, where there is one. */
final class JailCure {
    private static final int EPERM = 1;
    private static final int EAGAIN = 11;
    private static final int EACCES = 13;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;
    private static final int ENOSYS = 38;
    private static final int EUSERS = 87;

    private JailCure() {}

    static String ofClone(int errno) {
        return switch (errno) {
            case EPERM -> namespacesForbidden();
            case ENOSPC, EUSERS ->
                "the host allows no further namespace: sysctl -w user.max_user_namespaces=10000 (it is "
                        + sysctl("user/max_user_namespaces") + "); max_mnt_, max_pid_ and max_net_namespaces likewise";
            case EINVAL ->
                "this kernel lacks a kind of namespace: it needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS and UTS_NS";
            case ENOSYS ->
                "no clone3: Linux 5.14 or newer is needed, or the container's seccomp profile must allow clone3";
            case EAGAIN -> "too many processes: raise ulimit -u";
            default -> "";
        };
    }

    static String ofLandlock() {
        return "boot with landlock among the kernel parameter lsm= (cat /sys/kernel/security/lsm shows those of today)";
    }

    static String ofIdMaps() {
        String restricted = restrictedByAppArmor();
        return restricted.isEmpty()
                ? "as root it needs CAP_SETUID and CAP_SETGID, and in a container a uid range that /proc/self/uid_map contains"
                : restricted;
    }

    static String ofStep(String step, int errno) {
        if (errno == ENOSYS) {
            return "this kernel is too old: Linux 5.14 or newer is needed";
        }
        if (step.startsWith("execve")) {
            return "the program or its loader is missing in the jail, or not readable for the jail's uid";
        }
        if (step.startsWith("take ")) {
            return "the user who runs the supervisor must be able to read it";
        }
        if (step.startsWith("limit ") && errno == EPERM) {
            return "the one who started the supervisor is limited further: raise that limit there (ulimit -H -a lists them)";
        }
        if (step.startsWith("lift ")) {
            return "too few open files are allowed: ulimit -n 1024";
        }
        if (errno == EPERM || errno == EACCES) {
            return restrictedByAppArmor();
        }
        return "";
    }

    private static String namespacesForbidden() {
        if (sysctl("kernel/unprivileged_userns_clone").equals("0")) {
            return "user namespaces are forbidden: sysctl -w kernel.unprivileged_userns_clone=1";
        }
        if (sysctl("user/max_user_namespaces").equals("0")) {
            return "user namespaces are forbidden: sysctl -w user.max_user_namespaces=10000";
        }
        String restricted = restrictedByAppArmor();
        return restricted.isEmpty()
                ? "user namespaces are forbidden here, perhaps by a container's seccomp profile or because of a chroot: start outside it"
                : restricted;
    }

    private static String restrictedByAppArmor() {
        return sysctl("kernel/apparmor_restrict_unprivileged_userns").equals("1")
                ? "AppArmor restricts user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or start as root"
                : "";
    }

    private static String sysctl(String name) {
        try {
            return ProcSys.read(name);
        } catch (IOException e) {
            return "";
        }
    }
}
