package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.agrona.MutableDirectBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real descriptors on one side, a core of two queues on the other. */
@Timeout(60)
class StreamBackendTest implements HostEvents {

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment bytes = arena.allocate(1 << 17);
    private final Queues core = new Queues();
    private final List<String> events = new ArrayList<>();
    private final Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
    private long nowNs;

    /** A core that is nothing but room for input and output to send. */
    private static final class Queues implements DeviceCore {
        int room;
        final StringBuilder input = new StringBuilder();
        final StringBuilder output = new StringBuilder();
        boolean carrier;

        @Override
        public long read(int region, int offset, int widthBytes, long nowNs) {
            return 0;
        }

        @Override
        public void write(int region, int offset, int widthBytes, long value, long nowNs) {}

        @Override
        public void reset(long nowNs) {}

        @Override
        public int hostInputRoom(int port) {
            return room;
        }

        @Override
        public void hostInput(int port, int value, long nowNs) {
            assertTrue(room-- > 0, "no room for a byte");
            input.append((char) value);
        }

        @Override
        public void hostBreak(int port, long nowNs) {
            room--;
            input.append("<break>");
        }

        @Override
        public void hostCarrier(int port, boolean present, long nowNs) {
            carrier = present;
        }

        @Override
        public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
            int count = Math.min(limitBytes, Math.min(16, output.length()));
            for (int i = 0; i < count; i++) {
                into.putByte(offset + i, (byte) output.charAt(i));
            }
            return count;
        }

        @Override
        public void hostOutputDone(int port, int count, long nowNs) {
            output.delete(0, count);
        }
    }

    private StreamBackend backend(
            @org.jspecify.annotations.Nullable Fd in,
            Fd out,
            StreamBackend.OnLoss onLoss,
            InputFilter filter,
            int backlog) {
        StreamBackend backend = new StreamBackend(0, core, this, in, out, onLoss, filter, 1, backlog);
        backend.attach(poller, 0);
        return backend;
    }

    private void cycle(StreamBackend backend) {
        backend.flush(nowNs);
        backend.watch(poller);
        poller.await(0);
        backend.service(poller, nowNs);
        backend.deliver(nowNs);
    }

    private void send(Fd to, String text) {
        MemorySegment.copy(
                text.getBytes(StandardCharsets.ISO_8859_1),
                0,
                bytes,
                java.lang.foreign.ValueLayout.JAVA_BYTE,
                0,
                text.length());
        assertEquals(text.length(), FileIo.tryWrite(to, bytes, 0, text.length()));
    }

    private String receive(Fd from) {
        from.setNonBlocking(true);
        long count = FileIo.tryRead(from, bytes, 0, bytes.byteSize());
        return count <= 0
                ? ""
                : StandardCharsets.ISO_8859_1
                        .decode(bytes.asSlice(0, count).asByteBuffer())
                        .toString();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readsOnlyWhatTheCoreHasRoomFor(boolean nonBlocking) {
        Pipe in = Pipe.create();
        Pipe out = Pipe.create();
        in.reader().setNonBlocking(nonBlocking);
        StreamBackend backend = backend(in.reader(), out.writer(), StreamBackend.OnLoss.END, InputFilter.NONE, 0);
        assertTrue(core.carrier);
        send(in.writer(), "hello world");
        cycle(backend);
        assertEquals("", core.input.toString());
        core.room = 5;
        cycle(backend);
        assertEquals("hello", core.input.toString());
        core.room = 100;
        cycle(backend);
        assertEquals("hello world", core.input.toString());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void keepsInTheCoreWhatASlowHostDoesNotTakeAndLosesNothing(boolean nonBlocking) {
        Pipe out = Pipe.create();
        out.writer().setNonBlocking(nonBlocking);
        StreamBackend backend =
                new StreamBackend(0, core, this, null, out.writer(), StreamBackend.OnLoss.END, InputFilter.NONE, 64, 0);
        backend.attach(poller, 0);
        StringBuilder sent = new StringBuilder();
        StringBuilder got = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            sent.append((char) ('a' + i % 26));
        }
        core.output.append(sent);
        int stalls = 0;
        while (got.length() < sent.length()) {
            int before = core.output.length();
            cycle(backend);
            if (core.output.length() == before) {
                stalls++;
                got.append(receive(out.reader()));
            }
        }
        assertEquals(sent.toString(), got.toString());
        assertTrue(stalls > 0, "the pipe never filled");
        assertEquals(List.of(), events);
    }

    @Test
    void aReaderThatGoesAwayIsALostBackEndAndOutputIsDiscardedFromThenOn() {
        Pipe in = Pipe.create();
        Pipe out = Pipe.create();
        StreamBackend backend = backend(in.reader(), out.writer(), StreamBackend.OnLoss.END, InputFilter.NONE, 0);
        out.reader().close();
        cycle(backend);
        assertEquals(List.of("lost 0 0"), events);
        assertFalse(core.carrier);
        core.output.append("nobody listens".repeat(100));
        for (int i = 0; i < 10; i++) {
            cycle(backend);
        }
        assertEquals(0, core.output.length());
        assertEquals(1, events.size(), "told once");
    }

    @Test
    void aWriteThatFailsIsALostBackEndWithItsErrno() {
        Pipe out = Pipe.create();
        StreamBackend backend =
                backend(Pipe.create().reader(), out.writer(), StreamBackend.OnLoss.END, InputFilter.NONE, 0);
        out.reader().close();
        core.output.append("x");
        out.writer().setNonBlocking(true);
        backend.flush(0);
        assertEquals(List.of("lost 0 " + Errno.EPIPE.number()), events);
    }

    @Test
    void endOfInputLeavesTheOutputAlone() {
        Pipe in = Pipe.create();
        Pipe out = Pipe.create();
        StreamBackend backend = backend(in.reader(), out.writer(), StreamBackend.OnLoss.END, InputFilter.NONE, 0);
        core.room = 10;
        send(in.writer(), "bye");
        in.writer().close();
        for (int i = 0; i < 5; i++) {
            cycle(backend);
        }
        assertEquals("bye", core.input.toString());
        assertEquals(List.of(), events);
        backend.watch(poller);
        assertEquals(0, poller.await(0), "an ended input must not keep the process awake");
        core.output.append("still here");
        cycle(backend);
        cycle(backend);
        assertEquals("still here", receive(out.reader()));
    }

    @Test
    void anEscapeFilterReadsAheadWhileTheGuestDoesNotListen() {
        Pipe in = Pipe.create();
        Pipe out = Pipe.create();
        InputFilter filter = value -> switch (value) {
            case 'q' -> {
                escape(0, ESCAPE_QUIT);
                yield InputFilter.SWALLOWED;
            }
            case 'b' -> InputFilter.BREAK;
            default -> value;
        };
        StreamBackend backend = backend(in.reader(), out.writer(), StreamBackend.OnLoss.END, filter, 16);
        send(in.writer(), "1b2q");
        cycle(backend);
        assertEquals(List.of("escape 0 1"), events);
        assertEquals("", core.input.toString());
        core.room = 10;
        cycle(backend);
        assertEquals("1<break>2", core.input.toString());
    }

    @Override
    public void escape(int port, int what) {
        events.add("escape " + port + " " + what);
    }

    @Override
    public void backendLost(int port, int errno) {
        events.add("lost " + port + " " + errno);
    }
}
