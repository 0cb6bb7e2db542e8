package io.jvmm.it;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.sys.PseudoTerminal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A pseudo-terminal of which the test is the screen and the keyboard. The test also keeps the other end open, so that the
 * settings can be read after the machine is gone.
 */
public final class Terminal implements AutoCloseable {
    private static final int BUFFER_BYTES = 8192;
    private static final long LOOK_NS = 20_000_000;

    private final PseudoTerminal pty;
    private final Fd slave;
    private final String settings;

    private Terminal(PseudoTerminal pty) throws IOException {
        this.pty = pty;
        this.slave = pty.openSlave();
        this.settings = settings();
    }

    static Terminal open() throws IOException {
        return new Terminal(PseudoTerminal.open());
    }

    public Path path() {
        return pty.slave();
    }

    /** The settings when the terminal was new, as {@code stty -g} prints them. */
    public String originalSettings() {
        return settings;
    }

    /** The settings now. */
    public String settings() throws IOException {
        Process stty = new ProcessBuilder("stty", "-F", path().toString(), "-g")
                .redirectErrorStream(true)
                .start();
        return new String(stty.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    InputStream input() {
        return new InputStream() {
            private final Arena arena = Arena.ofShared();
            private final MemorySegment buffer = arena.allocate(BUFFER_BYTES);

            @Override
            public int read() throws IOException {
                throw new IOException("read whole buffers");
            }

            @Override
            public int read(byte[] into, int offset, int length) {
                // A blocked read would keep the terminal alive after its window is closed, so none ever blocks long.
                Poller poller = new Poller(1);
                poller.add(pty.master(), Poller.READABLE);
                while (pty.master().isOpen() && poller.await(LOOK_NS) == 0) {
                    // looks again whether the window is still open
                }
                if (!pty.master().isOpen()) {
                    return -1;
                }
                long n = FileIo.tryRead(pty.master(), buffer, 0, Math.min(length, BUFFER_BYTES));
                if (n <= 0) {
                    return -1;
                }
                MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, into, offset, (int) n);
                return (int) n;
            }
        };
    }

    OutputStream output() {
        return new OutputStream() {
            @Override
            public void write(int b) {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] from, int offset, int length) {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment copy = arena.allocate(Math.max(1, length));
                    MemorySegment.copy(from, offset, copy, ValueLayout.JAVA_BYTE, 0, length);
                    FileIo.writeFully(pty.master(), copy.asSlice(0, length));
                }
            }
        };
    }

    /** Hangs up: the terminal's window is closed. */
    public void hangUp() {
        close();
    }

    @Override
    public void close() {
        if (slave.isOpen()) {
            slave.close();
        }
        if (pty.master().isOpen()) {
            pty.close();
        }
    }
}
