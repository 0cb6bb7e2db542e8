package io.jvmm.policy.bpf;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.policy.parse.Action;

/** Numbers of classic BPF and of seccomp (linux/bpf_common.h, linux/filter.h, linux/seccomp.h, linux/audit.h). */
public final class Bpf {
    /** A = 32 bits of struct seccomp_data at offset k. */
    public static final int LD_W_ABS = 0x20;

    public static final int JA = 0x05;
    public static final int JEQ = 0x15;
    public static final int JGT = 0x25;
    public static final int JGE = 0x35;
    public static final int JSET = 0x45;
    public static final int AND = 0x54;
    public static final int RET = 0x06;

    /** Offsets in struct seccomp_data: int nr, u32 arch, u64 instruction_pointer, u64 args[6]. */
    public static final int NR = 0;

    public static final int ARCH = 4;
    public static final int ARGUMENTS = 16;
    public static final int DATA_BYTES = 64;

    public static final int AUDIT_ARCH_X86_64 = 0xC000003E;
    /** A system call of the x32 ABI has this bit. */
    public static final int X32_BIT = 0x4000_0000;

    public static final int RET_KILL_PROCESS = 0x8000_0000;
    public static final int RET_TRAP = 0x0003_0000;
    public static final int RET_ERRNO = 0x0005_0000;
    public static final int RET_LOG = 0x7ffc_0000;
    public static final int RET_ALLOW = 0x7fff_0000;
    public static final int RET_ACTION_MASK = 0xffff_0000;

    private Bpf() {}

    /** What a filter returns for an action. */
    public static int returnValue(Action action) {
        return switch (action) {
            case Action.Allow a -> RET_ALLOW;
            case Action.Log l -> RET_LOG;
            case Action.Deny d -> RET_ERRNO | d.errno().number();
            case Action.Trap t -> RET_TRAP;
            case Action.Kill k -> RET_KILL_PROCESS;
        };
    }

    /** A return value in words. */
    public static String describe(int returnValue) {
        return switch (returnValue & RET_ACTION_MASK) {
            case RET_ALLOW -> "allow";
            case RET_LOG -> "log";
            case RET_TRAP -> "trap";
            case RET_KILL_PROCESS -> "kill process";
            case RET_ERRNO -> "errno " + Errno.of(returnValue & 0xffff).name();
            default -> "0x" + Integer.toHexString(returnValue);
        };
    }
}
