package io.jvmm.supervisor.sys;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A new pseudo-terminal (pty(7)).
 *
 * <p>System calls: openat of /dev/ptmx; ioctl (TIOCSPTLCK, TIOCGPTN, TIOCGPTPEER).
 *
 * @param master our end
 * @param slave the user's end, as a path: {@code /dev/pts/7}
 */
public record PseudoTerminal(Fd master, Path slave) implements AutoCloseable {
    private static final int TIOCSPTLCK = 0x4004_5431;
    private static final long TIOCGPTN = 0x8004_5430L;
    private static final int TIOCGPTPEER = 0x5441;
    private static final int O_CLOEXEC = 0x80000;

    public static PseudoTerminal open() {
        Fd master = FileIo.open(Path.of("/dev/ptmx"), FileIo.READ_WRITE | FileIo.NO_CONTROLLING_TERMINAL, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            Syscall.check(
                    "unlock pty", Syscall.call(SyscallNumbers.IOCTL, master.number(), TIOCSPTLCK, number.address()));
            Syscall.check(
                    "name of pty", Syscall.call(SyscallNumbers.IOCTL, master.number(), TIOCGPTN, number.address()));
            return new PseudoTerminal(master, Path.of("/dev/pts/" + number.get(ValueLayout.JAVA_INT, 0)));
        } catch (RuntimeException e) {
            master.close();
            throw e;
        }
    }

    /** The user's end, opened without a path. */
    public Fd openSlave() {
        return Fd.of((int) Syscall.check(
                "open " + slave,
                Syscall.call(
                        SyscallNumbers.IOCTL,
                        master.number(),
                        TIOCGPTPEER,
                        FileIo.READ_WRITE | FileIo.NO_CONTROLLING_TERMINAL | O_CLOEXEC)));
    }

    @Override
    public void close() {
        master.close();
    }
}
