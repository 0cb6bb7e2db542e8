package io.jvmm.supervisor.terminal;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.supervisor.sys.Termios;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The user's terminal while a guest may have it.
 *
 * <p>{@link #prepare} starts the {@link TerminalGuard}, which takes a few milliseconds in parallel with everything else;
 * {@link #enterRaw} waits for it and changes the terminal; {@link #close} puts everything back. One thread. What is not a
 * terminal is left alone: a pipe needs no raw mode.
 */
public final class TerminalSession implements AutoCloseable {
    private final Fd tty;
    private final Termios before;
    private @Nullable TerminalGuard guard;
    private boolean raw;

    private TerminalSession(Fd tty, Termios before, TerminalGuard guard) {
        this.tty = tty;
        this.before = before;
        this.guard = guard;
    }

    /**
     * Gets ready to go raw.
     *
     * @param input standard input; it stays the caller's
     * @return empty when it is no terminal
     */
    public static Optional<TerminalSession> prepare(Fd input) {
        return Termios.of(input).map(settings -> new TerminalSession(input, settings, TerminalGuard.start(input)));
    }

    /**
     * From here on every key goes to the guest.
     *
     * @throws IllegalStateException when the guard did not come up: without it a killed supervisor would leave the terminal
     *     unusable, so it is not touched
     */
    public void enterRaw() {
        if (guard != null && !raw) {
            guard.awaitReady();
            raw = before.raw().applyTo(tty);
        }
    }

    /** Whether line ends must be written as carriage return and line feed. */
    public boolean isRaw() {
        return raw;
    }

    /** Puts the terminal back as it was. A second call does nothing. */
    @Override
    public void close() {
        if (raw) {
            raw = false;
            // False means that the terminal has vanished: then there is nothing to put back.
            before.applyTo(tty);
        }
        if (guard != null) {
            guard.dismiss();
            guard = null;
        }
    }
}
