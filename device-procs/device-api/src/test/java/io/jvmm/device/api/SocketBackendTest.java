package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockConnectServer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A port behind a socket whose process dies right behind a call that has moved bytes, or around a commit, thousands of times: one
 * connection, and no byte is lost or comes twice, either way. The real supervisor's end of the channel, real sockets, and a core that is
 * two short queues.
 */
@Timeout(120)
class SocketBackendTest implements HostEvents {
    private static final int BYTES = 200_000;
    private static final int FIFO = 16;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment bytes = arena.allocate(1 << 17);
    private final SocketIo io = new SocketIo();
    private Poller poller = new Poller(Backend.MAX_DESCRIPTORS);
    private final List<String> events = new ArrayList<>();
    private final Mortality mortality = new Mortality();
    private final UnixSocket.Pair channel = UnixSocket.seqPacketPair();
    private final VsockConnectServer supervisor = new VsockConnectServer(channel.left(), 1);
    private final MemFd memory = MemFd.createSealed("port-stream", PortStreamLayout.TOTAL_BYTES);
    private final List<SocketBackend> made = new ArrayList<>();
    private int chunkBytes = StreamBackend.CHUNK_BYTES;
    private State committed = new State();
    private Core core = new Core(committed);
    private SocketBackend port = begin();
    private boolean carrierMayFall = true;
    private long nowNs;

    /** What is committed. */
    private record State(
            String input, String output, boolean carrier, long in, long out, int guestRead, int guestWrote) {
        State() {
            this("", "", false, 0, 0, 0, 0);
        }
    }

    private static char at(long index) {
        return (char) (((index * 0x9E37_79B9L) >>> 13) & 0xFF);
    }

    private final class Core implements HostPorts {
        final StringBuilder input;
        final StringBuilder output;
        boolean carrier;
        long in;
        long out;
        int guestRead;
        int guestWrote;

        Core(State state) {
            input = new StringBuilder(state.input());
            output = new StringBuilder(state.output());
            carrier = state.carrier();
            in = state.in();
            out = state.out();
            guestRead = state.guestRead();
            guestWrote = state.guestWrote();
        }

        State state() {
            return new State(input.toString(), output.toString(), carrier, in, out, guestRead, guestWrote);
        }

        @Override
        public int hostChunkBytes() {
            return chunkBytes;
        }

        @Override
        public int hostInputRoom(int port) {
            return FIFO - input.length();
        }

        @Override
        public int hostInput(int port, DirectBuffer from, int offset, int lengthBytes, long nowNs) {
            int taken = Math.min(lengthBytes, hostInputRoom(port));
            for (int i = 0; i < taken; i++) {
                input.append((char) (from.getByte(offset + i) & 0xFF));
            }
            mortality.step();
            return taken;
        }

        @Override
        public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
            int count = Math.min(limitBytes, output.length());
            for (int i = 0; i < count; i++) {
                into.putByte(offset + i, (byte) output.charAt(i));
            }
            return count;
        }

        @Override
        public void hostOutputDone(int port, int count, long nowNs) {
            mortality.step();
            output.delete(0, count);
        }

        @Override
        public void hostCarrier(int port, boolean present, long nowNs) {
            assertTrue(present || !carrier || carrierMayFall, "the guest saw the line fall");
            carrier = present;
        }

        @Override
        public long hostInputPosition(int port) {
            return in;
        }

        @Override
        public long hostOutputPosition(int port) {
            return out;
        }

        @Override
        public void hostPositions(int port, long input, long output) {
            in = input;
            out = output;
            mortality.step();
        }

