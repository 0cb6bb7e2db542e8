package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.PreparedCall;
import io.jvmm.policy.sys.PreparedCall.Argument;
import io.jvmm.policy.sys.Seccomp;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The jail as a list of system calls, in the order the child makes them. Pure: it opens nothing and calls nothing.
 *
 * <p>The child starts in new user, mount, pid, network, ipc, uts and cgroup namespaces, with every capability inside its user
 * namespace, none outside, and all signals blocked. It gives up one thing after another and ends in execve.
 */
public final class JailPlan {
    /**
     * Where the child finds the descriptors the supervisor opened for it.
     *
     * @param goRead pipe on which the child waits for its id maps
     * @param goWrite that pipe's other end
     * @param supervisor pidfd of the supervisor
     * @param landlockRuleset -1 where there is no Landlock
     * @param detachedMounts one per bind, or none when the child takes them itself
     */
    public record Descriptors(
            int goRead, int goWrite, int supervisor, int landlockRuleset, List<Integer> detachedMounts) {
        public Descriptors {
            detachedMounts = List.copyOf(detachedMounts);
        }
    }

    private static final int AT_FDCWD = -100;
    private static final int AT_RECURSIVE = 0x8000;
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int OPEN_TREE_CLONE_CLOEXEC = 1 | 0x80000;
    private static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
    private static final int FSOPEN_CLOEXEC = 1;
    private static final int FSMOUNT_CLOEXEC = 1;
    private static final int FSCONFIG_SET_STRING = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final int MNT_DETACH = 2;
    private static final long MS_REC_PRIVATE = 0x4000 | 0x40000;
    private static final long MS_BIND = 0x1000;
    private static final long NOSUID_NODEV = 2 | 4;
    private static final long RDONLY_NOSUID_NODEV = 1 | NOSUID_NODEV;
    private static final long NOEXEC = 8;
    private static final int S_IFREG_0444 = 0x8000 | 0444;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int PR_SET_PDEATHSIG = 1;
    private static final int PR_CAPBSET_DROP = 24;
    private static final int PR_SET_SECUREBITS = 28;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_CAP_AMBIENT = 47;
    private static final int PR_CAP_AMBIENT_CLEAR_ALL = 4;
    /** NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE; each with its lock. */
    private static final int SECUREBITS = 0b1110_1111;

    private static final int SIGKILL = 9;
    private static final int POLLIN = 1;
    private static final int SIG_SETMASK = 2;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int RLIMIT_FSIZE = 1;
    private static final int RLIMIT_CORE = 4;
    private static final int RLIMIT_NPROC = 6;
    private static final int RLIMIT_NOFILE = 7;
    private static final int RLIMIT_MEMLOCK = 8;
    private static final int RLIMIT_AS = 9;
    private static final int RLIMIT_LOCKS = 10;
    private static final int RLIMIT_MSGQUEUE = 12;
    private static final int RLIMIT_NICE = 13;
    private static final int RLIMIT_RTPRIO = 14;

    private static final PreparedCall MOUNTS_PRIVATE =
            PreparedCall.of("make mounts private", SyscallNumbers.MOUNT, "none", "/", 0, MS_REC_PRIVATE, 0);

    private final List<PreparedCall> steps = new ArrayList<>();

    private JailPlan() {}

    /** The whole jail of one process. */
    public static List<PreparedCall> jailed(
            JailSpec spec,
            List<String> argv,
            Map<String, String> environment,
            List<FdMapping> fds,
            HostFacts facts,
            Descriptors descriptors) {
        JailPlan plan = new JailPlan();
        plan.waitForTheSupervisor(descriptors);
        plan.limit("core", RLIMIT_CORE, 0);
        List<Argument> sources = plan.takeMountSources(spec, descriptors);
        plan.becomeNobody(spec.identity());
        plan.buildRoot(spec, sources);
        plan.leaveTheSession(spec.hostName());
        plan.limits(spec.limits());
        plan.dropPrivileges(facts.lastCapability());
        if (descriptors.landlockRuleset() >= 0) {
            plan.add(PreparedCall.of(
                    "landlock_restrict_self", SyscallNumbers.LANDLOCK_RESTRICT_SELF, descriptors.landlockRuleset(), 0));
        }
        plan.dropCapabilities();
        plan.tieToTheSupervisor(descriptors.supervisor());
        plan.arrangeDescriptors(fds);
        plan.limit("descriptors", RLIMIT_NOFILE, spec.limits().openFiles());
        int instructions = spec.wideFilter().length / Seccomp.INSTRUCTION_BYTES;
        plan.add(PreparedCall.of(
                "seccomp wide filter",
                SyscallNumbers.SECCOMP,
                SECCOMP_SET_MODE_FILTER,
                0,
                new Argument.CountedBytes(instructions, spec.wideFilter())));
        plan.execute(argv, environment);
        return List.copyOf(plan.steps);
    }

