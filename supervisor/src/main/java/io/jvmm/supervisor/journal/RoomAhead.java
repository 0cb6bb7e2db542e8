package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.nio.file.Path;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a file that is mapped, had from a disk that runs short before anybody writes to them: where the disk has none left this says so, and
 * nobody meets a SIGBUS. A file system that cannot reserve anything (EOPNOTSUPP), and one that has room enough, is written to on the strength of a
 * look at how much room it has. One thread.
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

        /** False while the disk has room enough. */
        default boolean isNeeded() {
            return true;
        }
    }

    /**
     * Of a disk with so much room nothing is reserved. Only one who takes as much in one call fills it between two looks, which are
     * {@link #LOOK_NS} apart while something is written; whoever writes then dies, and what it has not written is still in the ring.
     */
    static final long AMPLE_BYTES = 4L << 30;

    private static final long LOOK_NS = 10_000_000L;

    private final Path path;
    private final Allocator allocator;
    /** Made or opened when it is needed first. */
    private @Nullable Fd file;

    private long reservedBytes;
    private boolean impossible;

    /**
     * Leaves disks alone that have room enough: a reservation waits for a commit of the file system's own journal, which on a busy disk takes longer
     * than a trace ring lasts.
     *
     * @param nowNs a monotonic clock
     */
    static Allocator whereScarce(LongSupplier usableBytes, LongSupplier nowNs, Allocator real) {
        return new Allocator() {
            private boolean scarce = usableBytes.getAsLong() < AMPLE_BYTES;
            private long lookedNs = nowNs.getAsLong();

            @Override
            public long allocate(Fd file, int mode, long position, long lengthBytes) {
                return real.allocate(file, mode, position, lengthBytes);
            }

            @Override
            public boolean isNeeded() {
                long now = nowNs.getAsLong();
                if (now - lookedNs >= LOOK_NS) {
                    lookedNs = now;
                    scarce = usableBytes.getAsLong() < AMPLE_BYTES;
                }
                return scarce;
            }
        };
    }

    /** @param path of the file, which is made when it is not there and room is needed */
    RoomAhead(Path path, Allocator allocator) {
        this.path = path;
        this.allocator = allocator;
    }

    private Fd file() {
        Fd opened = file;
        if (opened == null) {
            opened = FileIo.open(path, FileIo.READ_WRITE | FileIo.CREATE | FileIo.NO_FOLLOW, OWNER_READS_AND_WRITES);
            file = opened;
        }
        return opened;
    }

    /** Sees to it that the first {@code bytes} of the file are on the disk; why they cannot be, or an empty text. Makes the file longer. */
    String reserve(long bytes) {
        if (bytes <= reservedBytes || impossible || !allocator.isNeeded()) {
            return "";
        }
        long to = bytes + STEP_BYTES;
        long result;
        try {
            result = allocate(0, reservedBytes, to - reservedBytes);
        } catch (SysException e) {
            impossible = true; // its life has been removed: what is written goes nowhere
            return "";
        }
        if (result == 0) {
            reservedBytes = to;
            return "";
        }
        if (Errno.EOPNOTSUPP.is(result) || Errno.ENOSYS.is(result)) {
            impossible = true;
            return "";
        }
        return "the disk of the journal directory has no room for " + (STEP_BYTES >> 10) + " KB more ("
                + Errno.of((int) -result).name() + ")";
    }

    /** Nothing is written behind {@code bytes}: what was had for more is given back. */
    void giveBack(long bytes) {
        long from = (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
        if (file != null && from < reservedBytes) {
            // Where that cannot be done the file stays as large as it is.
            var _ = allocate(FileIo.PUNCH_HOLE | FileIo.KEEP_SIZE, from, reservedBytes - from);
            reservedBytes = from;
        }
    }

    private long allocate(int mode, long position, long lengthBytes) {
        long result = allocator.allocate(file(), mode, position, lengthBytes);
        while (Errno.EINTR.is(result)) {
            result = allocator.allocate(file(), mode, position, lengthBytes);
        }
        return result;
    }

    @Override
    public void close() {
        Fd opened = file;
        if (opened != null) {
            opened.close();
        }
    }
}
