package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link SocketIo} and {@link Epoll}. */
@Timeout(60)
class SocketIoTest {
    private final SocketIo io = new SocketIo();
    private final MemorySegment bytes = Arena.ofAuto().allocate(64 * 1024);

    private static long openDescriptors() throws Exception {
        try (var list = Files.list(Path.of("/proc/self/fd"))) {
            return list.count();
        }
    }

    @Test
    void scattersAndGathersWithoutWaiting() {
        try (UnixSocket.Pair pair = UnixSocket.streamPair()) {
            int left = pair.left().fd().number();
            int right = pair.right().fd().number();
            assertFalse(pair.left().fd().nonBlocking(), "the open file may be blocking: the calls are not");
            assertEquals(-Errno.EAGAIN.number(), io.receive(right, bytes, 0, 10));
            bytes.set(ValueLayout.JAVA_INT, 0, 0x01020304);
            bytes.set(ValueLayout.JAVA_INT, 100, 0x05060708);
            IoVector vector = new IoVector(2);
            vector.add(bytes, 0, 4);
            vector.add(bytes, 100, 4);
            assertEquals(8, io.send(left, vector));
            vector.clear();
            vector.add(bytes, 203, 5);
            vector.add(bytes, 300, 100);
            assertEquals(8, io.receive(right, vector));
            assertEquals(0x01020304, bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 203));
            assertEquals(0x08, bytes.get(ValueLayout.JAVA_BYTE, 207));
            assertEquals(0x07, bytes.get(ValueLayout.JAVA_BYTE, 300));
            long taken = 0;
            long once;
            do {
                once = io.send(left, bytes, 0, bytes.byteSize());
                taken += Math.max(0, once);
            } while (once > 0);
            assertEquals(-Errno.EAGAIN.number(), once, "a full socket");
            assertTrue(taken > 0);
            assertEquals(0, SocketIo.shutdown(left, SocketIo.SHUT_SENDING));
            long got = 0;
            while ((once = io.receive(right, bytes, 0, bytes.byteSize())) > 0) {
                got += once;
            }
            assertEquals(0, once, "the end");
            assertEquals(taken, got);
            SocketIo.shutdown(right, SocketIo.SHUT_RECEIVING);
            pair.left().close();
            assertEquals(-Errno.EPIPE.number(), io.send(right, bytes, 0, 1), "an error and no signal");
        }
    }

    @Test
    void aMessageCarriesOneDescriptorAndNoMore() throws Exception {
        long before;
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair();
                EventFd eventFd = EventFd.create()) {
            int left = pair.left().fd().number();
            int right = pair.right().fd().number();
            before = openDescriptors();
            assertEquals(8, io.sendMessage(left, bytes, 0, 8, eventFd.fd().number()));
            assertEquals(8, io.sendMessage(left, bytes, 0, 8, SocketIo.NO_DESCRIPTOR));
            assertEquals(8, io.receiveMessage(right, bytes, 0, 8));
            try (EventFd came = EventFd.of(Fd.of(io.takeDescriptor()))) {
                assertTrue(came.fd().closeOnExec());
                came.signal();
            }
            assertEquals(1, eventFd.drain());
            assertEquals(SocketIo.NO_DESCRIPTOR, io.takeDescriptor());
            assertEquals(8, io.receiveMessage(right, bytes, 0, 8));
            assertEquals(SocketIo.NO_DESCRIPTOR, io.takeDescriptor(), "not that of the last message again");

            pair.left().send(new byte[8], List.of(eventFd.fd(), eventFd.fd(), eventFd.fd()));
            assertEquals(-Errno.EMSGSIZE.number(), io.receiveMessage(right, bytes, 0, 8));
            pair.left().send(new byte[9], List.of(eventFd.fd()));
            assertEquals(-Errno.EMSGSIZE.number(), io.receiveMessage(right, bytes, 0, 8));
            assertEquals(SocketIo.NO_DESCRIPTOR, io.takeDescriptor());

            assertEquals(8, io.sendMessage(left, bytes, 0, 8, eventFd.fd().number()));
            assertEquals(8, io.receiveMessage(right, bytes, 0, 8));
            assertEquals(-Errno.EAGAIN.number(), io.receiveMessage(right, bytes, 0, 8), "closes what nobody took");
            assertEquals(before, openDescriptors());
        }
    }

    /** unix(7) leaves it open: Linux says ECONNRESET once where something was left unread, and then what has come. */
    @Test
    void whatAPeerSentBeforeItClosedIsReceivedThoughItLeftSomethingUnread() {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair()) {
            pair.left().send(new byte[1]);
            pair.right().send(new byte[2]);
            pair.right().send(new byte[3]);
            pair.right().close();
            assertEquals(2, pair.left().receive(10, 0).bytes().length);
            assertEquals(3, pair.left().receive(10, 0).bytes().length);
            assertTrue(pair.left().receive(10, 0).endOfFile());
            assertTrue(pair.left().receive(10, 0).endOfFile());
        }
    }

    @Test
    void epollTellsOfChangesOnceAndOfStatesAlways() {
        try (UnixSocket.Pair pair = UnixSocket.streamPair();
                UnixSocket.Pair other = UnixSocket.streamPair();
                Epoll epoll = new Epoll(8)) {
            int right = pair.right().fd().number();
            long data = 0x1122_3344_5566_7788L;
            assertEquals(0, epoll.add(right, Epoll.READABLE | Epoll.PEER_CLOSED | Epoll.EDGE, data));
            assertEquals(-Errno.EEXIST.number(), epoll.add(right, 0, 0));
            assertEquals(0, epoll.add(other.right().fd().number(), Epoll.READABLE, 2));
            assertEquals(0, epoll.poll());
            pair.left().send(new byte[1]);
            other.left().send(new byte[1]);
            assertEquals(2, epoll.poll());
            assertEquals(Epoll.READABLE, epoll.events(0));
            assertEquals(data, epoll.data(0));
            assertEquals(2, epoll.data(1));
            assertEquals(1, epoll.poll(), "the edge was told");
            assertEquals(2, epoll.data(0));
            assertEquals(0, epoll.change(right, Epoll.READABLE | Epoll.WRITABLE | Epoll.EDGE, data));
            assertEquals(0, epoll.remove(other.right().fd().number()));
            assertEquals(1, epoll.poll());
            assertEquals(Epoll.READABLE | Epoll.WRITABLE, epoll.events(0), "a change asks anew");
            pair.left().close();
            assertEquals(1, epoll.poll());
            assertNotEquals(0, epoll.events(0) & Epoll.HANG_UP);
            Poller poller = new Poller(1);
            poller.add(epoll.fd(), Poller.READABLE);
            assertEquals(0, poller.await(0), "its descriptor is readable with events only");
        }
    }

    @Test
    void nothingIsAllocated() {
        try (UnixSocket.Pair pair = UnixSocket.streamPair();
                UnixSocket.Pair messages = UnixSocket.seqPacketPair();
                Epoll epoll = new Epoll(8)) {
            int left = pair.left().fd().number();
            int right = pair.right().fd().number();
            int sender = messages.left().fd().number();
            int receiver = messages.right().fd().number();
            Allocations.assertNone("a message, a descriptor and a few bytes", () -> {
                epoll.add(right, Epoll.READABLE, 1);
                io.send(left, bytes, 0, 100);
                if (epoll.poll() == 1 && epoll.data(0) == 1) {
                    io.receive(right, bytes, 0, 200);
                }
                epoll.remove(right);
                io.sendMessage(sender, bytes, 0, 8, left);
                io.receiveMessage(receiver, bytes, 0, 8);
                SocketIo.close(io.takeDescriptor());
            });
        }
    }
}
