package io.jvmm.ipc.sys;

/** Numbers of the x86-64 system calls this package makes (Linux, arch/x86/entry/syscalls/syscall_64.tbl). */
final class SyscallNumbers {
    static final int READ = 0;
    static final int WRITE = 1;
    static final int CLOSE = 3;
    static final int FSTAT = 5;
    static final int MMAP = 9;
    static final int MPROTECT = 10;
    static final int MUNMAP = 11;
    static final int PREAD64 = 17;
    static final int PWRITE64 = 18;
    static final int MADVISE = 28;
    static final int GETPID = 39;
    static final int SOCKET = 41;
    static final int CONNECT = 42;
    static final int SENDMSG = 46;
    static final int RECVMSG = 47;
    static final int SHUTDOWN = 48;
    static final int BIND = 49;
    static final int LISTEN = 50;
    static final int SOCKETPAIR = 53;
    static final int GETSOCKOPT = 55;
    static final int UNAME = 63;
    static final int FCNTL = 72;
    static final int FSYNC = 74;
    static final int FDATASYNC = 75;
    static final int FTRUNCATE = 77;
    static final int SYSINFO = 99;
    static final int GETUID = 102;
    static final int GETGID = 104;
    static final int GETEUID = 107;
    static final int GETTID = 186;
    static final int FUTEX = 202;
    static final int SCHED_GETAFFINITY = 204;
    static final int CLOCK_GETTIME = 228;
    static final int WAITID = 247;
    static final int OPENAT = 257;
    static final int PPOLL = 271;
    static final int ACCEPT4 = 288;
    static final int EVENTFD2 = 290;
    static final int PIPE2 = 293;
    static final int GETRANDOM = 318;
    static final int MEMFD_CREATE = 319;
    static final int PIDFD_SEND_SIGNAL = 424;
    static final int PIDFD_OPEN = 434;

    private SyscallNumbers() {}
}
