package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file for a life that another process is to read: its owner's alone, for there is guest memory in it, and without a name from the first byte on, so that nothing of
 * it stays behind, however this process ends. Whoever has its {@link #path} and this process's uid opens it, as long as it is not closed here.
 */
final class NamelessFile implements AutoCloseable {
    private final Fd fd;

    private NamelessFile(Fd fd) {
        this.fd = fd;
    }

    /** Makes one on the file system of {@code directory}. */
    static NamelessFile in(Path directory) throws IOException {
        Path named = Files.createTempFile(directory, "jvmm-replay-", ".jtrace"); // exclusively, 0600
        try {
            return new NamelessFile(FileIo.open(named, FileIo.READ_WRITE, 0));
        } catch (SysException e) {
            throw new IOException(String.valueOf(e.getMessage()), e);
        } finally {
            Files.delete(named);
        }
    }

    /** Where this process and its children open it. */
    Path path() {
        return Path.of("/proc", Long.toString(ProcessHandle.current().pid()), "fd", Integer.toString(fd.number()));
    }

    @Override
    public void close() {
        fd.close();
    }
}