        /** The guest's turn: takes what has come, says what comes next. */
        boolean guest(int read, int write) {
            int count = Math.min(read, input.length());
            for (int i = 0; i < count; i++) {
                assertEquals(at(guestRead++), input.charAt(i), "byte " + (guestRead - 1) + " to the guest");
            }
            input.delete(0, count);
            int said = 0;
            while (said < write && output.length() < FIFO && guestWrote < BYTES) {
                output.append(at(guestWrote++));
                said++;
            }
            return count + said > 0;
        }
    }

    private SocketBackend begin() {
        return begin(InputFilter.NONE);
    }

    private SocketBackend begin(InputFilter filter) {
        poller = new Poller(Backend.MAX_DESCRIPTORS);
        SocketBackend backend = new SocketBackend(
                3, core, this, channel.right().fd(), PortStream.in(memory.fd().duplicate(), false), filter);
        made.add(backend);
        backend.stream().afterCall(mortality::step);
        backend.attach(poller, nowNs);
        return backend;
    }

    private void commit() {
        mortality.step();
        committed = core.state();
        mortality.step();
        port.committed();
        mortality.step();
    }

    /** One turn of the duty cycle. */
    private void turn(BooleanSupplier guest) {
        nowNs += 1_000;
        while (supervisor.next() == VsockConnectServer.Next.DONE) {
            // RESUME, CLOSED
        }
        supervisor.flush();
        try {
            if (guest.getAsBoolean()) {
                commit();
            }
            boolean changed = port.flush(nowNs);
            changed |= port.deliver(nowNs);
            if (changed) {
                commit();
            }
            port.watch(poller);
            poller.await(0);
            if (port.service(poller, nowNs)) {
                commit();
            }
        } catch (Mortality.Killed _) {
            die();
        }
    }

    private void die() {
        boolean dead = true;
        while (dead) {
            made.forEach(SocketBackend::close);
            made.clear();
            try {
                core = new Core(committed);
                port = begin();
                commit();
                dead = false;
            } catch (Mortality.Killed _) {
                // once more
            }
        }
    }

    private void turns(int count) {
        for (int i = 0; i < count; i++) {
            turn(() -> false);
        }
    }

    private UnixSocket client() {
        UnixSocket.Pair pair = UnixSocket.streamPair();
        supervisor.client(pair.left().fd());
        turns(3);
        return pair.right();
    }

    private void send(UnixSocket to, String text) {
        byte[] raw = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(raw, 0, bytes, ValueLayout.JAVA_BYTE, 0, raw.length);
        assertEquals(raw.length, io.send(to.fd().number(), bytes, 0, raw.length));
    }

    private String receive(UnixSocket from) {
        long count = io.receive(from.fd().number(), bytes, 0, bytes.byteSize());
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append((char) (bytes.get(ValueLayout.JAVA_BYTE, i) & 0xFF));
        }
        return text.toString();
    }

    @AfterEach
    void close() {
        made.forEach(SocketBackend::close);
        supervisor.close();
        channel.right().close();
        memory.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 4096})
    void deathAnywhere(int chunk) {
        chunkBytes = chunk;
        Random random = new Random(TestSeed.next());
        UnixSocket client = client();
        carrierMayFall = false;
        mortality.begin(new Random(random.nextLong()), 40);
        int sent = 0;
        int read = 0;
        while (core.guestRead < BYTES || read < BYTES) {
            int amount = Math.min(BYTES - sent, 1 + random.nextInt(3_000));
            for (int i = 0; i < amount; i++) {
                bytes.set(ValueLayout.JAVA_BYTE, i, (byte) at(sent + i));
            }
            sent += (int) (amount == 0 ? 0 : Math.max(0, io.send(client.fd().number(), bytes, 0, amount)));
            for (int i = random.nextInt(40); i > 0; i--) {
                int guestReads = random.nextInt(FIFO + 1);
                int guestWrites = random.nextInt(FIFO + 1);
                turn(() -> core.guest(guestReads, guestWrites));
            }
            if (random.nextInt(4) == 0) {
                String text = receive(client);
                for (int i = 0; i < text.length(); i++) {
                    assertEquals(at(read++), text.charAt(i), "byte " + (read - 1) + " of the guest's");
                }
            }
            assertEquals(1, supervisor.held());
        }
        assertEquals(BYTES, read);
        assertEquals(BYTES, core.guestRead);
        assertTrue(mortality.deaths() > 1_000, mortality.deaths() + " deaths");
        assertEquals(List.of(), events);
        client.close();
    }

    @Test
    void oneClientAfterTheOtherThoughTheProcessDies() {
        Random random = new Random(TestSeed.next());
        mortality.begin(new Random(random.nextLong()), 30);
        for (int life = 0; life < 400; life++) {
            UnixSocket client = client();
            send(client, "in");
            String got = "";
            for (int i = 0; i < 200 && got.length() < 3; i++) {
                turn(() -> {
                    boolean asked = core.input.toString().equals("in");
                    if (asked) {
                        core.input.setLength(0);
                        core.output.append("out");
                    }
                    return asked;
                });
                got += receive(client);
            }
            assertEquals("out", got, "life " + life);
            client.close();
            for (int i = 0; i < 100 && (supervisor.held() > 0 || core.carrier); i++) {
                turns(1);
            }
            assertEquals(0, supervisor.held());
            assertFalse(core.carrier);
        }
        assertTrue(mortality.deaths() > 100, mortality.deaths() + " deaths");
        assertEquals(List.of(), events);
    }

    @Test
    void withoutAClientTheNewestOutputIsKeptForTheNext() {
        turns(3);
        assertFalse(core.carrier);
        int total = PortStreamLayout.OUT_BYTES + 1000;
        for (int said = 0; said < total; ) {
            int part = Math.min(FIFO, total - said);
            int from = said;
            turn(() -> {
                for (int i = 0; i < part; i++) {
                    core.output.append(at(from + i));
                }
                return true;
            });
            assertEquals(0, core.output.length(), "the guest is not kept waiting");
            said += part;
        }
        assertEquals(1000, port.droppedBytes());
        die();
        turns(3);
        UnixSocket client = client();
        assertTrue(core.carrier);
        StringBuilder got = new StringBuilder();
        for (int i = 0; i < 200 && got.length() < PortStreamLayout.OUT_BYTES; i++) {
            turns(1);
            got.append(receive(client));
        }
        assertEquals(PortStreamLayout.OUT_BYTES, got.length());
        for (int i = 0; i < got.length(); i++) {
            assertEquals(at(1000 + i), got.charAt(i));
        }
        send(client, "in");
        client.close();
        turns(6);
        assertEquals("in", core.input.toString(), "what was sent before the hang-up still arrives");
        assertFalse(core.carrier);
        assertEquals(0, supervisor.held());
        assertEquals(List.of(), events, "a client that leaves is no loss");
    }

    /** More than the guest takes at once, and gone: found by poll, by reading, or by sending. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aClientThatSpeaksAndLeavesIsHeardToTheEnd(int guestSpeaks) {
        UnixSocket client = client();
        StringBuilder said = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            said.append(at(i));
        }
        send(client, said.toString());
        client.close();
        turn(() -> core.guest(0, guestSpeaks));
        turns(5);
        assertFalse(core.carrier);
        assertEquals(0, supervisor.held());
        die();
        for (int i = 0; i < 100 && core.guestRead < said.length(); i++) {
            turn(() -> core.guest(FIFO, 0));
        }
        assertEquals(said.length(), core.guestRead);
        assertEquals(List.of(), events);
    }

    /** A client that does not read makes the guest wait, and one that hears nothing more may still speak. */
    @Test
    void aSlowClientIsSeenByTheGuest() {
        UnixSocket client = client();
        int taken = 0;
        for (int i = 0; i < 100_000 && core.output.length() < FIFO; i++) {
            turn(() -> core.guest(0, FIFO));
            taken++;
        }
        assertEquals(FIFO, core.output.length(), "after " + taken + " turns");
        int wrote = core.guestWrote;
        turns(10);
        assertEquals(FIFO, core.output.length());
        StringBuilder got = new StringBuilder();
        for (int i = 0; i < 10_000 && got.length() < wrote; i++) {
            got.append(receive(client));
            turns(1);
        }
        assertEquals(wrote, got.length());
        assertEquals(0, core.output.length());
    }

    /** A fresh state, as after a reset of the machine, goes on with the client and with what is on its way. */
    @Test
    void theClientOutlivesTheState() {
        UnixSocket client = client();
        turn(() -> core.guest(0, 5));
        turns(3);
        assertEquals(5, receive(client).length());
        send(client, "abc");
        turns(3);
        assertEquals("abc", core.input.toString());
        send(client, "def");
        committed = new State();
        die();
        turns(4);
        assertEquals("def", core.input.toString());
        assertTrue(core.carrier);
        turn(() -> core.guest(0, 5));
        turns(3);
        assertEquals(5, receive(client).length());
    }

    @Test
    void positionsOfAnotherStreamAreRefused() {
        client();
        State good = core.state();
        committed = new State("", "", true, good.in() + 1, good.out(), 0, 0);
        assertThrows(StateRejectedException.class, this::die);
        committed = new State("", "", true, good.in(), good.out() + PortStreamLayout.OUT_BYTES + 1, 0, 0);
        assertThrows(StateRejectedException.class, this::die);
        committed = good;
        die();
    }

    @Test
    void theEscapeKeyWorksWhileTheGuestDoesNotListen() {
        made.forEach(SocketBackend::close);
        made.clear();
        port = begin(new EscapeFilter(3, this));
        UnixSocket client = client();
        send(client, "0123456789abcdefgh");
        turns(3);
        assertEquals(FIFO, core.input.length());
        send(client, "\u0001h\u0001x");
        turns(6);
        assertTrue(receive(client).contains("Ctrl-A x       quit"));
        assertEquals(List.of("escape 3 1"), events);
        turn(() -> {
            core.input.setLength(0);
            return true;
        });
        turns(3);
        assertEquals("gh", core.input.toString());
    }

    /** A supervisor that does not answer: the port goes on without, after a while. */
    @Test
    void nobodyAnswers() {
        turns(0);
        port.deliver(nowNs);
        nowNs += 6_000_000_000L;
        assertTrue(port.deliver(nowNs));
        assertEquals(1, events.size());
        assertEquals(DeviceCore.NO_DEADLINE, port.nextDeadlineNs());
    }

    /** A message of the protocol that is none of a port's, and one with a strange descriptor. */
    @Test
    void strangeMessagesLeakNothing() {
        UnixSocket client = client();
        Fd before = client.fd().duplicate();
        int number = before.number();
        before.close();
        for (int i = 0; i < 5; i++) {
            supervisor.acceptAgain(12345);
            turns(2);
        }
        Fd after = client.fd().duplicate();
        assertEquals(number, after.number());
        after.close();
    }

    @Override
    public void escape(int which, int what) {
        events.add("escape " + which + " " + what);
    }

    @Override
    public void backendLost(int which, int errno) {
        events.add("lost " + which + " " + errno);
    }

    @Override
    public void warn(String line) {
        events.add(line);
    }
}
