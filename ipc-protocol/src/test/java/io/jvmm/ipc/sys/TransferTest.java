package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@link UnixSocket}, {@link FileIo}, {@link Pipe}. */
@Timeout(60)
class TransferTest {
    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static long openDescriptors() throws IOException {
        try (var list = Files.list(Path.of("/proc/self/fd"))) {
            return list.count();
        }
    }

    @Test
    void datagramsKeepTheirBordersAndCarryDescriptors() {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair();
                EventFd eventFd = EventFd.create()) {
            pair.left().send(bytes("one"));
            pair.left().send(bytes("two"), List.of(eventFd.fd(), eventFd.fd()));
            assertArrayEquals(bytes("one"), pair.right().receive(100).bytes());
            UnixSocket.Received second = pair.right().receive(100);
            assertArrayEquals(bytes("two"), second.bytes());
            assertEquals(2, second.fds().size());
            assertTrue(second.fds().getFirst().closeOnExec());
            try (EventFd received = EventFd.of(second.fds().getFirst())) {
                received.signal();
            }
            assertEquals(1, eventFd.drain());
            second.fds().getLast().close();
        }
    }

    @Test
    void theMostDescriptorsGoThroughAndOneMoreIsRefused() throws IOException {
        long before = openDescriptors();
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair();
                EventFd eventFd = EventFd.create()) {
            List<Fd> many = new ArrayList<>();
            for (int i = 0; i < UnixSocket.MAX_FDS; i++) {
                many.add(eventFd.fd());
            }
            pair.left().send(bytes("x"), many);
            UnixSocket.Received received = pair.right().receive(1);
            assertEquals(UnixSocket.MAX_FDS, received.fds().size());
            received.fds().forEach(Fd::close);
            many.add(eventFd.fd());
            assertThrows(IllegalArgumentException.class, () -> pair.left().send(bytes("x"), many));
        }
        assertEquals(before, openDescriptors());
    }

    @Test
    void aDatagramThatDoesNotFitIsRefusedWithItsDescriptors() throws IOException {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair();
                EventFd eventFd = EventFd.create()) {
            pair.left().send(new byte[101], List.of(eventFd.fd()));
            long before = openDescriptors();
            SysException e = assertThrows(SysException.class, () -> pair.right().receive(100));
            assertEquals(Errno.EMSGSIZE, e.errno());
            assertEquals(before, openDescriptors());
        }
    }

    @Test
    void endOfFileAndTimeout() {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair()) {
            assertThrows(SysException.TimedOut.class, () -> pair.left().receive(10, 1_000_000));
            assertThrows(SysException.TimedOut.class, () -> pair.left().receive(10, 0));
            pair.right().close();
            assertTrue(pair.left().receive(10).endOfFile());
            assertThrows(SysException.Disconnected.class, () -> pair.left().send(bytes("x")));
        }
    }

    @Test
    void aPeerThatNeverReadsDoesNotKeepTheSender() {
        for (UnixSocket.Pair made : List.of(UnixSocket.seqPacketPair(), UnixSocket.streamPair())) {
            try (UnixSocket.Pair pair = made;
                    EventFd eventFd = EventFd.create()) {
                byte[] datagram = new byte[65536];
                SysException e = assertThrows(SysException.TimedOut.class, () -> {
                    for (int i = 0; i < 1000; i++) {
                        pair.left().send(datagram, List.of(eventFd.fd()), "process serial", 1_000_000);
                    }
                });
                assertTrue(e.toString().contains(": send to process serial: "), e.toString());
                assertThrows(
                        SysException.TimedOut.class,
                        () -> pair.left().send(datagram, List.of(), "process serial", 0),
                        "no time is one try");
                pair.right().close();
                assertThrows(
                        SysException.Disconnected.class,
                        () -> pair.left().send(datagram, List.of(), "process serial", 0));
            }
        }
    }

    @Test
    void aLargeDatagramWaitsForAReader() throws InterruptedException {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair()) {
            int count = 50;
            Thread reader = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < count; i++) {
                    assertEquals(65536, pair.right().receive(65536).bytes().length);
                }
            });
            for (int i = 0; i < count; i++) {
                pair.left().send(new byte[65536]);
            }
            reader.join();
        }
    }

    @Test
    void streamsListenAcceptAndConnect(@TempDir Path directory) throws IOException {
        Path path = directory.resolve("socket");
        try (UnixSocket listener = UnixSocket.listen(path, 4);
                UnixSocket client = UnixSocket.connect(path);
                UnixSocket server = listener.accept()) {
            client.send(bytes("hello"));
            assertArrayEquals(bytes("hello"), server.receive(100).bytes());
            assertThrows(SysException.Conflict.class, () -> UnixSocket.listen(path, 4));
        }
        assertThrows(SysException.Disconnected.class, () -> UnixSocket.connect(path));
        Files.delete(path);
        assertThrows(SysException.Missing.class, () -> UnixSocket.connect(path));
    }

    /** From the start, not a moment later: nobody else can have connected in between. */
    @Test
    void aListeningSocketIsItsOwnersWhateverTheUmask(@TempDir Path directory) throws IOException {
        long before = Syscall.call(SyscallNumbers.UMASK, 0);
        try (UnixSocket _ = UnixSocket.listen(directory.resolve("socket"), 1)) {
            assertEquals(
                    "rw-------",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("socket"))));
        } finally {
            Syscall.call(SyscallNumbers.UMASK, before);
        }
    }

    @Test
    void aPathThatDoesNotFitIsRefusedByName() {
        Path path = Path.of("/tmp/" + "x".repeat(UnixSocket.MAX_PATH_BYTES));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> UnixSocket.listen(path, 1));
        assertTrue(String.valueOf(e.getMessage()).contains(path.toString()), e.getMessage());
    }

    @Test
    void filesAreReadAndWrittenAtPositions(@TempDir Path directory) {
        Path path = directory.resolve("file");
        try (Arena arena = Arena.ofConfined();
                Fd file = FileIo.open(path, FileIo.READ_WRITE | FileIo.CREATE | FileIo.EXCLUSIVE, 0600)) {
            MemorySegment data = arena.allocateFrom("0123456789");
            FileIo.writeFully(file, data.asSlice(0, 10));
            assertEquals(10, FileIo.size(file));
            assertEquals(2, FileIo.tryWriteAt(file, 4, data, 0, 2));
            MemorySegment read = arena.allocate(20);
            assertEquals(10, FileIo.tryReadAt(file, 0, read, 0, 20));
            assertEquals("0123016789", read.getString(0));
            assertEquals(0, FileIo.tryRead(file, read, 0, 20), "at the end");
            assertThrows(IndexOutOfBoundsException.class, () -> FileIo.tryRead(file, read, 10, 11));
            FileIo.syncData(file);
            FileIo.sync(file);
            assertThrows(
                    SysException.Conflict.class,
                    () -> FileIo.open(path, FileIo.READ_WRITE | FileIo.CREATE | FileIo.EXCLUSIVE, 0600));
        }
    }

    @Test
    void pipesCarryBytesAndEnd() {
        try (Arena arena = Arena.ofConfined();
                Pipe pipe = Pipe.create()) {
            MemorySegment data = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes("abc"));
            FileIo.writeFully(pipe.writer(), data);
            pipe.writer().close();
            MemorySegment read = arena.allocate(10);
            assertEquals(3, FileIo.readFully(pipe.reader(), read));
            assertEquals("abc", read.getString(0));
        }
    }

    @Test
    void tryingAllocatesNothing() {
        try (Arena arena = Arena.ofConfined();
                Pipe pipe = Pipe.create()) {
            MemorySegment data = arena.allocate(64);
            Allocations.assertNone("write and read", () -> {
                FileIo.tryWrite(pipe.writer(), data, 8, 32);
                FileIo.tryRead(pipe.reader(), data, 16, 48);
            });
        }
    }
}
