package io.jvmm.policy.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** One raw system call at a time, for this module. Results are the kernel's own: a negative errno on failure. Any thread. */
public final class Kernel {
    private static final MemoryLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno")).withInvokeExactBehavior();
    private static final MethodHandle SYSCALL = Linker.nativeLinker()
            .downcallHandle(
                    Linker.nativeLinker().defaultLookup().findOrThrow("syscall"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG),
                    Linker.Option.captureCallState("errno"));

    private Kernel() {}

    /**
     * Makes system call {@code number} with up to six arguments.
     *
     * @return the result, or {@code -errno}
     */
    public static long call(int number, long... arguments) {
        long[] a = new long[6];
        System.arraycopy(arguments, 0, a, 0, arguments.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment capture = arena.allocate(CAPTURE);
            long result = (long) SYSCALL.invokeExact(capture, (long) number, a[0], a[1], a[2], a[3], a[4], a[5]);
            return result == -1 ? -(int) ERRNO.get(capture, 0L) : result;
        } catch (Throwable e) {
            throw new AssertionError("a downcall does not throw", e);
        }
    }

    /** As {@link #call}, but a failure is a {@link HostException} with the operation's name. */
    public static long check(String operation, int number, long... arguments) {
        long result = call(number, arguments);
        if (result < 0) {
            throw HostException.of(operation, (int) -result);
        }
        return result;
    }
}
