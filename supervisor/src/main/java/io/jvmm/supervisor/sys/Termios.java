package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * The settings of a terminal, as the kernel keeps them (termios(3), but the structure is the kernel's, not libc's).
 *
 * <pre>
 *   0       4       8       12      16    17          36
 *   | iflag | oflag | cflag | lflag | line | cc[19]   |
 * </pre>
 *
 * <p>System calls: ioctl (TCGETS, TCSETS). Immutable; any thread.
 */
public final class Termios {
    private static final int TCGETS = 0x5401;
    private static final int TCSETS = 0x5402;
    private static final int LENGTH_BYTES = 36;
    private static final int IFLAG = 0;
    private static final int OFLAG = 4;
    private static final int CFLAG = 8;
    private static final int LFLAG = 12;
    private static final int CC = 17;
    private static final int VTIME = 5;
    private static final int VMIN = 6;

    /** IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON. */
    private static final int INPUT_PROCESSING = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400;

    private static final int OPOST = 0x1;
    private static final int CSIZE_PARENB = 0x30 | 0x100;
    private static final int CS8 = 0x30;
    /** ISIG ICANON ECHO ECHONL IEXTEN. */
    private static final int LINE_EDITING = 0x1 | 0x2 | 0x8 | 0x40 | 0x8000;

    private final byte[] kernel;

    private Termios(byte[] kernel) {
        this.kernel = kernel;
    }

    /** The settings of the terminal behind a descriptor; empty when it is no terminal (any more). */
    public static Optional<Termios> of(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            // More than the kernel writes today, should the structure ever grow.
            MemorySegment settings = arena.allocate(2L * LENGTH_BYTES, Integer.BYTES);
            if (Syscall.isError(Syscall.call(SyscallNumbers.IOCTL, fd.number(), TCGETS, settings.address()))) {
                return Optional.empty();
            }
            return Optional.of(new Termios(settings.asSlice(0, LENGTH_BYTES).toArray(ValueLayout.JAVA_BYTE)));
        }
    }

    /** Applies these settings at once; false when the terminal is gone. */
    public boolean applyTo(Fd fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment settings = arena.allocate(2L * LENGTH_BYTES, Integer.BYTES);
            MemorySegment.copy(kernel, 0, settings, ValueLayout.JAVA_BYTE, 0, LENGTH_BYTES);
            return !Syscall.isError(Syscall.call(SyscallNumbers.IOCTL, fd.number(), TCSETS, settings.address()));
        }
    }

    /** The same terminal with every byte passed on as it comes, both ways, and no key of meaning (cfmakeraw(3)). */
    public Termios raw() {
        ByteBuffer b = ByteBuffer.wrap(kernel.clone()).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(IFLAG, b.getInt(IFLAG) & ~INPUT_PROCESSING);
        b.putInt(OFLAG, b.getInt(OFLAG) & ~OPOST);
        b.putInt(CFLAG, (b.getInt(CFLAG) & ~CSIZE_PARENB) | CS8);
        b.putInt(LFLAG, b.getInt(LFLAG) & ~LINE_EDITING);
        b.put(CC + VMIN, (byte) 1);
        b.put(CC + VTIME, (byte) 0);
        return new Termios(b.array());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Termios t && java.util.Arrays.equals(kernel, t.kernel);
    }

    @Override
    public int hashCode() {
        return java.util.Arrays.hashCode(kernel);
    }

    @Override
    public String toString() {
        return "termios " + java.util.HexFormat.of().formatHex(kernel);
    }
}
