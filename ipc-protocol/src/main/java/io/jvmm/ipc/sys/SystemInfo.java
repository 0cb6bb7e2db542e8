package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Facts about the host and about this process. Not for hot paths.
 *
 * <p>System calls: uname, sysinfo, getpid, gettid, getuid, geteuid, getgid, getrandom.
 */
public final class SystemInfo {
    /** Bytes of a memory page on x86-64. */
    public static final int PAGE_SIZE = 4096;

    private static final int UTSNAME_FIELD_BYTES = 65;
    private static final int UTSNAME_FIELDS = 6;
    private static final int SYSINFO_LENGTH_BYTES = 112;
    private static final int SYSINFO_TOTAL_RAM_OFFSET = 32;
    private static final int SYSINFO_UNIT_OFFSET = 104;

    private SystemInfo() {}

    /** The running kernel's release: {@code 6.18.44}. */
    public static String kernelRelease() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate((long) UTSNAME_FIELD_BYTES * UTSNAME_FIELDS);
            Syscall.check("uname", Syscall.call(SyscallNumbers.UNAME, name.address()));
            return name.getString(2L * UTSNAME_FIELD_BYTES);
        }
    }

    /** Whether the running kernel is at least {@code major.minor}. */
    public static boolean kernelAtLeast(int major, int minor) {
        String[] parts = kernelRelease().split("[^0-9]+", 3);
        int actualMajor = Integer.parseInt(parts[0]);
        int actualMinor = Integer.parseInt(parts[1]);
        return actualMajor > major || (actualMajor == major && actualMinor >= minor);
    }

    /** Bytes of memory of the host. */
    public static long memoryTotalBytes() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = arena.allocate(SYSINFO_LENGTH_BYTES, Long.BYTES);
            Syscall.check("sysinfo", Syscall.call(SyscallNumbers.SYSINFO, info.address()));
            return info.get(ValueLayout.JAVA_LONG, SYSINFO_TOTAL_RAM_OFFSET)
                    * Integer.toUnsignedLong(info.get(ValueLayout.JAVA_INT, SYSINFO_UNIT_OFFSET));
        }
    }

    /** Processors this process may use. */
    public static int processorCount() {
        return Runtime.getRuntime().availableProcessors();
    }

    public static int pid() {
        return (int) Syscall.call(SyscallNumbers.GETPID);
    }

    /** The calling thread's number. */
    public static int threadId() {
        return (int) Syscall.call(SyscallNumbers.GETTID);
    }

    public static int uid() {
        return (int) Syscall.call(SyscallNumbers.GETUID);
    }

    public static int effectiveUid() {
        return (int) Syscall.call(SyscallNumbers.GETEUID);
    }

    public static int gid() {
        return (int) Syscall.call(SyscallNumbers.GETGID);
    }

    /** Fills a segment with the kernel's random bytes. */
    public static void random(MemorySegment target) {
        long done = 0;
        while (done < target.byteSize()) {
            long count =
                    Syscall.call(SyscallNumbers.GETRANDOM, target.asSlice(done).address(), target.byteSize() - done, 0);
            if (!Errno.EINTR.is(count)) {
                done += Syscall.check("getrandom", count);
            }
        }
    }
}
