package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * seccomp(2). A jailed process calls {@link #installNarrow} once, after its warm-up: every class loaded, every thread started.
 */
public final class Seccomp {
    /** Bytes of one struct sock_filter. */
    public static final int INSTRUCTION_BYTES = 8;

    /** The most instructions the kernel takes (BPF_MAXINSNS). */
    public static final int MAX_INSTRUCTIONS = 4096;

    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int FILTER_FLAG_TSYNC = 1;
    private static final int EINVAL = 22;
    private static final int ENOSYS = 38;
    private static final int ESRCH = 3;
    private static final int ENOMEM = 12;
    private static final int EACCES = 13;

    private Seccomp() {}

    /**
     * Installs a filter on every thread of this process (SECCOMP_FILTER_FLAG_TSYNC), with no_new_privs.
     *
     * @param bpf struct sock_filter[], as compiled by the build and sent in the boot record
     * @throws SysException naming the cause; the process must then end, it may not serve without its filter
     */
    public static void installNarrow(byte[] bpf) {
        install(bpf, FILTER_FLAG_TSYNC);
    }

    /** Installs a filter on the calling thread alone; for tests. */
    public static void installOnThisThread(byte[] bpf) {
        install(bpf, 0);
    }

    private static void install(byte[] bpf, int flags) {
        checkLength(bpf);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment filter = arena.allocate(bpf.length, 8);
            MemorySegment.copy(bpf, 0, filter, ValueLayout.JAVA_BYTE, 0, bpf.length);
            MemorySegment program = arena.allocate(16, 8);
            program.set(ValueLayout.JAVA_SHORT, 0, (short) (bpf.length / INSTRUCTION_BYTES));
            program.set(ValueLayout.JAVA_LONG, 8, filter.address());
            Kernel.check("prctl(PR_SET_NO_NEW_PRIVS)", SyscallNumbers.PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            long result = Kernel.call(SyscallNumbers.SECCOMP, SECCOMP_SET_MODE_FILTER, flags, program.address());
            if (result > 0) {
                throw SysException.of(
                        "seccomp(SECCOMP_SET_MODE_FILTER, TSYNC)",
                        EINVAL,
                        "thread " + result
                                + " has a filter of its own, so the threads cannot be brought under one filter");
            }
            if (result < 0) {
                int errno = (int) -result;
                throw SysException.of("seccomp(SECCOMP_SET_MODE_FILTER)", errno, cure(errno));
            }
        }
    }

    /** Refuses what cannot be a filter before the kernel does. */
    public static void checkLength(byte[] bpf) {
        int count = bpf.length / INSTRUCTION_BYTES;
        if (bpf.length % INSTRUCTION_BYTES != 0 || count == 0 || count > MAX_INSTRUCTIONS) {
            throw new IllegalArgumentException("a filter of " + bpf.length + " bytes: it must be 1 to "
                    + MAX_INSTRUCTIONS + " instructions of " + INSTRUCTION_BYTES + " bytes");
        }
    }

    private static String cure(int errno) {
        return switch (errno) {
            case EINVAL, ENOSYS ->
                "this kernel refuses the filter: it needs CONFIG_SECCOMP_FILTER (Linux 4.14 or newer)";
            case EACCES -> "no_new_privs is not set";
            case ENOMEM -> "too many filters, or out of memory";
            case ESRCH -> "a thread could not be synchronised";
            default -> "";
        };
    }
}
