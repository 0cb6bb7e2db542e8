package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A range of mapped memory. Its segment is valid until {@link #close()}; so are the buffers made of it, but nothing
 * checks that for them: close a mapping only when no thread can still use one of its buffers.
 *
 * <p>System calls: mmap (never with PROT_EXEC) when made; munmap on close; madvise for {@link #prefault}, {@link #discard} and
 * {@link #tryRemove}.
 */
public final class Mapping implements AutoCloseable {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int MAP_SHARED = 0x01;
    private static final int MAP_PRIVATE = 0x02;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int MADV_DONTNEED = 4;
    private static final int MADV_REMOVE = 9;
    private static final int MADV_POPULATE_WRITE = 23;
    private static final int MADV_POPULATE_READ = 22;

    private final Arena arena;
    private final MemorySegment segment;
    private final Access access;

    /** What the mapping permits. */
    public enum Access {
        READ_ONLY(PROT_READ),
        READ_WRITE(PROT_READ | PROT_WRITE);

        private final int protection;

        Access(int protection) {
            this.protection = protection;
        }
    }

    private Mapping(long address, long lengthBytes, Access access) {
        this.arena = Arena.ofShared();
        MemorySegment mapped = MemorySegment.ofAddress(address)
                .reinterpret(
                        lengthBytes, arena, raw -> Syscall.call(SyscallNumbers.MUNMAP, raw.address(), lengthBytes));
        this.segment = access == Access.READ_ONLY ? mapped.asReadOnly() : mapped;
        this.access = access;
    }

    /**
     * Maps part of a file, shared with everyone who maps it.
     *
     * @param offsetBytes page-aligned
     * @param lengthBytes positive
     */
    public static Mapping shared(Fd fd, long offsetBytes, long lengthBytes, Access access) {
        return map(fd.number(), offsetBytes, lengthBytes, access, MAP_SHARED);
    }

    /** Maps part of a file, shared, without reserving memory for it: for guest memory, which fills as it is touched. */
    public static Mapping sharedNoReserve(Fd fd, long offsetBytes, long lengthBytes, Access access) {
        return map(fd.number(), offsetBytes, lengthBytes, access, MAP_SHARED | MAP_NORESERVE);
    }

    /** Maps part of a file so that writes stay with this process. */
    public static Mapping copyOnWrite(Fd fd, long offsetBytes, long lengthBytes, Access access) {
        return map(fd.number(), offsetBytes, lengthBytes, access, MAP_PRIVATE);
    }

    /** Zero-filled memory of this process alone. */
    public static Mapping anonymous(long lengthBytes) {
        return map(-1, 0, lengthBytes, Access.READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    }

    private static Mapping map(int fd, long offsetBytes, long lengthBytes, Access access, int flags) {
        if (lengthBytes <= 0 || offsetBytes < 0) {
            throw new IllegalArgumentException("mapping of " + lengthBytes + " bytes at offset " + offsetBytes);
        }
        long address = Syscall.check(
                "map " + lengthBytes + " bytes",
                Syscall.call(SyscallNumbers.MMAP, 0, lengthBytes, access.protection, flags, fd, offsetBytes));
        return new Mapping(address, lengthBytes, access);
    }

    /** All of the mapping; read-only when the mapping is. Usable by any thread until closed. */
    public MemorySegment segment() {
        return segment;
    }

    public long lengthBytes() {
        return segment.byteSize();
    }

    /** All of the mapping as a bounds-checked buffer; the mapping must be writable and at most 2 GiB. */
    public UnsafeBuffer buffer() {
        return buffer(0, Math.toIntExact(segment.byteSize()));
    }

    /** Part of the mapping as a bounds-checked buffer; the mapping must be writable. */
    public UnsafeBuffer buffer(long offsetBytes, int lengthBytes) {
        if (access != Access.READ_WRITE) {
            throw new IllegalStateException("a buffer of a read-only mapping would fault when written");
        }
        MemorySegment part = segment.asSlice(offsetBytes, lengthBytes);
        return new UnsafeBuffer(part.address(), lengthBytes);
    }

    /** Makes the kernel back every page now, so that no later access faults. Does nothing before Linux 5.14. */
    public void prefault() {
        int advice = access == Access.READ_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
        Syscall.call(SyscallNumbers.MADVISE, segment.address(), segment.byteSize(), advice);
    }

    /**
     * Gives the memory of a range back to the kernel; of {@link #anonymous} memory it reads as zeros afterwards. Allocates
     * nothing.
     *
     * @param offsetBytes page-aligned
     */
    public void discard(long offsetBytes, long lengthBytes) {
        Syscall.call(
                SyscallNumbers.MADVISE, FileIo.address(segment, offsetBytes, lengthBytes), lengthBytes, MADV_DONTNEED);
    }

    /**
     * Gives pages of a shared mapping of a memfd back to the host: they hold zeros from now on, in every process that maps
     * them, and take no memory until somebody touches them. Allocates nothing; any thread.
     *
     * @param offsetBytes page-aligned
     * @param lengthBytes a multiple of the page size
     * @return 0 or a negated errno
     */
    public long tryRemove(long offsetBytes, long lengthBytes) {
        long address = FileIo.address(segment, offsetBytes, lengthBytes);
        return Syscall.call(SyscallNumbers.MADVISE, address, lengthBytes, MADV_REMOVE);
    }

    /** Unmaps; a second call does nothing. Buffers made of this mapping must not be touched afterwards. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
