package io.jvmm.ipc.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The two ends of a pipe(2), close-on-exec and blocking.
 *
 * <p>System calls: pipe2.
 *
 * @param reader the end to read from
 * @param writer the end to write to
 */
public record Pipe(Fd reader, Fd writer) implements AutoCloseable {
    private static final int O_CLOEXEC = 0x80000;

    public static Pipe create() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ends = arena.allocate(2L * Integer.BYTES, Integer.BYTES);
            Syscall.check("create pipe", Syscall.call(SyscallNumbers.PIPE2, ends.address(), O_CLOEXEC));
            return new Pipe(
                    Fd.of(ends.get(ValueLayout.JAVA_INT, 0)), Fd.of(ends.get(ValueLayout.JAVA_INT, Integer.BYTES)));
        }
    }

    @Override
    public void close() {
        reader.close();
        writer.close();
    }
}
