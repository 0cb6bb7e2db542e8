package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;

/** What only an open descriptor tells of a block device. */
public final class BlockDevice {
    private static final int SEEK_SET = 0;
    private static final int SEEK_END = 2;

    private BlockDevice() {}

    /** Its length in bytes, for which fstat(2) says 0; of a regular file too. The position is 0 afterwards. */
    public static long lengthBytes(Fd fd) {
        long length = Syscall.check("seek", Syscall.call(SyscallNumbers.LSEEK, fd.number(), 0, SEEK_END));
        Syscall.check("seek", Syscall.call(SyscallNumbers.LSEEK, fd.number(), 0, SEEK_SET));
        return length;
    }
}
