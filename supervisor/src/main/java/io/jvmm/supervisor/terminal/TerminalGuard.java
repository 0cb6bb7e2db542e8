package io.jvmm.supervisor.terminal;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.supervisor.sys.DetachedShell;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * A shell in a session of its own that does nothing but wait for the supervisor to go. When the pipe from the supervisor
 * ends without the word {@code done}, it restores the terminal with {@code stty}: so a supervisor that is killed with SIGKILL
 * leaves a terminal one can type in.
 */
final class TerminalGuard {
    /** Descriptors of the shell: 0 the pipe from us, 1 the terminal, 2 the pipe to us. */
    private static final String SCRIPT = "trap '' HUP INT QUIT TERM TSTP TTIN TTOU PIPE;"
            + " exec 3<&1; saved=$(stty -g <&3) || exit 1;"
            + " echo ready >&2; exec 2>/dev/null;"
            + " read -r word;"
            + " [ \"$word\" = done ] || stty \"$saved\" <&3";

    private static final byte[] WORD = "ready".getBytes(StandardCharsets.US_ASCII);

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Pidfd process;
    private final Fd lifeLine;
    private final Fd readiness;

    private TerminalGuard(Pidfd process, Fd lifeLine, Fd readiness) {
        this.process = process;
        this.lifeLine = lifeLine;
        this.readiness = readiness;
    }

    static TerminalGuard start(Fd tty) {
        Pipe life = Pipe.create();
        Pipe ready = Pipe.create();
        try {
            Pidfd process = DetachedShell.start(SCRIPT, life.reader(), tty, ready.writer());
            return new TerminalGuard(process, life.writer(), ready.reader());
        } finally {
            life.reader().close();
            ready.writer().close();
        }
    }

    /** Waits until it knows the terminal's settings. */
    void awaitReady() {
        Poller poller = new Poller(1);
        poller.add(readiness, Poller.READABLE);
        boolean answered = poller.await(PATIENCE.toNanos()) > 0 && poller.isReady(0, Poller.READABLE);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(WORD.length);
            if (!answered
                    || FileIo.tryRead(readiness, answer, 0, WORD.length) != WORD.length
                    || !Arrays.equals(answer.toArray(ValueLayout.JAVA_BYTE), WORD)) {
                throw new IllegalStateException(
                        "the guard that restores the terminal did not start; are /bin/sh and stty"
                                + " installed (Debian: apt-get install coreutils)?");
            }
        }
    }

    /** Tells it that the terminal is in order, and collects it. */
    void dismiss() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment done =
                    arena.allocateFrom(ValueLayout.JAVA_BYTE, "done\n".getBytes(StandardCharsets.US_ASCII));
            long written = FileIo.tryWrite(lifeLine, done, 0, done.byteSize());
            if (Syscall.isError(written)) {
                // It has died before us, and its descriptors are closed below: there is nobody to tell.
                process.signal(Signals.SIGKILL);
            }
        }
        lifeLine.close();
        readiness.close();
        Poller poller = new Poller(1);
        poller.add(process.fd(), Poller.READABLE);
        if (poller.await(PATIENCE.toNanos()) == 0) {
            process.signal(Signals.SIGKILL);
        }
        // Killed it ends at once; should it hang in the kernel, it is not waited for.
        process.await(PATIENCE.toNanos());
        process.close();
    }

    /** For tests. */
    int pid() {
        return process.pid();
    }
}
