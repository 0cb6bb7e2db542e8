package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * Landlock rulesets (linux/landlock.h): a second wall behind the empty root. Everything the running kernel's ABI can refuse is
 * refused, and a few files are allowed to be read or executed.
 */
public final class Landlock {
    /** Access rights of ABI 1 that our rules hand out. */
    public static final long EXECUTE = 1;

    public static final long READ_FILE = 4;
    public static final long READ_DIR = 8;

    private static final long WRITE_FILE = 2;
    private static final long REMOVE_DIR = 1 << 4;
    private static final long REMOVE_FILE = 1 << 5;
    private static final long MAKE_DIR = 1 << 7;
    private static final long MAKE_REG = 1 << 8;
    private static final long REFER = 1 << 13;
    private static final long TRUNCATE = 1 << 14;

    private static final int CREATE_RULESET_VERSION = 1;
    private static final int RULE_PATH_BENEATH = 1;
    private static final int O_PATH_CLOEXEC = 0x200000 | 0x80000;
    private static final int AT_FDCWD = -100;

    private Landlock() {}

    /** The ABI of the running kernel, 0 where there is no Landlock. */
    public static int abi() {
        return (int) Math.max(0, Kernel.call(SyscallNumbers.LANDLOCK_CREATE_RULESET, 0, 0, CREATE_RULESET_VERSION));
    }

    /** Every file system right the ABI knows: 13 in ABI 1, then REFER (2), TRUNCATE (3), IOCTL_DEV (5). */
    public static long handledFileSystem(int abi) {
        int rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
        return (1L << rights) - 1;
    }

    /** What a process needs beneath a directory in which it keeps files of its own. */
    public static long store(int abi) {
        long rights =
                READ_FILE | READ_DIR | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE;
        return rights & handledFileSystem(abi);
    }

    /** BIND_TCP and CONNECT_TCP, from ABI 4 on. */
    public static long handledNetwork(int abi) {
        return abi >= 4 ? 3 : 0;
    }

    /** Abstract unix sockets and signals, from ABI 6 on. */
    public static long scoped(int abi) {
        return abi >= 6 ? 3 : 0;
    }

    /** A new ruleset that refuses everything this ABI can refuse. Returns a descriptor with close-on-exec set. */
    public static Fd createRuleset(int abi) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attributes = arena.allocate(24, 8);
            attributes.set(ValueLayout.JAVA_LONG, 0, handledFileSystem(abi));
            attributes.set(ValueLayout.JAVA_LONG, 8, handledNetwork(abi));
            attributes.set(ValueLayout.JAVA_LONG, 16, scoped(abi));
            int size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
            return Fd.of((int) Kernel.check(
                    "landlock_create_ruleset", SyscallNumbers.LANDLOCK_CREATE_RULESET, attributes.address(), size, 0));
        }
    }

    /** Allows {@code access} on a file, or on everything beneath a directory. */
    public static void allow(Fd ruleset, Path path, long access) {
        try (Arena arena = Arena.ofConfined()) {
            long fd = Kernel.check(
                    "open " + path,
                    SyscallNumbers.OPENAT,
                    AT_FDCWD,
                    arena.allocateFrom(path.toString()).address(),
                    O_PATH_CLOEXEC);
            try {
                MemorySegment rule = arena.allocate(16, 8);
                rule.set(ValueLayout.JAVA_LONG, 0, access);
                rule.set(ValueLayout.JAVA_INT, 8, (int) fd);
                Kernel.check(
                        "landlock_add_rule " + path,
                        SyscallNumbers.LANDLOCK_ADD_RULE,
                        ruleset.number(),
                        RULE_PATH_BENEATH,
                        rule.address(),
                        0);
            } finally {
                Kernel.call(SyscallNumbers.CLOSE, fd);
            }
        }
    }
}
