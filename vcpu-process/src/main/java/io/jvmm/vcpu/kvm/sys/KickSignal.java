package io.jvmm.vcpu.kvm.sys;

import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The signal that makes KVM_RUN return EINTR, without C and without an upcall.
 *
 * <p>Signal 40 is a real-time signal that neither HotSpot nor glibc nor NIO uses. Its handler is the address of libc's
 * {@code abs}: a function of one int that touches nothing, so that it may run at any instruction of any thread. It runs on
 * the alternate stack where there is one (SA_ONSTACK) and without SA_RESTART, since interrupting the call is the point.
 *
 * <p>The kernel wants the address of a trampoline to return through ({@code sa_restorer}), which libc keeps to itself. The
 * VM has installed its own SIGSEGV handler through libc, so the kernel can be asked for the one used there.
 *
 * <pre>
 *   struct kernel_sigaction, x86-64 (rt_sigaction(2), sigset of 8 bytes):
 *   0 handler   8 flags   16 restorer   24 mask
 * </pre>
 */
public final class KickSignal {
    /** The signal's number. */
    public static final int NUMBER = 40;

    private static final int SIGSEGV = 11;
    private static final int SIG_UNBLOCK = 1;
    private static final long SA_ONSTACK = 0x0800_0000L;
    private static final long SA_RESTORER = 0x0400_0000L;

    private static final long HANDLER = 0;
    private static final long FLAGS = 8;
    private static final long RESTORER = 16;
    private static final long LENGTH = 32;
    private static final long SIGSET_BYTES = 8;

    /** This process, as seen from its own PID namespace. Read again by {@link #install()}: an AOT cache may not hold it. */
    private static volatile long pid;

    private KickSignal() {}

    /** Installs the handler for the whole process; repeating it is harmless. */
    public static void install() {
        pid = Syscall.call(SyscallNumbers.GETPID);
        final long handler =
                Linker.nativeLinker().defaultLookup().findOrThrow("abs").address();
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment action = scratch.allocate(LENGTH, 8);
            Syscall.check(
                    "read the VM's SIGSEGV disposition",
                    Syscall.call(SyscallNumbers.RT_SIGACTION, SIGSEGV, 0, action.address(), SIGSET_BYTES));
            final long restorer = action.get(ValueLayout.JAVA_LONG, RESTORER);
            if ((action.get(ValueLayout.JAVA_LONG, FLAGS) & SA_RESTORER) == 0 || restorer == 0) {
                throw new IllegalStateException("the VM's SIGSEGV handler has no sa_restorer to borrow");
            }
            action.fill((byte) 0);
            action.set(ValueLayout.JAVA_LONG, HANDLER, handler);
            action.set(ValueLayout.JAVA_LONG, FLAGS, SA_ONSTACK | SA_RESTORER);
            action.set(ValueLayout.JAVA_LONG, RESTORER, restorer);
            Syscall.check(
                    "install the handler of signal " + NUMBER,
                    Syscall.call(SyscallNumbers.RT_SIGACTION, NUMBER, action.address(), 0, SIGSET_BYTES));
        }
    }

    /**
     * Makes the calling thread, which must be a platform thread, ready to be kicked: the signal is unblocked.
     *
     * @return its kernel id
     */
    public static int bindCurrentThread() {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment set = scratch.allocate(ValueLayout.JAVA_LONG);
            set.set(ValueLayout.JAVA_LONG, 0, 1L << (NUMBER - 1));
            Syscall.check(
                    "unblock signal " + NUMBER,
                    Syscall.call(SyscallNumbers.RT_SIGPROCMASK, SIG_UNBLOCK, set.address(), 0, SIGSET_BYTES));
        }
        return (int) Syscall.call(SyscallNumbers.GETTID);
    }

    /** Sends the signal to a thread of this process. A thread that is gone is no error. Never blocks, allocates nothing. */
    public static void send(int threadId) {
        Syscall.call(SyscallNumbers.TGKILL, pid, threadId, NUMBER);
    }
}
