package io.jvmm.supervisor.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server in a poll of its own, with real clients: whatever they do, a turn of the loop does not wait. */
class ControlServerTest {
    private static final long PATIENCE_NS = 10_000_000_000L;
    private static final String STATUS = "{\"do\":\"status\"}\n";
    private static final String STOP = "{\"do\":\"stop\"}\n";

    @TempDir
    Path dir;

    private final TestPoll poller = new TestPoll();
    private final List<ControlRequest> asked = new ArrayList<>();
    private final List<Consumer<ControlReply>> later = new ArrayList<>();
    private final List<SocketChannel> clients = new ArrayList<>();
    private Path path = Path.of("");
    private @Nullable ControlServer current;

    @BeforeEach
    void listen() {
        path = dir.resolve("control");
        UnixSocket socket = UnixSocket.listen(path, 16);
        socket.fd().setNonBlocking(true);
        current = new ControlServer(socket.fd());
        server().join(poller, (request, answer) -> {
            asked.add(request);
            if (request instanceof ControlRequest.Stop) {
                later.add(answer);
            } else {
                answer.accept(new ControlReply.Done("done"));
            }
        });
    }

    @AfterEach
    void close() throws IOException {
        for (SocketChannel c : clients) {
            c.close();
        }
        server().close();
    }

    /** A poll set of a fixed size. */
    private static final class TestPoll implements PollSet {
        private static final int PLACES = 2 + ControlServer.MOST_CLIENTS;

        private final Poller poller = new Poller(PLACES);
        private final Fd[] fds = new Fd[PLACES];
        private final BitSet taken = new BitSet();

        @Override
        public int take(Fd fd, int events) {
            int slot = taken.nextClearBit(0);
            taken.set(slot);
            fds[slot] = fd;
            if (slot == poller.count()) {
                poller.add(fd, events);
            } else {
                poller.watch(slot, fd, events);
            }
            return slot;
        }

        @Override
        public void change(int slot, int events) {
            poller.watch(slot, fds[slot], events);
        }

        @Override
        public void free(int slot) {
            poller.ignore(slot);
            taken.clear(slot);
        }

        @Override
        public int ready(int slot) {
            return poller.ready(slot);
        }

        void await(long timeoutNs) {
            poller.await(timeoutNs);
        }
    }

    private ControlServer server() {
        return Objects.requireNonNull(current);
    }

    private SocketChannel client() throws IOException {
        SocketChannel c = SocketChannel.open(UnixDomainSocketAddress.of(path));
        c.configureBlocking(false);
        clients.add(c);
        return c;
    }

    private void turn(long timeoutNs) {
        long deadline = server().nextDeadlineNs();
        long wait = deadline == Long.MAX_VALUE ? timeoutNs : Math.min(timeoutNs, deadline - Clock.monotonicNs());
        poller.await(wait);
        server().serve();
    }

    private void until(BooleanSupplier done) {
        long end = Clock.monotonicNs() + PATIENCE_NS;
        while (!done.getAsBoolean()) {
            assertTrue(Clock.monotonicNs() < end, "it does not come: " + asked);
            turn(10_000_000L);
        }
    }

