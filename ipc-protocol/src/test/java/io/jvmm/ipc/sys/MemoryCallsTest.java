package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** {@link MemFd}, {@link Mapping}, {@link Fd}. */
class MemoryCallsTest {
    @Test
    void aSealedMemFdKeepsItsSize() {
        try (MemFd memFd = MemFd.createSealed("test", 8192)) {
            assertEquals(8192, FileIo.size(memFd.fd()));
            assertTrue(memFd.hasSeals(MemFd.SEALS_FIXED_SIZE));
            assertEquals(
                    -Errno.EPERM.number(),
                    Syscall.call(SyscallNumbers.FTRUNCATE, memFd.fd().number(), 4096));
            assertEquals(
                    -Errno.EPERM.number(),
                    Syscall.call(SyscallNumbers.FTRUNCATE, memFd.fd().number(), 16384));
            assertThrows(SysException.Denied.class, () -> memFd.seal(MemFd.SEAL_WRITE));
            assertTrue(memFd.fd().closeOnExec());
        }
    }

    @Test
    void aMemFdIsNotExecutableWhereTheKernelCanSaySo() {
        try (MemFd memFd = MemFd.create("test", 4096)) {
            assertEquals(SystemInfo.kernelAtLeast(6, 3), (memFd.seals() & MemFd.SEAL_EXEC) != 0);
        }
    }

    @Test
    void onlyAMemFdHasSeals() {
        try (EventFd eventFd = EventFd.create()) {
            assertFalse(MemFd.of(eventFd.fd()).hasSeals(0));
        }
    }

    @Test
    void badSizesAndNamesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> MemFd.create("test", 0));
        assertThrows(IllegalArgumentException.class, () -> MemFd.create("test", -1));
        assertThrows(IllegalArgumentException.class, () -> MemFd.create("x".repeat(250), 1));
    }

    @Test
    void mappingsOfOneMemFdShareTheirBytes() {
        try (MemFd memFd = MemFd.createSealed("test", 8192);
                Mapping one = memFd.map();
                Mapping two = Mapping.shared(memFd.fd(), 4096, 4096, Mapping.Access.READ_ONLY);
                Mapping own = Mapping.copyOnWrite(memFd.fd(), 0, 8192, Mapping.Access.READ_WRITE)) {
            UnsafeBuffer buffer = one.buffer();
            buffer.putLong(4096, 0x1122334455667788L);
            assertEquals(0x1122334455667788L, two.segment().get(ValueLayout.JAVA_LONG, 0));
            assertEquals(0x88, Byte.toUnsignedInt(two.segment().get(ValueLayout.JAVA_BYTE, 0)), "little-endian");
            own.buffer().putLong(0, 1);
            assertEquals(0, buffer.getLong(0));
            assertThrows(IllegalStateException.class, two::buffer);
            assertThrows(IllegalArgumentException.class, () -> two.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
            assertThrows(IndexOutOfBoundsException.class, () -> buffer.getLong(8185));
            assertThrows(IndexOutOfBoundsException.class, () -> one.buffer(8192, 1));
            one.prefault();
        }
    }

    @Test
    void aClosedMappingIsGone() {
        Mapping mapping = Mapping.anonymous(4096);
        MemorySegment segment = mapping.segment();
        segment.set(ValueLayout.JAVA_INT, 0, 1);
        mapping.close();
        mapping.close();
        assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_INT, 0));
    }

    @Test
    void anFdIsClosedOnceAndDuplicatesAreIndependent() {
        Pipe pipe = Pipe.create();
        Fd copy = pipe.writer().duplicate(200);
        assertTrue(copy.number() >= 200);
        assertTrue(copy.closeOnExec());
        copy.setCloseOnExec(false);
        assertFalse(copy.closeOnExec());
        assertFalse(copy.nonBlocking());
        copy.setNonBlocking(true);
        assertTrue(pipe.writer().nonBlocking(), "the flag belongs to the open file");
        int number = copy.number();
        copy.close();
        copy.close();
        assertFalse(copy.isOpen());
        assertThrows(IllegalStateException.class, copy::number);
        assertEquals(-Errno.EBADF.number(), Syscall.call(SyscallNumbers.FCNTL, number, 1));
        pipe.close();
        assertThrows(IllegalArgumentException.class, () -> Fd.of(-1));
    }

    @Test
    void eventFdsCount() {
        try (EventFd eventFd = EventFd.create()) {
            assertEquals(0, eventFd.drain());
            eventFd.signal();
            eventFd.signal();
            assertEquals(2, eventFd.drain());
            assertEquals(0, eventFd.drain());
            assertTrue(eventFd.fd().nonBlocking());
            assertTrue(eventFd.fd().closeOnExec());
            Allocations.assertNone("signal and drain", () -> {
                eventFd.signal();
                eventFd.drain();
                eventFd.drain();
            });
        }
    }

    @Test
    void aSaturatedEventFdDoesNotHoldUpTheSignaller() {
        try (EventFd eventFd = EventFd.create();
                Mapping scratch = Mapping.anonymous(4096)) {
            scratch.segment().set(ValueLayout.JAVA_LONG, 0, -2L); // the largest count there is
            assertEquals(8, FileIo.tryWrite(eventFd.fd(), scratch.segment(), 0, 8));
            eventFd.signal();
            assertEquals(-2L, eventFd.drain());
        }
    }
}
