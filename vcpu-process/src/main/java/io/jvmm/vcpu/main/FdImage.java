package io.jvmm.vcpu.main;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.Image;
import java.lang.foreign.MemorySegment;

/** A kernel or initrd behind a descriptor the supervisor opened. Read with pread, so that the descriptor may be shared. */
final class FdImage implements Image {
    private final String name;
    private final Fd fd;
    private final long sizeBytes;

    FdImage(String name, Fd fd) {
        this.name = name;
        this.fd = fd;
        this.sizeBytes = FileIo.size(fd);
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
        if (offset < 0 || offset > sizeBytes || target.byteSize() > sizeBytes - offset) {
            throw unreadable(offset, "past the end of the file");
        }
        long done = 0;
        while (done < target.byteSize()) {
            final long count = FileIo.tryReadAt(fd, offset + done, target, done, target.byteSize() - done);
            if (count == 0) {
                throw unreadable(offset + done, "the file became shorter");
            }
            if (count > 0) {
                done += count;
            } else if (!Errno.EINTR.is(count)) {
                final Errno errno = Errno.of((int) -count);
                throw unreadable(offset + done, errno.name() + " (" + errno.meaning() + ")");
            }
        }
    }

    private BootException unreadable(long offset, String why) {
        return new BootException.Unreadable(
                name, "offset", "0x" + Long.toHexString(offset), why, "use a complete, readable image");
    }
}