    private static void say(SocketChannel c, String text) throws IOException {
        c.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** What the client hears up to the end of a line; the empty text when it is let go. */
    private String hear(SocketChannel c) {
        StringBuilder heard = new StringBuilder();
        boolean[] end = {false};
        until(() -> {
            try {
                ByteBuffer chunk = ByteBuffer.allocate(1);
                int n = c.read(chunk);
                while (n > 0 && heard.indexOf("\n") < 0) {
                    heard.append((char) chunk.array()[0]);
                    chunk.clear();
                    n = heard.indexOf("\n") < 0 ? c.read(chunk) : 0;
                }
                end[0] |= n < 0;
            } catch (IOException e) {
                end[0] = true;
            }
            return end[0] || heard.indexOf("\n") >= 0;
        });
        return heard.toString();
    }

    /** As where no descriptor is left: the kernel goes on saying that somebody waits, and does not give them to us. */
    @Test
    void whoCannotBeTakenInDoesNotKeepTheLoopAwake() {
        UnixSocket.Pair noListener = UnixSocket.seqPacketPair();
        MemorySegment word = Arena.ofAuto().allocate(8);
        assertEquals(8, FileIo.tryWrite(noListener.right().fd(), word, 0, 8));
        TestPoll poll = new TestPoll();
        try (ControlServer full = new ControlServer(noListener.left().fd())) {
            full.join(poll, (request, answer) -> asked.add(request));
            poll.await(PATIENCE_NS);
            assertTrue(poll.ready(0) != 0);
            full.serve();
            long again = full.nextDeadlineNs();
            assertTrue(again < Long.MAX_VALUE);
            poll.await(0);
            assertEquals(0, poll.ready(0));
            while (Clock.monotonicNs() < again) {
                poll.await(again - Clock.monotonicNs());
            }
            full.serve();
            poll.await(0);
            assertTrue(poll.ready(0) != 0, "it is tried again");
        }
        noListener.right().close();
    }

    @Test
    void onlyThisUserMayConnect() throws IOException {
        assertEquals(0140600, (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void answersEachLineInTurn() throws IOException {
        SocketChannel c = client();
        say(c, STATUS + "nonsense\n" + STATUS);
        assertEquals("{\"ok\":true,\"message\":\"done\"}\n", hear(c));
        assertTrue(hear(c).contains("is not JSON"));
        assertEquals("{\"ok\":true,\"message\":\"done\"}\n", hear(c));
        assertEquals(2, asked.size());
    }

    /** As from a shell: printf ... | socat - UNIX:path. */
    @Test
    void aClientThatHasSaidAllStillGetsItsAnswers() throws IOException {
        SocketChannel c = client();
        say(c, STATUS + STATUS);
        c.shutdownOutput();
        assertTrue(hear(c).contains("done"));
        assertTrue(hear(c).contains("done"));
        assertEquals("", hear(c));
    }

    @Test
    void aLineMayComeInPieces() throws IOException {
        SocketChannel c = client();
        for (byte b : STATUS.getBytes(StandardCharsets.UTF_8)) {
            say(c, String.valueOf((char) b));
            turn(0);
        }
        assertTrue(hear(c).contains("done"));
    }

    @Test
    void aLineWithoutEndIsRefusedAndTheClientLetGo() throws IOException {
        SocketChannel c = client();
        say(c, "x".repeat(ControlClient.LONGEST_LINE + 10));
        assertTrue(hear(c).contains("a line is longer than 4096 bytes"));
        assertEquals("", hear(c));
        SocketChannel other = client();
        say(other, STATUS);
        assertTrue(hear(other).contains("done"));
    }

    @Test
    void aRequestUnderWayHoldsUpNobodyElse() throws IOException {
        SocketChannel slow = client();
        say(slow, STOP + STATUS);
        until(() -> later.size() == 1);
        SocketChannel c = client();
        say(c, STATUS);
        assertTrue(hear(c).contains("done"));
        assertEquals(2, asked.size());
        later.getFirst().accept(new ControlReply.Done("stopped"));
        assertTrue(hear(slow).contains("stopped"));
        assertTrue(hear(slow).contains("done"));
    }

    /** It leaves while something is under way: the answer goes nowhere, and the loop does not spin. */
    @Test
    void aClientThatLeavesIsForgotten() throws IOException {
        SocketChannel c = client();
        say(c, STOP);
        until(() -> later.size() == 1);
        c.close();
        until(() -> server().nextDeadlineNs() == Long.MAX_VALUE);
        for (int i = 0; i < 5; i++) {
            turn(1_000_000L);
        }
        long start = Clock.monotonicNs();
        turn(50_000_000L);
        assertTrue(Clock.monotonicNs() - start >= 40_000_000L, "nothing is to be done, and the poll returns");
        later.getFirst().accept(new ControlReply.Done("stopped"));
        SocketChannel other = client();
        say(other, STATUS);
        assertTrue(hear(other).contains("done"));
    }

    @Test
    void whoDoesNotReadIsLetGoAndHoldsUpNobody() throws IOException {
        // Its socket's buffer is full of answers that it does not take.
        SocketChannel deaf = client();
        byte[] many = STATUS.repeat(200).getBytes(StandardCharsets.UTF_8);
        long end = Clock.monotonicNs() + ControlClient.PATIENCE_NS + PATIENCE_NS;
        ByteBuffer out = ByteBuffer.wrap(many);
        boolean gone = false;
        while (!gone && Clock.monotonicNs() < end) {
            try {
                deaf.write(out);
                out.rewind();
            } catch (IOException e) {
                gone = true;
            }
            long start = Clock.monotonicNs();
            turn(1_000_000L);
            assertTrue(Clock.monotonicNs() - start < 1_000_000_000L, "a turn has waited");
        }
        assertTrue(gone);
        SocketChannel c = client();
        say(c, STATUS);
        assertTrue(hear(c).contains("done"));
    }

    @Test
    void oneMoreThanThereIsRoomForTakesTheIdlestsPlace() throws IOException {
        List<SocketChannel> all = new ArrayList<>();
        for (int i = 0; i < ControlServer.MOST_CLIENTS; i++) {
            SocketChannel c = client();
            say(c, i == 0 ? STOP : STATUS);
            all.add(c);
            if (i == 0) {
                until(() -> later.size() == 1);
            } else {
                assertTrue(hear(c).contains("done"));
            }
        }
        SocketChannel more = client();
        say(more, STATUS);
        assertTrue(hear(more).contains("done"));
        // The first has something under way and stays; the second is the one that has been idle longest.
        assertEquals("", hear(all.get(1)));
        later.getFirst().accept(new ControlReply.Done("stopped"));
        assertTrue(hear(all.getFirst()).contains("stopped"));
    }

    @Test
    void withEverybodyBusyNewcomersWaitAndTheLoopSleeps() throws IOException {
        for (int i = 0; i < ControlServer.MOST_CLIENTS; i++) {
            say(client(), STOP);
        }
        until(() -> later.size() == ControlServer.MOST_CLIENTS);
        SocketChannel more = client();
        say(more, STATUS);
        for (int i = 0; i < 5; i++) {
            turn(1_000_000L);
        }
        long start = Clock.monotonicNs();
        turn(50_000_000L);
        assertTrue(Clock.monotonicNs() - start >= 40_000_000L, "nothing can be done, and the poll returns");
        later.removeFirst().accept(new ControlReply.Done("stopped"));
        assertTrue(hear(more).contains("done"));
    }

    @Test
    void theEndOfALifeAnswersWhoWaits() throws IOException {
        SocketChannel c = client();
        say(c, STOP);
        until(() -> later.size() == 1);
        server().leave();
        TestPoll next = new TestPoll();
        server().join(next, (request, answer) -> answer.accept(new ControlReply.Done("next life")));
        c.configureBlocking(true);
        ByteBuffer chunk = ByteBuffer.allocate(4096);
        c.read(chunk);
        assertTrue(
                new String(chunk.array(), 0, chunk.position(), StandardCharsets.UTF_8).contains("has ended meanwhile"));
        say(c, STATUS);
        c.configureBlocking(false);
        chunk.clear();
        long end = Clock.monotonicNs() + PATIENCE_NS;
        while (chunk.position() == 0 && Clock.monotonicNs() < end) {
            next.await(10_000_000L);
            server().serve();
            c.read(chunk);
        }
        assertTrue(new String(chunk.array(), 0, chunk.position(), StandardCharsets.UTF_8).contains("next life"));
        assertFalse(later.isEmpty());
    }
}
