package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * How large a terminal is, in characters (ioctl(2), TIOCGWINSZ: rows, columns, two more).
 *
 * @param columns 0 when the terminal does not know
 */
public record WindowSize(int columns, int rows) {
    private static final int TIOCGWINSZ = 0x5413;
    private static final int LENGTH_BYTES = 8;
    private static final int U16 = 0xffff;

    /** That of the terminal behind a descriptor; empty when it is none. */
    public static Optional<WindowSize> of(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(LENGTH_BYTES, Long.BYTES);
            if (Syscall.isError(Syscall.call(SyscallNumbers.IOCTL, fd.number(), TIOCGWINSZ, size.address()))) {
                return Optional.empty();
            }
            return Optional.of(new WindowSize(
                    size.get(ValueLayout.JAVA_SHORT, 2) & U16, size.get(ValueLayout.JAVA_SHORT, 0) & U16));
        }
    }

    /** As the argument of RESIZE: columns low, rows high. */
    public long argument() {
        return (long) rows << 32 | columns;
    }
}
