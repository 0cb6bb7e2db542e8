package io.jvmm.policy.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.PreparedCall.Argument;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The machine code and its table, on harmless calls, with the address space shared. */
final class ControlBlockTest {
    private static final int UMASK = 95;
    private static final int MMAP = 9;
    private static final int PRIVATE_ANONYMOUS = 0x22;

    @Test
    void aResultIsAnArgumentInEveryPosition() {
        // umask returns the mask before it: 3, 0x22 and so on come back one call later, to be used as arguments of
        // mmap.
        List<PreparedCall> calls = List.of(
                PreparedCall.of("set length", UMASK, 0200).whateverItReturns(),
                PreparedCall.of("length", UMASK, 0003),
                PreparedCall.of("prot", UMASK, PRIVATE_ANONYMOUS),
                PreparedCall.of("flags", UMASK, 0),
                PreparedCall.of("zero", UMASK, 0),
                PreparedCall.of(
                        "map",
                        MMAP,
                        result("zero"),
                        result("length"),
                        result("prot"),
                        result("flags"),
                        result("zero"),
                        result("zero")),
                PreparedCall.of("unmap", SyscallNumbers.MUNMAP, result("map"), result("length")),
                PreparedCall.of("exit", SyscallNumbers.EXIT_GROUP, 3));
        try (ControlBlock block = new ControlBlock(calls, ControlBlock.CLONE_VM)) {
            assertEquals(new ExitStatus.Exited(3), run(block));
            assertEquals(0200, block.result(1));
            assertEquals(0003, block.result(2));
            assertEquals(PRIVATE_ANONYMOUS, block.result(3));
            assertTrue(block.result(5) > 4096, "mmap failed: " + block.result(5));
        }
    }

    @Test
    void anErrorStopsAndNamesTheCall() {
        List<PreparedCall> calls = List.of(
                PreparedCall.of("may fail", SyscallNumbers.CLOSE, -1).whateverItReturns(),
                PreparedCall.of("fails", SyscallNumbers.CLOSE, -1),
                PreparedCall.of("exit", SyscallNumbers.EXIT_GROUP, 0));
        try (ControlBlock block = new ControlBlock(calls, ControlBlock.CLONE_VM)) {
            assertEquals(new ExitStatus.Exited(127), run(block));
            assertTrue(block.stopped());
            assertEquals(-9, block.stopResult());
            assertEquals("fails", assertNotNullCall(block).name());
        }
    }

    @Test
    void anotherResultThanExpectedStops() {
        List<PreparedCall> calls = List.of(
                PreparedCall.of("as expected", UMASK, 0111).whateverItReturns(),
                PreparedCall.of("too", UMASK, 0).mustReturn(0111),
                PreparedCall.of("not so", UMASK, 0).mustReturn(5),
                PreparedCall.of("exit", SyscallNumbers.EXIT_GROUP, 0));
        try (ControlBlock block = new ControlBlock(calls, ControlBlock.CLONE_VM)) {
            assertEquals(new ExitStatus.Exited(127), run(block));
            assertEquals("not so", assertNotNullCall(block).name());
            assertEquals(0, block.stopResult());
        }
    }

    @Test
    void stringsAndArraysArriveWhole() {
        List<PreparedCall> calls = List.of(PreparedCall.of(
                "execve",
                SyscallNumbers.EXECVE,
                "/bin/sh",
                new Argument.Texts(List.of("sh", "-c", "[ \"$A $1\" = 'b c d' ] && exit 42", "sh", "c d")),
                new Argument.Texts(List.of("A=b"))));
        try (ControlBlock block = new ControlBlock(calls, ControlBlock.CLONE_VM)) {
            assertEquals(new ExitStatus.Exited(42), run(block));
        }
    }

    @Test
    void mistakesAreFoundBeforeAnythingRuns() {
        assertThrows(
                IllegalArgumentException.class,
                () -> new ControlBlock(
                        List.of(
                                PreparedCall.of("a", SyscallNumbers.CLOSE, result("b")),
                                PreparedCall.of("b", SyscallNumbers.CLOSE, 1)),
                        0));
        assertThrows(
                IllegalArgumentException.class,
                () -> new ControlBlock(
                        List.of(
                                PreparedCall.of("a", SyscallNumbers.CLOSE, 1),
                                PreparedCall.of("a", SyscallNumbers.CLOSE, 1)),
                        0));
        assertThrows(
                IllegalArgumentException.class,
                () -> new ControlBlock(List.of(PreparedCall.of("a", SyscallNumbers.CHDIR, "x\0y")), 0));
        assertThrows(IllegalArgumentException.class, () -> PreparedCall.of("a", 0, 1, 2, 3, 4, 5, 6, 7));
    }

    @Test
    void theStubIsAsLongAsItsJumpsSay() {
        // The last jump's target and the offsets in the listing were checked with an assembler; this notices an edited
        // line.
        assertEquals(0x10e, CloneStub.code().length);
    }

    private static PreparedCall assertNotNullCall(ControlBlock block) {
        PreparedCall call = block.current();
        assertNotNull(call);
        return call;
    }

    private static Argument result(String name) {
        return new Argument.ResultOf(name);
    }

    private static ExitStatus run(ControlBlock block) {
        long pid = block.start();
        assertTrue(pid > 0, "clone3: " + pid);
        try (Pidfd pidfd = Pidfd.of((int) pid, Fd.of(block.pidfd()))) {
            assertTrue(block.awaitDeparture(20_000_000_000L));
            return pidfd.await();
        }
    }
}
