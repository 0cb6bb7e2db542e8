package io.jvmm.ipc.sys;

import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * The heap of the C library, which is the virtual machine's own: what its compiler and its start have freed stays with the
 * process until somebody says otherwise. Any thread.
 *
 * <p>System calls: brk, madvise.
 */
public final class NativeHeap {

    private NativeHeap() {}

    /**
     * Gives what is free back to the kernel: malloc_trim(3), an extension of glibc.
     *
     * @return false where the C library has no such function
     */
    public static boolean trim() {
        Optional<MemorySegment> function = Linker.nativeLinker().defaultLookup().find("malloc_trim");
        if (function.isEmpty()) {
            return false;
        }
        // It takes one argument, the bytes to keep; nobody looks at where the others would be.
        // The shape of system calls is there already, and another would cost milliseconds.
        MethodHandle trim = Syscall.inShape(function.get());
        try {
            long _ = (long) trim.invokeExact(0L, 0L, 0L, 0L, 0L, 0L, 0L);
            return true;
        } catch (Throwable impossible) {
            throw new AssertionError("malloc_trim", impossible);
        }
    }
}
