package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Locks a whole file for an open file description (fcntl(2), F_OFD_SETLK): the lock goes with the descriptor, to whatever
 * process that is passed, and ends with its last duplicate. QEMU's tools keep to such locks too.
 *
 * <pre>
 *   struct flock
 *   0       2       4 8        16      24     28  32
 *   | type  | whence | | start | length | pid |   |
 * </pre>
 */
public final class OpenFileLock {
    private static final int F_OFD_SETLK = 37;
    private static final int LENGTH_BYTES = 32;
    private static final short F_RDLCK = 0;
    private static final short F_WRLCK = 1;

    private OpenFileLock() {}

    /**
     * Takes the lock at once or not at all. A file system without locks counts as one on which nobody else is.
     *
     * @param exclusive for one who writes; others who only read share
     * @return false when somebody else has it
     */
    public static boolean tryLock(Fd fd, boolean exclusive) {
        try (Arena arena = Arena.ofConfined()) {
            // From the start, and as far as a file can go: whence, start and length are 0.
            MemorySegment flock = arena.allocate(LENGTH_BYTES, Long.BYTES);
            flock.set(ValueLayout.JAVA_SHORT, 0, exclusive ? F_WRLCK : F_RDLCK);
            long result = Syscall.call(SyscallNumbers.FCNTL, fd.number(), F_OFD_SETLK, flock.address());
            if (Errno.EAGAIN.is(result) || Errno.EACCES.is(result)) {
                return false;
            }
            if (!Errno.EOPNOTSUPP.is(result) && !Errno.EINVAL.is(result)) {
                Syscall.check("lock file", result);
            }
            return true;
        }
    }
}
