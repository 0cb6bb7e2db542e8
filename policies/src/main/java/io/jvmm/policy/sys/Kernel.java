package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.Syscall;

/** System calls of the jail that have no typed class of their own. Any thread. */
final class Kernel {
    private Kernel() {}

    /** Results are the kernel's own: a negated errno on failure. */
    static long call(int number, long... a) {
        return switch (a.length) {
            case 0 -> Syscall.call(number);
            case 1 -> Syscall.call(number, a[0]);
            case 2 -> Syscall.call(number, a[0], a[1]);
            case 3 -> Syscall.call(number, a[0], a[1], a[2]);
            case 4 -> Syscall.call(number, a[0], a[1], a[2], a[3]);
            case 5 -> Syscall.call(number, a[0], a[1], a[2], a[3], a[4]);
            case 6 -> Syscall.call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
            default ->
                throw new IllegalArgumentException("a system call of " + a.length + " arguments; the kernel takes six");
        };
    }

    /** As {@link #call}, but a failure is a SysException with the operation's name. */
    static long check(String operation, int number, long... arguments) {
        return Syscall.check(operation, call(number, arguments));
    }
}
