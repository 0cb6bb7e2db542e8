package io.jvmm.vcpu.boot;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An image file that the supervisor opened for us, read with pread. The descriptor stays the caller's. */
public final class FdImage implements Image {
    private final String name;
    private final Fd fd;
    private final long sizeBytes;

    private FdImage(String name, Fd fd, long sizeBytes) {
        this.name = name;
        this.fd = fd;
        this.sizeBytes = sizeBytes;
    }

    /**
     * An image over an open, seekable descriptor.
     *
     * @throws BootException.Unreadable if it has no size
     */
    public static FdImage of(String name, Fd fd) throws BootException {
        try {
            return new FdImage(name, fd, FileIo.size(fd));
        } catch (SysException e) {
            throw new BootException.Unreadable(name, "size", e.errno().name(), e.operation(), "name a regular file");
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public void read(long offset, MemorySegment target) throws BootException {
        if (!target.isNative()) {
            // The kernel writes to addresses, and an array on the heap has none that stays.
            try (Arena arena = Arena.ofConfined()) {
                final MemorySegment copy = arena.allocate(target.byteSize());
                read(offset, copy);
                target.copyFrom(copy);
                return;
            }
        }
        long done = 0;
        while (done < target.byteSize()) {
            final long n = FileIo.tryReadAt(fd, offset + done, target, done, target.byteSize() - done);
            if (n == 0) {
                throw new BootException.Unreadable(
                        name,
                        "offset",
                        BootException.hex(offset + done),
                        "the file ended there though it had " + sizeBytes + " bytes when it was opened",
                        "do not change it while the machine starts");
            }
            if (n < 0 && !Errno.EINTR.is(n)) {
                throw new BootException.Unreadable(
                        name,
                        "offset",
                        BootException.hex(offset + done),
                        Errno.of((int) -n) + " while reading",
                        "check the disk it is on");
            }
            done += Math.max(n, 0);
        }
    }
}
