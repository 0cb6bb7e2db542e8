package io.jvmm.device.block.image;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.Syscall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The file an image format lies in: whole reads and writes at positions, whatever the kernel makes of them in how many calls,
 * and whether or not the file was opened with O_DIRECT.
 *
 * <p>With O_DIRECT positions and lengths have to be multiples of {@link #alignmentBytes} ({@code -EINVAL} else); where the memory lies
 * does not matter: what the medium cannot reach goes through a buffer of the lane. Buffers of one lane are used by one
 * thread at a time. Calls allocate nothing and return a count or a negated errno.
 */
public final class ImageFile implements AutoCloseable {

    /** What O_DIRECT may ask for at most. */
    private static final int MOST_ALIGNMENT_BYTES = 4096;

    private static final int BOUNCE_BYTES = 256 * 1024;
    private static final int MEMORY_ALIGNMENT_BYTES = 512;

    private final String name;
    private final Fd fd;
    private final @Nullable Fd witness;
    private final int alignmentBytes;
    private final MemorySegment[] bounces;
    private final IoVector[] bounceVectors;

    /** The error of a failed synchronization, or 0. */
    private volatile long lost;

    /** Whether the witness has said what it knew of earlier processes. */
    private volatile boolean heard;

    private ImageFile(String name, Fd fd, @Nullable Fd witness, int alignmentBytes, int lanes) {
        this.name = name;
        this.fd = fd;
        this.witness = witness;
        this.heard = witness == null;
        this.alignmentBytes = alignmentBytes;
        boolean direct = alignmentBytes > 1;
        bounces = new MemorySegment[direct ? lanes : 0];
        bounceVectors = new IoVector[bounces.length];
        for (int i = 0; i < bounces.length; i++) {
            bounces[i] = Arena.ofAuto().allocate(BOUNCE_BYTES, MOST_ALIGNMENT_BYTES);
            bounceVectors[i] = new IoVector(1);
        }
    }

    /**
     * Takes an open file, without a witness.
     *
     * @param name for messages only
     * @param lanes threads that use it
     * @throws ImageException when it is nothing one can read at positions
     */
    public static ImageFile of(String name, Fd fd, int lanes) {
        return of(new ImageSource(name, ImageSource.Format.RAW, fd), lanes);
    }

    /**
     * Takes an open file, of whatever format, and its witness.
     *
     * @param lanes threads that use it
     * @throws ImageException when it is nothing one can read at positions
     */
    public static ImageFile of(ImageSource source, int lanes) {
        String name = source.name();
        try {
            return new ImageFile(name, source.fd(), source.witness(), alignment(name, source.fd()), lanes);
        } catch (SysException e) {
            throw new ImageException(name + ": " + e.getMessage(), e);
        }
    }

    /** 1 unless the file bypasses the page cache; then what its first bytes can be read in. */
    private static int alignment(String name, Fd fd) {
        if (!fd.direct()) {
            return 1;
        }
        MemorySegment probe = Arena.ofAuto().allocate(2L * MOST_ALIGNMENT_BYTES, MOST_ALIGNMENT_BYTES);
        for (int bytes = 512; bytes <= MOST_ALIGNMENT_BYTES; bytes *= 2) {
            long result = FileIo.tryReadAt(fd, bytes, probe, 0, bytes);
            if (!Errno.EINVAL.is(result)) {
                Syscall.check("read " + name, result);
                return bytes;
            }
        }
        throw new ImageException(name + ": its medium takes no direct reads of " + MOST_ALIGNMENT_BYTES
                + " bytes or less; choose another cache mode than \"none\"");
    }

    /** For messages only. */
    public String name() {
        return name;
    }

    /** What positions and lengths must be multiples of: 1, or 512 to 4096 where the file was opened with O_DIRECT. */
    public int alignmentBytes() {
        return alignmentBytes;
    }

    /** Length in bytes, of a block device too. Asks the kernel. */
    public long lengthBytes() {
        try {
            return FileIo.length(fd);
        } catch (SysException e) {
            throw new ImageException(name + ": " + e.getMessage(), e);
        }
    }

    /**
     * Reads at a position until {@code into} is full or the file ends.
     *
     * @param flags {@link BlockImage#NO_WAIT} or 0
     * @return bytes read, fewer than asked for only where the file ended (the rest is still in {@code into}), or a negated errno
     */
    public long read(int lane, long position, IoVector into, int flags) {
        if (alignmentBytes > 1 && !into.isAligned(MEMORY_ALIGNMENT_BYTES)) {
            return bounceIn(lane, position, into, flags);
        }
        return readThrough(position, into, flags);
    }

    private long readThrough(long position, IoVector into, int flags) {
        int kernelFlags = (flags & BlockImage.NO_WAIT) != 0 ? FileIo.NO_WAIT : 0;
        long done = 0;
        while (into.count() > 0) {
            long n = FileIo.tryReadAt(fd, position + done, into, kernelFlags);
            if (n > 0) {
                into.advance(n);
                done += n;
            } else if (n == 0) {
                break;
            } else if (!Errno.EINTR.is(n)) {
                return failure(n, flags);
            }
        }
        return done;
    }

    private long bounceIn(int lane, long position, IoVector into, int flags) {
        IoVector vector = bounceVectors[lane];
        MemorySegment bounce = bounces[lane];
        long done = 0;
        while (into.lengthBytes() > 0) {
            long part = Math.min(into.lengthBytes(), BOUNCE_BYTES);
            vector.clear();
            vector.add(bounce, 0, part);
            long n = readThrough(position + done, vector, flags);
            if (n <= 0) {
                return n < 0 ? n : done;
            }
            into.fill(bounce, 0, n);
            done += n;
            if (n < part) {
                break;
            }
        }
        return done;
    }

    /**
     * Writes all of {@code from} at a position.
     *
     * @param flags {@link BlockImage#NO_WAIT}, {@link BlockImage#DURABLE}
     * @return 0 or a negated errno
     */
    public long write(int lane, long position, IoVector from, int flags) {
        if (lost != 0 && (flags & BlockImage.DURABLE) != 0) {
            return lost;
        }
        boolean bounce = alignmentBytes > 1 && !from.isAligned(MEMORY_ALIGNMENT_BYTES);
        long result = bounce ? bounceOut(lane, position, from, flags) : writeThrough(position, from, flags);
        return (flags & BlockImage.DURABLE) != 0 && alignmentBytes == 1 ? synced(result) : result;
    }

    /** What has come of a durable write: of one that failed it says nothing whether it was the write or the synchronization behind it. */
    private long synced(long result) {
        if (result == 0) {
            return hear();
        }
        if (!Errno.EAGAIN.is(result)) {
            Fd other = witness;
            lose(other != null ? syncData(other) : Errno.EIO.is(result) ? result : 0);
        }
        return result;
    }

    /** What is lost stays lost, whatever another lane finds. */
    private void lose(long error) {
        if (error < 0) {
            lost = error;
        }
    }

    /** What the kernel told an earlier process of, which died before anybody could learn of it: asked once, and then {@link #lost} knows. */
    private long hear() {
        Fd other = witness;
        if (other != null && !heard) {
            synchronized (this) {
                if (!heard) {
                    lose(syncData(other));
                    heard = true;
                }
            }
        }
        return lost;
    }

    private static long syncData(Fd file) {
        long result;
        do {
            result = FileIo.trySyncData(file);
        } while (Errno.EINTR.is(result));
        return result;
    }

    private long writeThrough(long position, IoVector from, int flags) {
        int kernelFlags = ((flags & BlockImage.NO_WAIT) != 0 ? FileIo.NO_WAIT : 0)
                | ((flags & BlockImage.DURABLE) != 0 ? FileIo.DATA_SYNC : 0);
        long done = 0;
        while (from.count() > 0) {
            long n = FileIo.tryWriteAt(fd, position + done, from, kernelFlags);
            if (n > 0) {
                from.advance(n);
                done += n;
            } else if (n == 0) {
                return -Errno.EIO.number();
            } else if (!Errno.EINTR.is(n)) {
                return failure(n, flags);
            }
        }
        return 0;
    }

    private long bounceOut(int lane, long position, IoVector from, int flags) {
        IoVector vector = bounceVectors[lane];
        MemorySegment bounce = bounces[lane];
        long done = 0;
        while (from.lengthBytes() > 0) {
            long part = Math.min(from.lengthBytes(), BOUNCE_BYTES);
            from.drain(bounce, 0, part);
            vector.clear();
            vector.add(bounce, 0, part);
            long result = writeThrough(position + done, vector, flags);
            if (result != 0) {
                return result;
            }
            done += part;
        }
        return 0;
    }

    /** A file system that cannot tell in advance whether it would wait says so; to us that is the same as waiting. */
    private static long failure(long error, int flags) {
        boolean unknown = (flags & BlockImage.NO_WAIT) != 0 && Errno.EOPNOTSUPP.is(error);
        return unknown ? -Errno.EAGAIN.number() : error;
    }

    /**
     * Waits until everything written is on the medium: 0 or a negated errno. Once this has failed it fails for good, and so does
     * {@link BlockImage#DURABLE}: the kernel tells of an error once and takes the pages in question for clean, so a second
     * synchronization would succeed without them. (Not with O_DIRECT, which leaves nothing in the page cache.) The first one asks the
     * {@link ImageSource#witness witness}, too, which tells what an earlier process was told and did not live to pass on.
     */
    public long sync() {
        // One after the other: the kernel tells one of two of an error, and the other one must know before it succeeds.
        synchronized (this) {
            if (lost != 0) {
                return lost;
            }
            long result = syncData(fd);
            if (result < 0) {
                lose(alignmentBytes == 1 ? result : 0);
                return result;
            }
            return hear(); // or a durable write was told meanwhile
        }
    }

    /** Whether {@link #sync} has failed for good. */
    public boolean hasLostWrites() {
        return lost != 0;
    }

    /**
     * Makes a range a hole; the file keeps its length. A block device: zeroes it by giving it up.
     *
     * @return 0 or a negated errno; {@code -EOPNOTSUPP} where file system or device cannot, {@code -EINVAL} where the range is not
     *     in whole blocks of a block device
     */
    public long punchHole(long position, long lengthBytes) {
        return allocate(FileIo.PUNCH_HOLE | FileIo.KEEP_SIZE, position, lengthBytes);
    }

    /** Makes a range read as zeros without writing them: 0 or a negated errno, as {@link #punchHole}. */
    public long zeroRange(long position, long lengthBytes) {
        return allocate(FileIo.ZERO_RANGE | FileIo.KEEP_SIZE, position, lengthBytes);
    }

    /** Allocates a range, and makes the file longer if it ends beyond its end: 0 or a negated errno. */
    public long preallocate(long position, long lengthBytes) {
        return allocate(0, position, lengthBytes);
    }

    private long allocate(int mode, long position, long lengthBytes) {
        long result;
        do {
            result = FileIo.tryAllocate(fd, mode, position, lengthBytes);
        } while (Errno.EINTR.is(result));
        return result;
    }

    @Override
    public void close() {
        fd.close();
        if (witness != null) {
            witness.close();
        }
    }
}
