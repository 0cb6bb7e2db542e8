package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** What the supervisor asks of the kernel while it starts a child. Descriptors are close-on-exec. */
public final class Host {
    private static final int O_CLOEXEC = 0x80000;
    private static final int AT_FDCWD = -100;
    private static final int OPEN_TREE_CLONE = 1;
    private static final int AT_RECURSIVE = 0x8000;
    private static final int PR_GET_DUMPABLE = 3;
    private static final int PR_SET_DUMPABLE = 4;

    private Host() {}

    /** Writes one byte into a pipe. */
    public static void writeByte(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate(1);
            Kernel.check("write to a pipe", SyscallNumbers.WRITE, fd.number(), one.address(), 1);
        }
    }

    /** A detached copy of the mount at {@code path}; needs CAP_SYS_ADMIN. */
    public static Fd detachedMount(Path path, boolean recursive) {
        try (Arena arena = Arena.ofConfined()) {
            return Fd.of((int) Kernel.check(
                    "open_tree " + path,
                    SyscallNumbers.OPEN_TREE,
                    AT_FDCWD,
                    arena.allocateFrom(path.toString()).address(),
                    OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0)));
        }
    }

    /** PR_GET_DUMPABLE of this process: 1 yes, 0 no, 2 root only. */
    public static int dumpable() {
        return (int) Kernel.check("prctl(PR_GET_DUMPABLE)", SyscallNumbers.PRCTL, PR_GET_DUMPABLE, 0, 0, 0, 0);
    }

    /** PR_SET_DUMPABLE of this process. */
    public static void setDumpable(boolean dumpable) {
        Kernel.check("prctl(PR_SET_DUMPABLE)", SyscallNumbers.PRCTL, PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
    }

    /** Effective user id of this process. */
    public static int effectiveUid() {
        return (int) Kernel.call(SyscallNumbers.GETEUID);
    }

    /** Effective group id of this process. */
    public static int effectiveGid() {
        return (int) Kernel.call(SyscallNumbers.GETEGID);
    }
}
