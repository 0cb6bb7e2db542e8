package io.jvmm.ipc.sys;

import java.lang.foreign.MemorySegment;

/**
 * The kernel's random numbers, straight into memory. Any thread; allocates nothing; never waits.
 *
 * <p>System call: getrandom.
 */
public final class Entropy {
    private static final int GRND_NONBLOCK = 1;
    /** An interrupted call of a process that handles no signals of its own is rare; this often in a row is none. */
    private static final int MOST_ATTEMPTS = 8;

    private Entropy() {}

    /**
     * Fills part of a segment.
     *
     * @return bytes filled, fewer than asked for when a signal came, or a negated errno: EAGAIN while the kernel has not
     *     gathered enough since it started, EINTR when signals keep coming
     */
    public static long tryFill(MemorySegment target, long offset, long lengthBytes) {
        long address = FileIo.address(target, offset, lengthBytes);
        long result = -Errno.EINTR.number();
        for (int i = 0; i < MOST_ATTEMPTS && Errno.EINTR.is(result); i++) {
            result = Syscall.call(SyscallNumbers.GETRANDOM, address, lengthBytes, GRND_NONBLOCK);
        }
        return result;
    }
}
