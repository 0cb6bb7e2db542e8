package io.jvmm.policy.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** The few descriptors the supervisor opens while it starts a child. All are close-on-exec. */
public final class Descriptors {
    private static final int O_CLOEXEC = 0x80000;
    private static final int AT_FDCWD = -100;
    private static final int OPEN_TREE_CLONE = 1;
    private static final int AT_RECURSIVE = 0x8000;
    private static final int WRITE = 1;
    private static final int PR_GET_DUMPABLE = 3;
    private static final int PR_SET_DUMPABLE = 4;

    private Descriptors() {}

    /** A pipe: read end, write end. */
    public static int[] pipe() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pair = arena.allocate(8, 4);
            Kernel.check("pipe2", Nr.PIPE2, pair.address(), O_CLOEXEC);
            return new int[] {pair.get(ValueLayout.JAVA_INT, 0), pair.get(ValueLayout.JAVA_INT, 4)};
        }
    }

    /** Writes one byte. */
    public static void writeByte(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            Kernel.check("write to a pipe", WRITE, fd, arena.allocate(1).address(), 1);
        }
    }

    /** A detached copy of the mount at {@code path}; needs CAP_SYS_ADMIN. */
    public static int detachedMount(Path path, boolean recursive) {
        try (Arena arena = Arena.ofConfined()) {
            return (int) Kernel.check(
                    "open_tree " + path,
                    Nr.OPEN_TREE,
                    AT_FDCWD,
                    arena.allocateFrom(path.toString()).address(),
                    OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
        }
    }

    public static void close(int fd) {
        Kernel.call(Nr.CLOSE, fd);
    }

    /** PR_GET_DUMPABLE of this process. */
    public static int dumpable() {
        return (int) Kernel.call(Nr.PRCTL, PR_GET_DUMPABLE, 0, 0, 0, 0);
    }

    /** PR_SET_DUMPABLE of this process. */
    public static void setDumpable(int value) {
        Kernel.call(Nr.PRCTL, PR_SET_DUMPABLE, value, 0, 0, 0);
    }

    /** Effective user id of this process. */
    public static int effectiveUid() {
        return (int) Kernel.call(107);
    }

    /** Effective group id of this process. */
    public static int effectiveGid() {
        return (int) Kernel.call(108);
    }
}
