package io.jvmm.device.vsock;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.trace.Tape;
import java.lang.foreign.MemorySegment;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** The host of a function on a tape; in a replay there is none behind it, and what it answered is on the tape. */
final class RecordedSockets implements Sockets {
    /** So many as {@link #poll} gives. */
    private static final int MOST_EVENTS = UnixHostSide.MOST_EVENTS;

    private final int function;
    private final Tape tape;
    private final @Nullable Sockets host;
    private final UnsafeBuffer view = new UnsafeBuffer(0, 0);
    private final long[] data = new long[MOST_EVENTS];
    private final int[] events = new int[MOST_EVENTS];
    private int what;
    private int id;

    /** @param host null in a replay */
    RecordedSockets(int function, Tape tape, @Nullable Sockets host) {
        this.function = function;
        this.tape = tape;
        this.host = host;
    }

    private void output(VsockCall call, long a, long b, long c) {
        tape.output(call.code(), a, b, c);
    }

    private long answer(VsockCall call, long value) {
        return tape.answer(call.code(), value);
    }

    private boolean answer(VsockCall call, boolean value) {
        return tape.answer(call.code(), value ? 1 : 0) != 0;
    }

    @Override
    public void serving(long nowNs) {
        if (host != null) {
            tape.call(VsockCall.SERVE.code(), function, 0, 0, nowNs);
        }
    }

    @Override
    public void delivering(long nowNs) {
        if (host != null) {
            tape.call(VsockCall.DELIVER.code(), function, 0, 0, nowNs);
        }
    }

    @Override
    public @Nullable Fd fd() {
        return host == null ? null : host.fd();
    }

    @Override
    public long nowNs() {
        return answer(VsockCall.CLOCK, host == null ? 0 : host.nowNs());
    }

    @Override
    public int poll() {
        int count = (int) answer(VsockCall.POLL, host == null ? 0 : host.poll());
        int kept = Math.min(count, MOST_EVENTS);
        for (int i = 0; i < kept; i++) {
            data[i] = answer(VsockCall.EVENT, host == null ? 0 : host.data(i));
            events[i] = (int) answer(VsockCall.EVENT_BITS, host == null ? 0 : host.events(i));
        }
        return kept;
    }

    @Override
    public long data(int index) {
        return data[index];
    }

    @Override
    public int events(int index) {
        return events[index];
    }

    @Override
    public long watch(int socket, int watched, long about) {
        output(VsockCall.WATCH, socket, watched, about);
        return answer(VsockCall.WATCH, host == null ? 0 : host.watch(socket, watched, about));
    }

    @Override
    public long change(int socket, int watched, long about) {
        output(VsockCall.CHANGE, socket, watched, about);
        return answer(VsockCall.CHANGE, host == null ? 0 : host.change(socket, watched, about));
    }

    @Override
    public void unwatch(int socket) {
        output(VsockCall.UNWATCH, socket, 0, 0);
        if (host != null) {
            host.unwatch(socket);
        }
    }

    @Override
    public long peek(int socket, MemorySegment line, int mostBytes) {
        output(VsockCall.PEEK, socket, mostBytes, 0);
        long result = answer(VsockCall.PEEK, host == null ? 0 : host.peek(socket, line, mostBytes));
        if (result <= 0) {
            return result;
        }
        int length = (int) Math.min(result, mostBytes);
        view.wrap(line.address(), length);
        tape.answerBytes(VsockCall.PEEK.code(), view, 0, length);
        return length;
    }

    @Override
    public long receive(int socket, IoVector into, MemorySegment receipts, long place) {
        long length = into.lengthBytes();
        output(VsockCall.RECEIVE, socket, length, 0);
        long result = host == null ? 0 : host.receive(socket, into, receipts, place);
        return Math.min(answer(VsockCall.RECEIVE, result), length);
    }

    @Override
    public long send(int socket, IoVector from, MemorySegment receipts, long place) {
        long length = from.lengthBytes();
        output(VsockCall.SEND, socket, length, 0);
        long result = host == null ? 0 : host.send(socket, from, receipts, place);
        return Math.min(answer(VsockCall.SEND, result), length);
    }

    @Override
    public void shutdown(int socket, int direction) {
        output(VsockCall.SHUTDOWN, socket, direction, 0);
        if (host != null) {
            host.shutdown(socket, direction);
        }
    }

    @Override
    public void close(int socket) {
        output(VsockCall.CLOSE, socket, 0, 0);
        if (host != null) {
            host.close(socket);
        }
    }

    @Override
    public void abandon(int socket) {
        if (host != null) {
            host.abandon(socket);
        }
    }

    @Override
    public boolean openChannel(long about) {
        output(VsockCall.CHANNEL, about, 0, 0);
        return answer(VsockCall.CHANNEL, host != null && host.openChannel(about));
    }

    @Override
    public void leaveChannel() {
        output(VsockCall.LEAVE_CHANNEL, 0, 0, 0);
        if (host != null) {
            host.leaveChannel();
        }
    }

    @Override
    public boolean closed() {
        return answer(VsockCall.CLOSED, host != null && host.closed());
    }

    @Override
    public boolean ask(int request, int port) {
        output(VsockCall.ASK, request, port, 0);
        return answer(VsockCall.ASK, host != null && host.ask(request, port));
    }

    @Override
    public boolean tellClosed(int connection) {
        output(VsockCall.TELL_CLOSED, connection, 0, 0);
        return answer(VsockCall.TELL_CLOSED, host != null && host.tellClosed(connection));
    }

    @Override
    public boolean resume(int nonce) {
        output(VsockCall.RESUME, nonce, 0, 0);
        return answer(VsockCall.RESUME, host != null && host.resume(nonce));
    }

    /** A message is never 0: it is one of {@link io.jvmm.ipc.vsock.VsockConnectLayout}, or nonsense of somebody's. */
    @Override
    public boolean next() {
        long message = 0;
        if (host != null && host.next()) {
            message = (long) host.id() << Integer.SIZE | Integer.toUnsignedLong(host.what());
        }
        message = answer(VsockCall.NEXT, message);
        what = (int) message;
        id = (int) (message >>> Integer.SIZE);
        return message != 0;
    }

    @Override
    public int what() {
        return what;
    }

    @Override
    public int id() {
        return id;
    }

    @Override
    public int takeDescriptor() {
        return (int) answer(VsockCall.DESCRIPTOR, host == null ? SocketIo.NO_DESCRIPTOR : host.takeDescriptor());
    }

    @Override
    public boolean lostDescriptor() {
        return answer(VsockCall.LOST_DESCRIPTOR, host != null && host.lostDescriptor());
    }

    @Override
    public void close() {
        if (host != null) {
            host.close();
        }
    }
}
