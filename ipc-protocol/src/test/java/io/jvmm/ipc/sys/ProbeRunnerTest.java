package io.jvmm.ipc.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The part of a probe that runs inside, here without a jail: every door, every kind of argument. */
final class ProbeRunnerTest {
    private static final int I386_GETPID = 20;
    private static final int GETTIMEOFDAY = 96;

    @Test
    void itMakesTheCallsItIsToldAndWritesDownWhatCame() throws Exception {
        try (MemFd segment = MemFd.createSealed("probe", ProbeLayout.SEGMENT_BYTES);
                Mapping mapping = segment.map();
                Pipe pipe = Pipe.create()) {
            UnsafeBuffer words = mapping.buffer();
            // The runner closes the descriptor that it takes over.
            int copy = (int) Syscall.check(
                    "dup", Syscall.call(SyscallNumbers.FCNTL, segment.fd().number(), 1030, 0));
            ProbeRunner runner = new ProbeRunner(Fd.of(copy));
            assertEquals(-9, Syscall.call(SyscallNumbers.FCNTL, copy, 1, 0), "EBADF: the descriptor is closed");
            assertNotEquals(0, words.getLong(ProbeLayout.ADDRESS));

            int text = ProbeLayout.HEAP;
            words.putBytes(text, "inside".getBytes(StandardCharsets.US_ASCII));
            int vector = ProbeLayout.HEAP + 64;
            words.putLong(vector, text);
            words.putLong(vector + 8, 6);
            words.putInt(ProbeLayout.FIRST_RELOCATION, vector);
            words.putInt(ProbeLayout.RELOCATIONS, 1);
            int time = ProbeLayout.HEAP + 128;
            call(words, 0, ProbeLayout.DOOR_SYSCALL, SyscallNumbers.GETPID, 0);
            call(
                    words,
                    1,
                    ProbeLayout.DOOR_SYSCALL,
                    SyscallNumbers.WRITEV,
                    0b10,
                    pipe.writer().number(),
                    vector,
                    1);
            call(words, 2, ProbeLayout.DOOR_SYSCALL, SyscallNumbers.DUP2, 0, -1, 5);
            call(words, 3, ProbeLayout.DOOR_INT80, I386_GETPID, 0);
            call(words, 4, ProbeLayout.DOOR_VSYSCALL, GETTIMEOFDAY, 0b1, time);
            words.putInt(ProbeLayout.CALLS, 5);

            Thread inside = Thread.ofPlatform().start(runner::run);
            words.putIntVolatile(ProbeLayout.GO, 1);
            Futex.wake(words, ProbeLayout.GO, 1);
            inside.join();

            assertEquals(1, words.getIntVolatile(ProbeLayout.DONE));
            for (int i = 0; i < 5; i++) {
                assertEquals(
                        ProbeLayout.STATE_RETURNED, words.getInt(ProbeLayout.call(i) + ProbeLayout.STATE), "call " + i);
            }
            assertEquals(ProcessHandle.current().pid(), result(words, 0));
            assertEquals(6, result(words, 1));
            assertEquals(-9, result(words, 2), "EBADF");
            long viaInt80 = result(words, 3);
            if (viaInt80 != -38) { // a kernel without the 32-bit ABI says ENOSYS
                assertEquals(ProcessHandle.current().pid(), viaInt80);
            }
            assertEquals(0, result(words, 4));
            assertNotEquals(0, words.getLong(time), "the time of day");
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment read = arena.allocate(16);
                assertEquals(6, FileIo.tryRead(pipe.reader(), read, 0, 16));
                assertEquals("inside", read.getString(0));
            }
        }
    }

    private static void call(UnsafeBuffer words, int index, int door, int number, int relative, long... arguments) {
        int at = ProbeLayout.call(index);
        words.putLong(at, number);
        for (int i = 0; i < arguments.length; i++) {
            words.putLong(at + ProbeLayout.ARGUMENTS + i * Long.BYTES, arguments[i]);
        }
        words.putInt(at + ProbeLayout.FLAGS, relative | door << ProbeLayout.DOOR_SHIFT);
    }

    private static long result(UnsafeBuffer words, int index) {
        return words.getLong(ProbeLayout.call(index) + ProbeLayout.RESULT);
    }
}
