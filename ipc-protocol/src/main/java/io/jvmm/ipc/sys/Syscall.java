package io.jvmm.ipc.sys;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The one door to the kernel: libc's {@code long syscall(long number, ...)} with six arguments.
 *
 * <p>Each distinct downcall shape costs a JVM about 8 ms at start, so everything goes through this one, in two
 * variants. Typed classes stand in front of it; code outside packages named {@code sys} uses those.
 *
 * <p>Results follow the kernel's own convention: a value, or the negated errno ({@code -4095..-1}). Nothing is
 * allocated: errno is captured into a segment preallocated for the thread, so any thread may call.
 *
 * <p>System calls: none of its own.
 */
public final class Syscall {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final FunctionDescriptor SHAPE =
            FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG);
    private static final MethodHandle CALL = bind(false);

    private Syscall() {}

    /** Kept apart so that a process that never makes a critical call does not pay for its handle. */
    private static final class Critical {
        static final MethodHandle CALL = bind(true);
    }

    private static MethodHandle bind(boolean critical) {
        Linker linker = Linker.nativeLinker();
        MemorySegment function = linker.defaultLookup().findOrThrow("syscall");
        Linker.Option errno = Linker.Option.captureCallState("errno");
        Linker.Option variadic = Linker.Option.firstVariadicArg(1);
        return critical
                ? linker.downcallHandle(function, SHAPE, errno, variadic, Linker.Option.critical(false))
                : linker.downcallHandle(function, SHAPE, errno, variadic);
    }

    /**
     * Makes a system call that may block.
     *
     * @return the kernel's result, or the negated errno
     */
    public static long call(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        ThreadScratch scratch = ThreadScratch.ofThread();
        long result;
        try {
            result = (long) CALL.invokeExact(scratch.capture, number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
        return result == -1 ? -scratch.errno() : result;
    }

    /**
     * Makes a system call that never blocks, without telling the VM: about 10 ns less, but a garbage collection waits
     * until it returns.
     *
     * @return the kernel's result, or the negated errno
     */
    public static long callCritical(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        ThreadScratch scratch = ThreadScratch.ofThread();
        long result;
        try {
            result = (long) Critical.CALL.invokeExact(scratch.capture, number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
        return result == -1 ? -scratch.errno() : result;
    }

    public static long call(long number) {
        return call(number, 0, 0, 0, 0, 0, 0);
    }

    public static long call(long number, long a0) {
        return call(number, a0, 0, 0, 0, 0, 0);
    }

    public static long call(long number, long a0, long a1) {
        return call(number, a0, a1, 0, 0, 0, 0);
    }

    public static long call(long number, long a0, long a1, long a2) {
        return call(number, a0, a1, a2, 0, 0, 0);
    }

    public static long call(long number, long a0, long a1, long a2, long a3) {
        return call(number, a0, a1, a2, a3, 0, 0);
    }

    public static long call(long number, long a0, long a1, long a2, long a3, long a4) {
        return call(number, a0, a1, a2, a3, a4, 0);
    }

    /**
     * Turns a failed result into an exception.
     *
     * @param operation what was attempted, as a user would say it: {@code open("/dev/kvm")}
     * @param result what {@link #call} returned
     * @return {@code result} when it is not an error
     * @throws SysException when it is
     */
    public static long check(String operation, long result) {
        if (isError(result)) {
            throw SysException.of(operation, (int) -result);
        }
        return result;
    }

    /** Whether {@code result} is a negated errno. */
    public static boolean isError(long result) {
        return result < 0 && result >= -4095;
    }
}
