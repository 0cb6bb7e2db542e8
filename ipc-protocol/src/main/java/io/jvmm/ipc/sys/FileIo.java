package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Reading and writing descriptors from and into off-heap segments. Any thread. The {@code try…} methods allocate
 * nothing and return the kernel's result, a negated errno included; the others throw.
 *
 * <p>System calls: read, write, pread64, pwrite64, readv, writev, preadv2, pwritev2, fallocate, fdatasync, fsync, fstat, lseek;
 * openat for {@link #open}.
 */
public final class FileIo {
    public static final int READ_ONLY = 0;
    public static final int WRITE_ONLY = 1;
    public static final int READ_WRITE = 2;
    public static final int CREATE = 0x40;
    public static final int EXCLUSIVE = 0x80;
    public static final int NO_CONTROLLING_TERMINAL = 0x100;
    public static final int TRUNCATE = 0x200;
    public static final int APPEND = 0x400;
    public static final int NON_BLOCKING = 0x800;
    /** Past the page cache (O_DIRECT). */
    public static final int DIRECT = 0x4000;

    public static final int DIRECTORY = 0x10000;
    public static final int NO_FOLLOW = 0x20000;
    /** Names a file without opening it (O_PATH): no device is touched, and with NO_FOLLOW a link is had itself. */
    public static final int PATH_ONLY = 0x200000;

    /** For {@link #tryReadAt(Fd, long, IoVector, int)}: EAGAIN rather than waiting for the medium (RWF_NOWAIT). */
    public static final int NO_WAIT = 8;
    /** For {@link #tryWriteAt(Fd, long, IoVector, int)}: on the medium when it returns (RWF_DSYNC). */
    public static final int DATA_SYNC = 2;

    /** For {@link #tryAllocate}: the file keeps its length. */
    public static final int KEEP_SIZE = 1;
    /** For {@link #tryAllocate}, with KEEP_SIZE: the range becomes a hole. */
    public static final int PUNCH_HOLE = 2;
    /** For {@link #tryAllocate}: the range reads as zeros and may keep its blocks. */
    public static final int ZERO_RANGE = 16;

    private static final int O_CLOEXEC = 0x80000;
    private static final int SEEK_END = 2;
    private static final int AT_FDCWD = -100;

    private FileIo() {}

    /** Opens a path, close-on-exec. {@code flags}: constants of this class; {@code mode}: permissions of a new file. */
    public static Fd open(Path path, int flags, int mode) {
        try (Arena arena = Arena.ofConfined()) {
            return Fd.of((int) Syscall.check(
                    "open " + path,
                    Syscall.call(
                            SyscallNumbers.OPENAT,
                            AT_FDCWD,
                            arena.allocateFrom(path.toString()).address(),
                            flags | O_CLOEXEC,
                            mode)));
        }
    }

    /** Reads once into {@code target} from {@code offset} on: bytes read, 0 at the end, or a negated errno. */
    public static long tryRead(Fd fd, MemorySegment target, long offset, long lengthBytes) {
        return Syscall.call(SyscallNumbers.READ, fd.number(), address(target, offset, lengthBytes), lengthBytes);
    }

    /** Writes once from {@code source} at {@code offset}: bytes written, or a negated errno. */
    public static long tryWrite(Fd fd, MemorySegment source, long offset, long lengthBytes) {
        return Syscall.call(SyscallNumbers.WRITE, fd.number(), address(source, offset, lengthBytes), lengthBytes);
    }

    /** Reads once at a position of the file: bytes read, 0 at the end, or a negated errno. */
    public static long tryReadAt(Fd fd, long position, MemorySegment target, long offset, long lengthBytes) {
        return Syscall.call(
                SyscallNumbers.PREAD64, fd.number(), address(target, offset, lengthBytes), lengthBytes, position);
    }

    /** Writes once at a position of the file: bytes written, or a negated errno. */
    public static long tryWriteAt(Fd fd, long position, MemorySegment source, long offset, long lengthBytes) {
        return Syscall.call(
                SyscallNumbers.PWRITE64, fd.number(), address(source, offset, lengthBytes), lengthBytes, position);
    }

    /** Reads once into several buffers: bytes read, 0 at the end, or a negated errno. */
    public static long tryRead(Fd fd, IoVector into) {
        return Syscall.call(SyscallNumbers.READV, fd.number(), into.address(), into.count());
    }

    /** Writes several buffers at once: bytes written, or a negated errno. */
    public static long tryWrite(Fd fd, IoVector from) {
        return Syscall.call(SyscallNumbers.WRITEV, fd.number(), from.address(), from.count());
    }

    /** As {@link #tryRead(Fd, IoVector)} at a position of the file; {@code flags}: 0 or {@link #NO_WAIT}. */
    public static long tryReadAt(Fd fd, long position, IoVector into, int flags) {
        return Syscall.call(SyscallNumbers.PREADV2, fd.number(), into.address(), into.count(), position, 0, flags);
    }

    /** As {@link #tryWrite(Fd, IoVector)} at a position of the file; {@code flags}: {@link #NO_WAIT}, {@link #DATA_SYNC}. */
    public static long tryWriteAt(Fd fd, long position, IoVector from, int flags) {
        return Syscall.call(SyscallNumbers.PWRITEV2, fd.number(), from.address(), from.count(), position, 0, flags);
    }

    /** Allocates, zeroes or punches a range of the file: 0 or a negated errno; EOPNOTSUPP where the file system cannot. */
    public static long tryAllocate(Fd fd, int mode, long position, long lengthBytes) {
        return Syscall.call(SyscallNumbers.FALLOCATE, fd.number(), mode, position, lengthBytes);
    }

    /** As {@link #syncData}: 0 or a negated errno. */
    public static long trySyncData(Fd fd) {
        return Syscall.call(SyscallNumbers.FDATASYNC, fd.number());
    }

    /** Reads until {@code target} is full or the file ends; returns the bytes read. */
    public static long readFully(Fd fd, MemorySegment target) {
        long done = 0;
        while (done < target.byteSize()) {
            long count = tryRead(fd, target, done, target.byteSize() - done);
            if (Errno.EINTR.is(count)) {
                continue;
            }
            if (Syscall.check("read", count) == 0) {
                break;
            }
            done += count;
        }
        return done;
    }

    /** Writes all of {@code source}. */
    public static void writeFully(Fd fd, MemorySegment source) {
        long done = 0;
        while (done < source.byteSize()) {
            long count = tryWrite(fd, source, done, source.byteSize() - done);
            if (!Errno.EINTR.is(count)) {
                done += Syscall.check("write", count);
            }
        }
    }

    /** Size of the open file in bytes. */
    public static long size(Fd fd) {
        return MemFd.sizeOf(fd);
    }

    /** Length of an open file or block device in bytes. Moves its position. */
    public static long length(Fd fd) {
        return Syscall.check("find the end of a file", Syscall.call(SyscallNumbers.LSEEK, fd.number(), 0, SEEK_END));
    }

    /** What the open file takes on its medium, or a memfd of memory, in bytes. */
    public static long allocatedBytes(Fd fd) {
        return MemFd.allocatedBytesOf(fd);
    }

    /** Waits until the data written is on the medium. */
    public static void syncData(Fd fd) {
        Syscall.check("fdatasync", Syscall.call(SyscallNumbers.FDATASYNC, fd.number()));
    }

    /** Waits until data and metadata are on the medium. */
    public static void sync(Fd fd) {
        Syscall.check("fsync", Syscall.call(SyscallNumbers.FSYNC, fd.number()));
    }

    /** As {@code asSlice} would check it, without the slice: C1 does not remove that allocation. */
    static long address(MemorySegment segment, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, segment.byteSize());
        return segment.address() + offset;
    }
}
