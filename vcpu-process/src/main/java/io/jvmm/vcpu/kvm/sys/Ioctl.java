package io.jvmm.vcpu.kvm.sys;

import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;

/**
 * ioctl(2), through the project's one {@code syscall} handle: a downcall shape of its own would cost about 8 ms at start
 * and gains nothing measurable against a KVM_RUN of microseconds.
 *
 * <p>A result below zero is the negated errno; nothing is thrown and nothing is allocated, so that the same call serves
 * {@link KvmIoctl#RUN}. It is the ordinary handle, never the critical one: a critical call keeps the thread in Java state,
 * and a guest that does not exit would then stop every garbage collection, and SIGTERM with it.
 */
public final class Ioctl {
    private static final long RUN_REQUEST = KvmIoctl.RUN.request();

    private Ioctl() {}

    /**
     * Makes one call.
     *
     * @param fd what it is called on
     * @param request what is asked
     * @param argument a value, or the address of the structure
     * @return the result, or the negated errno
     */
    public static int call(int fd, KvmIoctl request, long argument) {
        return (int) Syscall.call(SyscallNumbers.IOCTL, fd, request.request(), argument);
    }

    /** {@link KvmIoctl#RUN} on a vCPU: blocks while the guest runs. */
    public static int run(int vcpuFd) {
        return (int) Syscall.call(SyscallNumbers.IOCTL, vcpuFd, RUN_REQUEST);
    }
}