    /** No jail at all: the descriptors, the tie to the supervisor, and execve. */
    public static List<PreparedCall> unconfined(
            List<String> argv, Map<String, String> environment, List<FdMapping> fds, Descriptors descriptors) {
        JailPlan plan = new JailPlan();
        plan.waitForTheSupervisor(descriptors);
        plan.runFree(argv, environment, fds, descriptors);
        return List.copyOf(plan.steps);
    }

    /** The same in a mount namespace of its own, in which a file has another's place. */
    static List<PreparedCall> unconfined(
            List<String> argv,
            Map<String, String> environment,
            List<FdMapping> fds,
            Descriptors descriptors,
            Path file,
            Path place) {
        JailPlan plan = new JailPlan();
        plan.waitForTheSupervisor(descriptors);
        plan.add(MOUNTS_PRIVATE);
        plan.add(PreparedCall.of(
                "mount " + file + " at " + place,
                SyscallNumbers.MOUNT,
                file.toString(),
                place.toString(),
                0,
                MS_BIND,
                0));
        plan.runFree(argv, environment, fds, descriptors);
        return List.copyOf(plan.steps);
    }

    private void runFree(
            List<String> argv, Map<String, String> environment, List<FdMapping> fds, Descriptors descriptors) {
        tieToTheSupervisor(descriptors.supervisor());
        arrangeDescriptors(fds);
        execute(argv, environment);
    }

    private void add(PreparedCall step) {
        steps.add(step);
    }

    /** The supervisor writes the id maps from outside and then one byte into the pipe. End of file means that it died. */
    private void waitForTheSupervisor(Descriptors d) {
        add(PreparedCall.of("die with the supervisor", SyscallNumbers.PRCTL, PR_SET_PDEATHSIG, SIGKILL));
        add(PreparedCall.of("close the pipe's other end", SyscallNumbers.CLOSE, d.goWrite()));
        add(PreparedCall.of("wait for the id maps", SyscallNumbers.READ, d.goRead(), new byte[8], 1)
                .mustReturn(1));
    }

    /** Changing ids cleared the parent-death signal, so it is set again; a supervisor that died meanwhile has a readable pidfd. */
    private void tieToTheSupervisor(int supervisor) {
        add(PreparedCall.of("die with the supervisor, again", SyscallNumbers.PRCTL, PR_SET_PDEATHSIG, SIGKILL));
        byte[] pollfd = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(supervisor)
                .putShort((short) POLLIN)
                .array();
        add(PreparedCall.of("the supervisor still lives", SyscallNumbers.POLL, pollfd, 1, 0)
                .mustReturn(0));
    }

    /**
     * A privileged supervisor hands over detached copies of the mounts, since the child's uid may not be able to walk to the sources.
     * An ordinary user's child walks there itself, as that user.
     */
    private List<Argument> takeMountSources(JailSpec spec, Descriptors d) {
        List<Argument> sources = new ArrayList<>();
        for (int i = 0; i < spec.binds().size(); i++) {
            if (!d.detachedMounts().isEmpty()) {
                sources.add(new Argument.Value(d.detachedMounts().get(i)));
                continue;
            }
            Bind bind = spec.binds().get(i);
            String name = "take " + bind.source() + " for " + bind.target();
            add(PreparedCall.of(
                    name,
                    SyscallNumbers.OPEN_TREE,
                    AT_FDCWD,
                    bind.source().toString(),
                    OPEN_TREE_CLONE_CLOEXEC | (bind.directory() ? AT_RECURSIVE : 0)));
            sources.add(new Argument.ResultOf(name));
        }
        return sources;
    }

