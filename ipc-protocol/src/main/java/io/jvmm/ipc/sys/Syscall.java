package io.jvmm.ipc.sys;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The one door to the kernel: a number and six arguments in, the kernel's own result out.
 *
 * <p>Each distinct downcall shape costs a JVM about 8 ms at start, so everything goes through this one. Typed classes
 * stand in front of it; code outside packages named {@code sys} uses those.
 *
 * <p>Results follow the kernel's convention: a value, or the negated errno ({@code -4095..-1}). To get at it, the handle
 * does not call libc's {@code syscall(3)}, which hides the errno in a thread-local variable, but the 30 bytes of
 * {@link #CODE} that do the same without that detour. The linker's own way, {@code captureCallState}, allocates 40 bytes a
 * call wherever C2 does not compile it away, and jailed processes have no C2. Nothing is allocated here, by no compiler
 * and not by the interpreter either (a test asserts it). Any thread may call.
 *
 * <p>System calls: mmap and mprotect, once, for the page of code, which is never writable and executable at once. It has to
 * happen before a filter forbids PROT_EXEC: the first use of any class of this package does it.
 */
public final class Syscall {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final FunctionDescriptor SHAPE =
            FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG);

    /** From the C calling convention to the kernel's (System V ABI, AMD64, A.2.1). */
    private static final byte[] CODE = {
        (byte) 0xf3,
        0x0f,
        0x1e,
        (byte) 0xfa, // endbr64
        0x48,
        (byte) 0x89,
        (byte) 0xf8, //       mov %rdi,%rax      number
        0x48,
        (byte) 0x89,
        (byte) 0xf7, //       mov %rsi,%rdi
        0x48,
        (byte) 0x89,
        (byte) 0xd6, //       mov %rdx,%rsi
        0x48,
        (byte) 0x89,
        (byte) 0xca, //       mov %rcx,%rdx
        0x4d,
        (byte) 0x89,
        (byte) 0xc2, //       mov %r8,%r10
        0x4d,
        (byte) 0x89,
        (byte) 0xc8, //       mov %r9,%r8
        0x4c,
        (byte) 0x8b,
        0x4c,
        0x24,
        0x08, //  mov 8(%rsp),%r9
        0x0f,
        0x05, //                           syscall
        (byte) 0xc3 //                           ret
    };

    private static final long PAGE = 4096;
    private static final int PROT_READ_WRITE = 3;
    private static final int PROT_READ_EXEC = 5;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

    private static final MemorySegment DOOR = makeDoor();
    private static final MethodHandle CALL = Linker.nativeLinker().downcallHandle(DOOR, SHAPE);

    private Syscall() {}

    /** Kept apart so that a process that never makes a critical call does not pay for its handle. */
    private static final class Critical {
        static final MethodHandle CALL =
                Linker.nativeLinker().downcallHandle(DOOR, SHAPE, Linker.Option.critical(false));
    }

    /** A function of the C library that takes at most seven integers, in the shape that exists already. */
    static MethodHandle inShape(MemorySegment function) {
        return Linker.nativeLinker().downcallHandle(function, SHAPE);
    }

    /** A page that holds two pieces of code, the second at {@code secondAt}; as {@link #makeDoor}, before a filter forbids it. */
    static MemorySegment codePage(byte[] first, byte[] second, int secondAt) {
        long address = check(
                "map a page of code",
                call(SyscallNumbers.MMAP, 0, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
        MemorySegment page = MemorySegment.ofAddress(address).reinterpret(PAGE);
        MemorySegment.copy(first, 0, page, ValueLayout.JAVA_BYTE, 0, first.length);
        MemorySegment.copy(second, 0, page, ValueLayout.JAVA_BYTE, secondAt, second.length);
        check("make a page of code executable", call(SyscallNumbers.MPROTECT, address, PAGE, PROT_READ_EXEC));
        return page;
    }

    /** The page of code, made through libc's {@code syscall(3)} in the same shape, so that it costs no second one. */
    private static MemorySegment makeDoor() {
        Linker linker = Linker.nativeLinker();
        MethodHandle libc = linker.downcallHandle(linker.defaultLookup().findOrThrow("syscall"), SHAPE);
        try {
            long address = (long) libc.invokeExact(
                    (long) SyscallNumbers.MMAP,
                    0L,
                    PAGE,
                    (long) PROT_READ_WRITE,
                    (long) MAP_PRIVATE_ANONYMOUS,
                    -1L,
                    0L);
            if (address == -1) {
                throw new IllegalStateException("cannot map a page for the system call stub");
            }
            MemorySegment page = MemorySegment.ofAddress(address).reinterpret(PAGE);
            MemorySegment.copy(CODE, 0, page, ValueLayout.JAVA_BYTE, 0, CODE.length);
            long result = (long)
                    libc.invokeExact((long) SyscallNumbers.MPROTECT, address, PAGE, (long) PROT_READ_EXEC, 0L, 0L, 0L);
            if (result == -1) {
                throw new IllegalStateException("cannot make the system call stub executable: "
                        + "a filter or the host's security module forbids it");
            }
            return page;
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
    }

    /**
     * Makes a system call that may block.
     *
     * @return the kernel's result, or the negated errno
     */
    public static long call(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        try {
            return (long) CALL.invokeExact(number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
    }

    /**
     * Makes a system call that never blocks, without telling the VM: about 10 ns less, but a garbage collection waits
     * until it returns.
     *
     * @return the kernel's result, or the negated errno
     */
    public static long callCritical(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        try {
            return (long) Critical.CALL.invokeExact(number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
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
