package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A sealed piece of anonymous shared memory (memfd_create(2)). Sealing against shrinking is what makes it safe to map a
 * memfd that a hostile process also holds: without the seal the peer could truncate it and kill us with SIGBUS.
 *
 * <p>System calls: memfd_create, ftruncate, fcntl (seals) when created; fstat, fcntl when adopted; close.
 */
public final class MemFd implements AutoCloseable {
    /** No further seals may be added. */
    public static final int SEAL_SEAL = 0x1;
    /** The file cannot shrink. */
    public static final int SEAL_SHRINK = 0x2;
    /** The file cannot grow. */
    public static final int SEAL_GROW = 0x4;
    /** Nobody can write, not even through an existing descriptor; fails while a writable mapping exists. */
    public static final int SEAL_WRITE = 0x8;
    /** No new writable mapping can be made; existing ones stay. */
    public static final int SEAL_FUTURE_WRITE = 0x10;
    /** The execute bits cannot change. */
    public static final int SEAL_EXEC = 0x20;
    /** What every shared memfd of jvmm carries: its size is final and so is the set of its seals. */
    public static final int SEALS_FIXED_SIZE = SEAL_SEAL | SEAL_SHRINK | SEAL_GROW;

    private static final int MFD_CLOEXEC = 0x1;
    private static final int MFD_ALLOW_SEALING = 0x2;
    private static final int MFD_NOEXEC_SEAL = 0x8;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_GET_SEALS = 1034;
    private static final int NAME_MAX = 249;
    private static final int STAT_LENGTH_BYTES = 144;
    private static final int STAT_SIZE_OFFSET = 48;
    private static final int STAT_BLOCKS_OFFSET = 64;
    private static final int STAT_BLOCK_BYTES = 512;

    private final Fd fd;
    private final long lengthBytes;

    private MemFd(Fd fd, long lengthBytes) {
        this.fd = fd;
        this.lengthBytes = lengthBytes;
    }

    /**
     * Creates a zero-filled memfd of fixed size, not executable, close-on-exec, sealed with {@link #SEALS_FIXED_SIZE}.
     *
     * @param name what /proc/PID/maps shows, at most 249 bytes
     * @param lengthBytes positive
     */
    public static MemFd createSealed(String name, long lengthBytes) {
        MemFd memFd = create(name, lengthBytes);
        memFd.seal(SEALS_FIXED_SIZE);
        return memFd;
    }

    /** As {@link #createSealed}, but left open to further seals. */
    public static MemFd create(String name, long lengthBytes) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("length of memfd " + name + ": " + lengthBytes);
        }
        if (name.length() > NAME_MAX) {
            throw new IllegalArgumentException("name of memfd is longer than " + NAME_MAX + ": " + name);
        }
        Fd fd = open(name);
        try {
            Syscall.check(
                    "size memfd " + name + " to " + lengthBytes + " bytes",
                    Syscall.call(SyscallNumbers.FTRUNCATE, fd.number(), lengthBytes));
        } catch (SysException e) {
            fd.close();
            throw e;
        }
        return new MemFd(fd, lengthBytes);
    }

    /** An empty memfd for somebody else to give a size to, with {@link #giveSize}. */
    public static MemFd createEmpty(String name) {
        return new MemFd(open(name), 0);
    }

    /** Takes ownership of an empty memfd received from elsewhere, gives it its size and seals that. */
    public static MemFd giveSize(Fd fd, long lengthBytes) {
        Syscall.check(
                "size memfd to " + lengthBytes + " bytes",
                Syscall.call(SyscallNumbers.FTRUNCATE, fd.number(), lengthBytes));
        MemFd memFd = new MemFd(fd, lengthBytes);
        memFd.seal(SEALS_FIXED_SIZE);
        return memFd;
    }

    /** Takes ownership of a memfd received from elsewhere and reads its size. */
    public static MemFd of(Fd fd) {
        return new MemFd(fd, FileIo.size(fd));
    }

    private static Fd open(String name) {
        try (Arena arena = Arena.ofConfined()) {
            long path = arena.allocateFrom(name).address();
            long flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
            long number = Syscall.call(SyscallNumbers.MEMFD_CREATE, path, flags | MFD_NOEXEC_SEAL);
            if (Errno.EINVAL.is(number)) { // before Linux 6.3 the flag is unknown
                number = Syscall.call(SyscallNumbers.MEMFD_CREATE, path, flags);
            }
            return Fd.of((int) Syscall.check("memfd_create(" + name + ")", number));
        }
    }

    /** Adds seals ({@code SEAL_*}). */
    public void seal(int seals) {
        Syscall.check("seal memfd", Syscall.call(SyscallNumbers.FCNTL, fd.number(), F_ADD_SEALS, seals));
    }

    /** The seals it carries. */
    public int seals() {
        return (int) Syscall.check("read seals", Syscall.call(SyscallNumbers.FCNTL, fd.number(), F_GET_SEALS));
    }

    /** Whether it carries all of {@code seals}; false also for a descriptor that is no memfd. */
    public boolean hasSeals(int seals) {
        long actual = Syscall.call(SyscallNumbers.FCNTL, fd.number(), F_GET_SEALS);
        return !Syscall.isError(actual) && (actual & seals) == seals;
    }

    public Fd fd() {
        return fd;
    }

    /** Size in bytes when this object was made. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Maps all of it, shared, for reading and writing. */
    public Mapping map() {
        return Mapping.shared(fd, 0, lengthBytes, Mapping.Access.READ_WRITE);
    }

    @Override
    public void close() {
        fd.close();
    }

    static long sizeOf(Fd fd) {
        return stat(fd, STAT_SIZE_OFFSET);
    }

    static long allocatedBytesOf(Fd fd) {
        return stat(fd, STAT_BLOCKS_OFFSET) * STAT_BLOCK_BYTES;
    }

    private static long stat(Fd fd, long offset) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stat = arena.allocate(STAT_LENGTH_BYTES, Long.BYTES);
            Syscall.check("fstat", Syscall.call(SyscallNumbers.FSTAT, fd.number(), stat.address()));
            return stat.get(ValueLayout.JAVA_LONG, offset);
        }
    }
}