    private void becomeNobody(HostIdentity identity) {
        if (identity instanceof HostIdentity.Ids) {
            add(PreparedCall.of("setgroups to none", SyscallNumbers.SETGROUPS, 0, 0));
        }
        int id = HostIdentity.INSIDE_ID;
        add(PreparedCall.of("setresgid", SyscallNumbers.SETRESGID, id, id, id));
        add(PreparedCall.of("setresuid", SyscallNumbers.SETRESUID, id, id, id));
    }

    private void buildRoot(JailSpec spec, List<Argument> sources) {
        add(MOUNTS_PRIVATE);
        add(PreparedCall.of("fsopen tmpfs", SyscallNumbers.FSOPEN, "tmpfs", FSOPEN_CLOEXEC));
        Argument context = new Argument.ResultOf("fsopen tmpfs");
        add(PreparedCall.of("tmpfs size", SyscallNumbers.FSCONFIG, context, FSCONFIG_SET_STRING, "size", "64k", 0));
        add(PreparedCall.of(
                "tmpfs inodes", SyscallNumbers.FSCONFIG, context, FSCONFIG_SET_STRING, "nr_inodes", "256", 0));
        add(PreparedCall.of("tmpfs mode", SyscallNumbers.FSCONFIG, context, FSCONFIG_SET_STRING, "mode", "0755", 0));
        add(PreparedCall.of("tmpfs create", SyscallNumbers.FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
        add(PreparedCall.of("new root", SyscallNumbers.FSMOUNT, context, FSMOUNT_CLOEXEC, NOSUID_NODEV));
        Argument root = new Argument.ResultOf("new root");
        add(PreparedCall.of(
                "attach new root", SyscallNumbers.MOVE_MOUNT, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
        for (String directory : directories(spec.binds())) {
            add(PreparedCall.of("mkdir /" + directory, SyscallNumbers.MKDIRAT, root, directory, 0755));
        }
        for (int i = 0; i < spec.binds().size(); i++) {
            Bind bind = spec.binds().get(i);
            String relative = bind.target().substring(1);
            if (!bind.directory()) {
                add(PreparedCall.of(
                        "create " + bind.target(), SyscallNumbers.MKNODAT, root, relative, S_IFREG_0444, 0));
            }
            add(PreparedCall.of(
                    "mount " + bind.target(),
                    SyscallNumbers.MOVE_MOUNT,
                    sources.get(i),
                    "",
                    root,
                    relative,
                    MOVE_MOUNT_F_EMPTY_PATH));
            add(PreparedCall.of(
                    (bind.kind() == Bind.Kind.STORE ? "restrict " : "make read-only ") + bind.target(),
                    SyscallNumbers.MOUNT_SETATTR,
                    root,
                    relative,
                    AT_SYMLINK_NOFOLLOW | (bind.directory() ? AT_RECURSIVE : 0),
                    mountAttributes(attributes(bind.kind())),
                    32));
        }
        add(PreparedCall.of("enter new root", SyscallNumbers.FCHDIR, root));
        add(PreparedCall.of("pivot_root", SyscallNumbers.PIVOT_ROOT, ".", "."));
        add(PreparedCall.of("detach old root", SyscallNumbers.UMOUNT2, ".", MNT_DETACH));
        add(PreparedCall.of("cd /", SyscallNumbers.CHDIR, "/"));
        add(PreparedCall.of(
                "make read-only /",
                SyscallNumbers.MOUNT_SETATTR,
                AT_FDCWD,
                "/",
                0,
                mountAttributes(RDONLY_NOSUID_NODEV | NOEXEC),
                32));
    }

    private static long attributes(Bind.Kind kind) {
        return switch (kind) {
            case DATA -> RDONLY_NOSUID_NODEV | NOEXEC;
            case CODE, PROGRAM -> RDONLY_NOSUID_NODEV;
            case STORE -> NOSUID_NODEV | NOEXEC;
        };
    }

    /** Every directory that must exist, parents first, without the leading slash. */
    private static Set<String> directories(List<Bind> binds) {
        Set<String> all = new TreeSet<>();
        for (Bind bind : binds) {
            String path = bind.target().substring(1);
            if (bind.directory()) {
                all.add(path);
            }
            for (int slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
                all.add(path.substring(0, slash));
            }
        }
        return all;
    }

    private void leaveTheSession(String hostName) {
        add(PreparedCall.of("sethostname", SyscallNumbers.SETHOSTNAME, hostName, hostName.length()));
        add(PreparedCall.of("setdomainname", SyscallNumbers.SETDOMAINNAME, "", 0));
        add(PreparedCall.of("setsid", SyscallNumbers.SETSID));
        add(PreparedCall.of("umask 077", SyscallNumbers.UMASK, 077));
    }

    private void limits(Limits l) {
        limit("threads", RLIMIT_NPROC, l.threads());
        limit("file size", RLIMIT_FSIZE, l.fileSizeBytes());
        limit("locked memory", RLIMIT_MEMLOCK, l.lockedMemoryBytes());
        limit("address space", RLIMIT_AS, l.addressSpaceBytes());
        limit("file locks", RLIMIT_LOCKS, 0);
        limit("message queues", RLIMIT_MSGQUEUE, 0);
        limit("nice", RLIMIT_NICE, 0);
        limit("real-time priority", RLIMIT_RTPRIO, 0);
    }

    private void limit(String what, int resource, long value) {
        byte[] pair = ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .putLong(value)
                .array();
        add(PreparedCall.of("limit " + what, SyscallNumbers.PRLIMIT64, 0, resource, pair, 0));
    }

    private void dropPrivileges(int lastCapability) {
        for (int capability = 0; capability <= lastCapability; capability++) {
            add(PreparedCall.of(
                    "bounding set without capability " + capability,
                    SyscallNumbers.PRCTL,
                    PR_CAPBSET_DROP,
                    capability,
                    0,
                    0,
                    0));
        }
        add(PreparedCall.of(
                "no ambient capabilities", SyscallNumbers.PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
        add(PreparedCall.of("lock securebits", SyscallNumbers.PRCTL, PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0));
        add(PreparedCall.of("no_new_privs", SyscallNumbers.PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    }

    private void dropCapabilities() {
        byte[] header = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(CAPABILITY_VERSION_3)
                .putInt(0)
                .array();
        add(PreparedCall.of("no capabilities", SyscallNumbers.CAPSET, header, new byte[24]));
    }

    private void arrangeDescriptors(List<FdMapping> fds) {
        Set<Integer> wanted = new TreeSet<>();
        for (FdMapping fd : fds) {
            if (!wanted.add(fd.target())) {
                throw new IllegalArgumentException("descriptor " + fd.target() + " is given twice");
            }
            add(PreparedCall.of(
                    "lift descriptor " + fd.target(),
                    SyscallNumbers.FCNTL,
                    fd.source(),
                    F_DUPFD_CLOEXEC,
                    FdMapping.FIRST_LIFTED));
        }
        if (!wanted.containsAll(new HashSet<>(List.of(0, 1, 2)))) {
            throw new IllegalArgumentException(
                    "descriptors 0, 1 and 2 must be given, or the child's next open takes their place");
        }
        for (FdMapping fd : fds) {
            Argument lifted = new Argument.ResultOf("lift descriptor " + fd.target());
            add(PreparedCall.of("place descriptor " + fd.target(), SyscallNumbers.DUP3, lifted, fd.target(), 0));
        }
        int next = 0;
        for (int target : wanted) {
            if (target > next) {
                add(PreparedCall.of(
                        "close descriptors " + next + " to " + (target - 1),
                        SyscallNumbers.CLOSE_RANGE,
                        next,
                        target - 1,
                        0));
            }
            next = target + 1;
        }
        add(PreparedCall.of("close descriptors from " + next, SyscallNumbers.CLOSE_RANGE, next, 0xffff_ffffL, 0));
    }

    private void execute(List<String> argv, Map<String, String> environment) {
        List<String> variables = environment.entrySet().stream()
                .map(e -> e.getKey() + "=" + e.getValue())
                .sorted()
                .toList();
        add(PreparedCall.of("unblock signals", SyscallNumbers.RT_SIGPROCMASK, SIG_SETMASK, new byte[8], 0, 8));
        add(PreparedCall.of(
                "execve " + argv.getFirst(),
                SyscallNumbers.EXECVE,
                argv.getFirst(),
                new Argument.Texts(argv),
                new Argument.Texts(variables)));
    }

    private static byte[] mountAttributes(long set) {
        // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
        return ByteBuffer.allocate(32)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(set)
                .array();
    }
}
