package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import java.nio.file.Path;

/**
 * The pages of a file that is mapped, had from the disk before anybody writes to them: where the disk has none left this says so, and nobody meets a
 * SIGBUS. A file system that cannot reserve anything (EOPNOTSUPP) is written to as before, on the strength of a look at how much room it has. One
 * thread.
 */
final class RoomAhead implements AutoCloseable {
    /** So much more is asked for each time, so that it need not be asked for often. */
    static final long STEP_BYTES = 256 * 1024;

    private static final long PAGE_BYTES = 4096;
    private static final int OWNER_READS_AND_WRITES = 0600;

    /** How a range of a file is had: {@link FileIo#tryAllocate}, or what a test puts in its place. */
    @FunctionalInterface
    interface Allocator {
        /** 0, or a negated errno. */
        long allocate(Fd file, int mode, long position, long lengthBytes);
    }

    private final Fd file;
    private final Allocator allocator;
    private long reservedBytes;
    private boolean impossible;

    /** @param file is made when it is not there */
    RoomAhead(Path file, Allocator allocator) {
        this.file = FileIo.open(file, FileIo.READ_WRITE | FileIo.CREATE | FileIo.NO_FOLLOW, OWNER_READS_AND_WRITES);
        this.allocator = allocator;
    }

    /** Sees to it that the first {@code bytes} of the file are on the disk; why they cannot be, or an empty text. Makes the file longer. */
    String reserve(long bytes) {
        if (bytes <= reservedBytes || impossible) {
            return "";
        }
        long to = bytes + STEP_BYTES;
        long result = allocate(0, reservedBytes, to - reservedBytes);
        if (result == 0) {
            reservedBytes = to;
            return "";
        }
        if (Errno.EOPNOTSUPP.is(result) || Errno.ENOSYS.is(result)) {
            impossible = true;
            return "";
        }
        return "the disk of the journal directory has no room for " + ((to - reservedBytes) >> 10) + " KB more ("
                + Errno.of((int) -result).name() + ")";
    }

    /** Nothing is written behind {@code bytes}: what was had for more is given back. */
    void giveBack(long bytes) {
        long from = (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
        if (from < reservedBytes) {
            // Where that cannot be done the file stays as large as it is.
            var _ = allocate(FileIo.PUNCH_HOLE | FileIo.KEEP_SIZE, from, reservedBytes - from);
            reservedBytes = from;
        }
    }

    private long allocate(int mode, long position, long lengthBytes) {
        long result = allocator.allocate(file, mode, position, lengthBytes);
        while (Errno.EINTR.is(result)) {
            result = allocator.allocate(file, mode, position, lengthBytes);
        }
        return result;
    }

    @Override
    public void close() {
        file.close();
    }
}
