package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Starts {@code sh -c} with posix_spawn(3), as a child that nobody else waits for. */
final class ForkedShell {
    private ForkedShell() {}

    static Pidfd start(String command) {
        try (Arena arena = Arena.ofConfined()) {
            Linker linker = Linker.nativeLinker();
            MethodHandle spawn = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("posix_spawn"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS));
            MemorySegment pid = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment shell = arena.allocateFrom("/bin/sh");
            MemorySegment none = MemorySegment.NULL;
            MemorySegment arguments = arena.allocateFrom(
                    ValueLayout.JAVA_LONG,
                    shell.address(),
                    arena.allocateFrom("-c").address(),
                    arena.allocateFrom(command).address(),
                    0);
            MemorySegment environment = arena.allocateFrom(
                    ValueLayout.JAVA_LONG,
                    arena.allocateFrom("PATH=/usr/bin:/bin").address(),
                    0);
            int result = (int) spawn.invokeExact(pid, shell, none, none, arguments, environment);
            if (result != 0) {
                throw SysException.of("spawn /bin/sh", result);
            }
            return Pidfd.open(pid.get(ValueLayout.JAVA_INT, 0));
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
