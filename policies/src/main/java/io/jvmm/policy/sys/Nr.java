package io.jvmm.policy.sys;

/** System call numbers of Linux on x86-64 that the jail uses itself (asm/unistd_64.h). */
public final class Nr {
    public static final int READ = 0;
    public static final int CLOSE = 3;
    public static final int POLL = 7;
    public static final int MMAP = 9;
    public static final int MPROTECT = 10;
    public static final int MUNMAP = 11;
    public static final int RT_SIGPROCMASK = 14;
    public static final int GETPID = 39;
    public static final int EXECVE = 59;
    public static final int FCNTL = 72;
    public static final int CHDIR = 80;
    public static final int FCHDIR = 81;
    public static final int UMASK = 95;
    public static final int GETUID = 102;
    public static final int GETGID = 104;
    public static final int SETSID = 112;
    public static final int SETGROUPS = 116;
    public static final int SETRESUID = 117;
    public static final int SETRESGID = 119;
    public static final int CAPSET = 126;
    public static final int PIVOT_ROOT = 155;
    public static final int PRCTL = 157;
    public static final int MOUNT = 165;
    public static final int UMOUNT2 = 166;
    public static final int SETHOSTNAME = 170;
    public static final int SETDOMAINNAME = 171;
    public static final int FUTEX = 202;
    public static final int EXIT_GROUP = 231;
    public static final int WAITID = 247;
    public static final int OPENAT = 257;
    public static final int MKDIRAT = 258;
    public static final int MKNODAT = 259;
    public static final int SYMLINKAT = 266;
    public static final int DUP3 = 292;
    public static final int PIPE2 = 293;
    public static final int PRLIMIT64 = 302;
    public static final int SECCOMP = 317;
    public static final int PIDFD_SEND_SIGNAL = 424;
    public static final int OPEN_TREE = 428;
    public static final int MOVE_MOUNT = 429;
    public static final int FSOPEN = 430;
    public static final int FSCONFIG = 431;
    public static final int FSMOUNT = 432;
    public static final int CLONE3 = 435;
    public static final int CLOSE_RANGE = 436;
    public static final int MOUNT_SETATTR = 442;
    public static final int LANDLOCK_CREATE_RULESET = 444;
    public static final int LANDLOCK_ADD_RULE = 445;
    public static final int LANDLOCK_RESTRICT_SELF = 446;

    private Nr() {}
}
