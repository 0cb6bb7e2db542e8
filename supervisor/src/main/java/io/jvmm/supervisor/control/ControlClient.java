package io.jvmm.supervisor.control;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One connection to the control socket. It has one request under way at a time: what follows waits in its buffer and then in the
 * kernel's, so what it can make us hold is a line and a reply.
 */
final class ControlClient implements AutoCloseable {
    /** A longer line is no request. */
    static final int LONGEST_LINE = 4096;

    /** Who has not taken a reply by then is let go. */
    static final long PATIENCE_NS = 5_000_000_000L;

    private final Fd fd;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment in = arena.allocate(LONGEST_LINE);
    private int held;
    private @Nullable MemorySegment out;
    private long sent;
    private long outDeadlineNs;
    private boolean asked;
    private boolean ended;
    private boolean closing;
    private boolean gone;

    /** When it last said something, or was heard: who is idle longest makes room first. */
    private long activeNs;

    ControlClient(Fd fd, long nowNs) {
        this.fd = fd;
        this.activeNs = nowNs;
    }

    Fd fd() {
        return fd;
    }

    long activeNs() {
        return activeNs;
    }

    /** Whether nothing of it is under way. */
    boolean idle() {
        return !asked && out == null;
    }

    /** Whether it is to be closed. */
    boolean gone() {
        return gone || ((ended || closing) && idle() && (closing || line() < 0));
    }

    /** What to watch its descriptor for. */
    int events() {
        if (out != null) {
            return Poller.WRITABLE;
        }
        return asked || ended || held == LONGEST_LINE ? 0 : Poller.READABLE;
    }

    /** When it must have taken its reply; {@link Long#MAX_VALUE} when it has none to take. */
    long deadlineNs() {
        return out == null ? Long.MAX_VALUE : outDeadlineNs;
    }

    /** Does what the poll found. */
    void serve(int ready, long nowNs) {
        if ((ready & (Poller.ERROR | Poller.HANG_UP | Poller.INVALID)) != 0 && (ready & Poller.READABLE) == 0) {
            gone = true;
            return;
        }
        if ((ready & Poller.WRITABLE) != 0) {
            flush();
        }
        if ((ready & Poller.READABLE) != 0 && held < LONGEST_LINE) {
            long count = FileIo.tryRead(fd, in, held, LONGEST_LINE - (long) held);
            if (count > 0) {
                held += (int) count;
                activeNs = nowNs;
            } else if (count == 0) {
                ended = true;
            } else if (!Errno.EAGAIN.is(count) && !Errno.EINTR.is(count)) {
                gone = true;
            }
        }
        gone |= nowNs >= deadlineNs();
    }

    /** The next line it has said, if it may say something: it is then under way. */
    Optional<String> next() {
        if (!hasSaidMore()) {
            return Optional.empty();
        }
        int length = line();
        byte[] bytes = in.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        int rest = held - length - 1;
        MemorySegment.copy(in, length + 1L, in, 0, rest);
        held = rest;
        asked = true;
        return Optional.of(new String(bytes, StandardCharsets.UTF_8));
    }

    /** Whether a line is there that came with the one before. */
    boolean hasSaidMore() {
        return !asked && out == null && !closing && line() >= 0;
    }

    /** Whether it says something that has no end; such a client gets an answer, and no more. */
    boolean babbles() {
        return !asked && out == null && !closing && held == LONGEST_LINE && line() < 0;
    }

    /** Without a newline: -1. */
    private int line() {
        for (int i = 0; i < held; i++) {
            if (in.get(ValueLayout.JAVA_BYTE, i) == '\n') {
                return i;
            }
        }
        return -1;
    }

    /** Gives it the answer to what was under way. */
    void answer(String line, long nowNs) {
        byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
        // A reply is small, and there is only ever one: it lives until the client has it.
        out = copy(bytes);
        sent = 0;
        asked = false;
        outDeadlineNs = nowNs + PATIENCE_NS;
        activeNs = nowNs;
        flush();
    }

    private static MemorySegment copy(byte[] bytes) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    /** Nothing more is heard of it after the reply that it is about to get. */
    void closeAfterwards() {
        closing = true;
    }

    private void flush() {
        MemorySegment reply = out;
        while (reply != null && sent < reply.byteSize()) {
            long count = FileIo.tryWrite(fd, reply, sent, reply.byteSize() - sent);
            if (Errno.EAGAIN.is(count)) {
                return;
            }
            if (count < 0 && !Errno.EINTR.is(count)) {
                gone = true;
                return;
            }
            sent += Math.max(count, 0);
        }
        out = null;
    }

    @Override
    public void close() {
        gone = true;
        fd.close();
        arena.close();
    }
}
