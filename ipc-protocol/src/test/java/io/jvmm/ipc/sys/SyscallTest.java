package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyscallTest {
    private static final int NO_SUCH_CALL = 100_000;

    @Test
    void aFailureIsTheNegatedErrno() {
        assertEquals(-Errno.ENOSYS.number(), Syscall.call(NO_SUCH_CALL));
        assertEquals(-Errno.EBADF.number(), Syscall.call(SyscallNumbers.CLOSE, -1));
        assertEquals(-Errno.EBADF.number(), Syscall.callCritical(SyscallNumbers.CLOSE, -1, 0, 0, 0, 0, 0));
        assertTrue(Syscall.isError(-1));
        assertTrue(Syscall.isError(-4095));
        assertFalse(Syscall.isError(-4096));
        assertFalse(Syscall.isError(0));
    }

    @Test
    void aResultIsPassedOn() {
        assertEquals(ProcessHandle.current().pid(), Syscall.call(SyscallNumbers.GETPID));
        assertEquals(ProcessHandle.current().pid(), Syscall.callCritical(SyscallNumbers.GETPID, 0, 0, 0, 0, 0, 0));
    }

    @Test
    void errnoIsThatOfTheCallingThread() throws InterruptedException {
        Thread other = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 20_000; i++) {
                Syscall.call(NO_SUCH_CALL);
            }
        });
        for (int i = 0; i < 20_000; i++) {
            assertEquals(-Errno.EBADF.number(), Syscall.call(SyscallNumbers.CLOSE, -1));
        }
        other.join();
    }

    @Test
    void nothingIsAllocated() {
        Allocations.assertNone("a successful call", () -> Syscall.call(SyscallNumbers.GETPID));
        Allocations.assertNone("a failing call", () -> Syscall.call(SyscallNumbers.CLOSE, -1));
        Allocations.assertNone("a critical call", () -> Syscall.callCritical(SyscallNumbers.GETPID, 0, 0, 0, 0, 0, 0));
    }

    @Test
    void anExceptionNamesOperationErrnoAndCure() {
        SysException e =
                assertThrows(SysException.class, () -> FileIo.open(Path.of("/no/such/file"), FileIo.READ_ONLY, 0));
        assertInstanceOf(SysException.Missing.class, e);
        assertEquals(Errno.ENOENT, e.errno());
        assertEquals("open /no/such/file", e.operation());
        assertEquals("open /no/such/file: ENOENT (no such file or directory); check the path", e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "1, Denied",
        "13, Denied",
        "2, Missing",
        "19, Missing",
        "38, Unsupported",
        "95, Unsupported",
        "24, Exhausted",
        "12, Exhausted",
        "32, Disconnected",
        "111, Disconnected",
        "17, Conflict",
        "98, Conflict",
        "110, TimedOut",
        "22, Failed",
        "9, Failed",
        "4000, Failed"
    })
    void errnosFallIntoTheKindsCallersActOn(int number, String kind) {
        SysException e = SysException.of("x", number);
        assertEquals(kind, e.getClass().getSimpleName());
        assertEquals(number, e.number());
    }

    /** Numbers from include/uapi/asm-generic/errno-base.h and errno.h. */
    @ParameterizedTest
    @CsvSource({
        "EPERM, 1",
        "EINTR, 4",
        "EAGAIN, 11",
        "EACCES, 13",
        "EINVAL, 22",
        "EPIPE, 32",
        "EDEADLK, 35",
        "ENOSYS, 38",
        "EMSGSIZE, 90",
        "EOPNOTSUPP, 95",
        "ECONNRESET, 104",
        "ETIMEDOUT, 110",
        "EHWPOISON, 133"
    })
    void errnoNumbers(Errno errno, int number) {
        assertEquals(number, errno.number());
        assertEquals(errno, Errno.of(number));
        assertTrue(errno.is(-number));
    }

    @Test
    void anUnknownErrnoIsStillDescribed() {
        assertEquals(Errno.UNKNOWN, Errno.of(41));
        assertEquals(Errno.UNKNOWN, Errno.of(-3));
        assertEquals("x: errno 4000", SysException.of("x", 4000).getMessage());
    }
}
