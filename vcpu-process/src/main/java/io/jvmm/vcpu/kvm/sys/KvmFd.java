package io.jvmm.vcpu.kvm.sys;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import java.lang.foreign.MemorySegment;

/**
 * A KVM descriptor ({@code /dev/kvm}, a virtual machine or a vCPU) with its ioctls, failing with an exception: for
 * everything but KVM_RUN.
 */
public final class KvmFd implements AutoCloseable {
    private static final int EINTR = -Errno.EINTR.number();

    private final Fd fd;

    /** Wraps a descriptor, which {@link #close()} closes. */
    public KvmFd(Fd fd) {
        this.fd = fd;
    }

    /** The number, for {@link Ioctl}. */
    public int number() {
        return fd.number();
    }

    /** The descriptor, for mapping it. */
    public Fd fd() {
        return fd;
    }

    /**
     * Makes an ioctl that takes a value.
     *
     * @param argument the value
     * @return the ioctl's result, at least 0
     * @throws SysException naming the ioctl
     */
    public int call(KvmIoctl request, long argument) {
        return call(request, argument, "");
    }

    /**
     * Makes an ioctl that takes a structure.
     *
     * @param argument at least {@link KvmIoctl#sizeBytes()} bytes
     * @return the ioctl's result, at least 0
     * @throws SysException naming the ioctl
     */
    public int call(KvmIoctl request, MemorySegment argument) {
        return call(request, argument, "");
    }

    /** As {@link #call(KvmIoctl, MemorySegment)}, with what is being done put into the message. */
    public int call(KvmIoctl request, MemorySegment argument, String what) {
        if (argument.byteSize() < request.sizeBytes()) {
            throw new IllegalArgumentException(request.headerName() + " takes " + request.sizeBytes() + " bytes");
        }
        return call(request, argument.address(), what);
    }

    /** An ioctl whose result is a new descriptor. */
    public KvmFd create(KvmIoctl request, long argument, String what) {
        return new KvmFd(Fd.of(call(request, argument, what)));
    }

    private int call(KvmIoctl request, long argument, String what) {
        int result = Ioctl.call(fd.number(), request, argument);
        while (result == EINTR) {
            // KVM_CREATE_VM and a few others give up when any signal arrives; they have done nothing then.
            result = Ioctl.call(fd.number(), request, argument);
        }
        if (result < 0) {
            throw SysException.of(what.isEmpty() ? request.headerName() : request.headerName() + " " + what, -result);
        }
        return result;
    }

    @Override
    public void close() {
        fd.close();
    }
}
