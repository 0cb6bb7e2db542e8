package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Syscall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * How much a process gives way to others (setpriority(2)): Linux keeps that for each thread, and a thread that starts has its
 * creator's. Any thread.
 */
public final class Niceness {
    /** A tenth of the processor time of somebody who is not nice and wants it too. */
    public static final int GIVES_WAY = 10;

    /** As everybody. */
    public static final int NORMAL = 0;

    private static final long SETPRIORITY = 141;
    private static final long PRIO_PROCESS = 0;

    private Niceness() {}

    /**
     * Whether this supervisor may give a process its ordinary share back. Root may; for an ordinary user there is no way back, and so
     * none there.
     */
    public static boolean canBeUndone(int pid) {
        return set(pid, -1) && set(pid, NORMAL);
    }

    /**
     * Gives a value to every thread of a process; those of one that has gone need none.
     *
     * @throws UncheckedIOException when its threads cannot be listed, as for want of descriptors
     */
    public static void ofProcess(int pid, int value) {
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path thread : threads) {
                set(Integer.parseInt(String.valueOf(thread.getFileName())), value);
            }
        } catch (NoSuchFileException | DirectoryIteratorException e) {
            // It has ended, which is told another way.
            return;
        } catch (IOException e) {
            throw new UncheckedIOException("the threads of process " + pid + " cannot be listed", e);
        }
    }

    private static boolean set(int thread, int value) {
        long result = Syscall.call(SETPRIORITY, PRIO_PROCESS, thread, value);
        if (Errno.ESRCH.is(result) || Errno.EACCES.is(result) || Errno.EPERM.is(result)) {
            return false;
        }
        Syscall.check("set the priority of thread " + thread, result);
        return true;
    }
}
