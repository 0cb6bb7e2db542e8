package io.jvmm.policy.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.sys.PreparedCall.Accept;
import io.jvmm.policy.sys.PreparedCall.Argument;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@link CloneStub} works on, in memory shared with the child.
 *
 * <pre>
 *    0  u64  entry in progress (address), written by the child before each call
 *    8  i64  the result that stopped the child
 *   16  u32  outcome: 0 went on to the end or is still going, 1 stopped
 *   20  u32  life word: 1; the kernel clears it and wakes its futex when the child leaves this address space
 *   24  i32  pidfd, written by clone3 in the parent
 *   32  u64  the caller's signal mask        40  u64  every signal
 *   64  struct clone_args (88 bytes)
 *  256  entries of 80 bytes: u64 number, u64 argument[6], i64 result, u32 flags, u32 0, i64 expected
 *   ..  strings and structures, then the child's stack
 * </pre>
 *
 * Flags: bits 0 to 5 say that an argument is the address of its value; 0x100 any result; 0x200 the expected result only.
 */
public final class ControlBlock implements AutoCloseable {
    /** clone3 flags (linux/sched.h). */
    public static final long CLONE_VM = 0x100;

    public static final long CLONE_PIDFD = 0x1000;
    public static final long CLONE_CHILD_CLEARTID = 0x200000;
    public static final long CLONE_NEWNS = 0x20000;
    public static final long CLONE_NEWCGROUP = 0x2000000;
    public static final long CLONE_NEWUTS = 0x4000000;
    public static final long CLONE_NEWIPC = 0x8000000;
    public static final long CLONE_NEWUSER = 0x10000000;
    public static final long CLONE_NEWPID = 0x20000000;
    public static final long CLONE_NEWNET = 0x40000000;
    public static final long CLONE_CLEAR_SIGHAND = 0x100000000L;

    private static final int CURSOR = 0;
    private static final int STOP_RESULT = 8;
    private static final int OUTCOME = 16;
    private static final int LIFE = 20;
    private static final int PIDFD = 24;
    private static final int EVERY_SIGNAL = 40;
    private static final int CLONE_ARGS = 64;
    private static final int ENTRIES = 256;
    private static final int ENTRY_BYTES = 80;
    private static final int RESULT = 56;
    private static final int STACK_BYTES = 16 * 1024;
    private static final int SIGCHLD = 17;
    private static final int FUTEX_WAIT = 0;
    private static final int ETIMEDOUT = 110;
    private static final int EAGAIN = 11;
    private static final int EINTR = 4;
    private static final VarHandle LIFE_WORD = JAVA_INT.varHandle();

    private final Arena arena = Arena.ofShared();
    private final List<PreparedCall> calls;
    private final MemorySegment block;
    private long freeBytes;

    /** Lays the table out. The last call should not return (execve, exit_group). */
    public ControlBlock(List<PreparedCall> calls, long cloneFlags) {
        this.calls = List.copyOf(calls);
        long needed = ENTRIES + (long) calls.size() * ENTRY_BYTES + 64;
        for (PreparedCall call : calls) {
            for (Argument a : call.arguments()) {
                needed += sizeOf(a);
            }
        }
        long length = (needed + STACK_BYTES + 4095) & -4096L;
        block = Memory.shared(arena, length);
        freeBytes = ENTRIES + (long) calls.size() * ENTRY_BYTES;
        block.set(JAVA_INT, LIFE, 1);
        block.set(JAVA_INT, PIDFD, -1);
        block.set(JAVA_LONG, EVERY_SIGNAL, -1L);
        block.set(JAVA_LONG, CLONE_ARGS, cloneFlags | CLONE_PIDFD | CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND);
        block.set(JAVA_LONG, CLONE_ARGS + 8, block.address() + PIDFD);
        block.set(JAVA_LONG, CLONE_ARGS + 16, block.address() + LIFE);
        block.set(JAVA_LONG, CLONE_ARGS + 32, SIGCHLD);
        block.set(JAVA_LONG, CLONE_ARGS + 40, block.address() + length - STACK_BYTES);
        block.set(JAVA_LONG, CLONE_ARGS + 48, STACK_BYTES);
        Map<String, Integer> indexes = new HashMap<>();
        for (int i = 0; i < calls.size(); i++) {
            write(i, calls.get(i), indexes);
            if (indexes.put(calls.get(i).name(), i) != null) {
                throw new IllegalArgumentException(
                        "two steps are called " + calls.get(i).name());
            }
        }
    }

    /** Clones the child. Returns its pid or {@code -errno}. */
    public long start() {
        return CloneStub.clone(block);
    }

    /** The child's pidfd after a successful {@link #start}. */
    public int pidfd() {
        return block.get(JAVA_INT, PIDFD);
    }

    /**
     * Waits until the child no longer shares our address space: it called execve or it is dead.
     *
     * @return false when the time is over
     */
    public boolean awaitDeparture(long timeoutNs) {
        long deadline = System.nanoTime() + timeoutNs;
        MemorySegment timespec = arena.allocate(16, 8);
        while ((int) LIFE_WORD.getVolatile(block, (long) LIFE) != 0) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            timespec.set(JAVA_LONG, 0, left / 1_000_000_000L);
            timespec.set(JAVA_LONG, 8, left % 1_000_000_000L);
            long result = Kernel.call(SyscallNumbers.FUTEX, block.address() + LIFE, FUTEX_WAIT, 1, timespec.address());
            if (result < 0 && result != -EAGAIN && result != -EINTR && result != -ETIMEDOUT) {
                throw SysException.of("wait for a child", (int) -result);
            }
        }
        return true;
    }

    /** True when a call returned what it should not have. */
    public boolean stopped() {
        return block.get(JAVA_INT, OUTCOME) != 0;
    }

    /** What that call returned. */
    public long stopResult() {
        return block.get(JAVA_LONG, STOP_RESULT);
    }

    /** The call in progress, or the last one. Null before the first. */
    public @Nullable PreparedCall current() {
        long at = block.get(JAVA_LONG, CURSOR);
        if (at == 0) {
            return null;
        }
        int index = (int) ((at - block.address() - ENTRIES) / ENTRY_BYTES);
        return calls.get(index);
    }

    /** What line {@code index} returned. */
    public long result(int index) {
        return block.get(JAVA_LONG, ENTRIES + (long) index * ENTRY_BYTES + RESULT);
    }

    /** Unmaps the block: only when the child has left it. */
    @Override
    public void close() {
        arena.close();
    }

    private void write(int index, PreparedCall call, Map<String, Integer> earlier) {
        long entry = ENTRIES + (long) index * ENTRY_BYTES;
        int flags = 0;
        block.set(JAVA_LONG, entry, call.number());
        for (int i = 0; i < call.arguments().size(); i++) {
            Argument a = call.arguments().get(i);
            if (a instanceof Argument.ResultOf) {
                flags |= 1 << i;
            }
            block.set(JAVA_LONG, entry + 8 + 8L * i, valueOf(a, earlier));
        }
        switch (call.accept()) {
            case Accept.Success() -> {}
            case Accept.Anything() -> flags |= 0x100;
            case Accept.Exactly(long value) -> {
                flags |= 0x200;
                block.set(JAVA_LONG, entry + 72, value);
            }
        }
        block.set(JAVA_INT, entry + 64, flags);
    }

    private long valueOf(Argument argument, Map<String, Integer> earlier) {
        return switch (argument) {
            case Argument.Value(long value) -> value;
            case Argument.Text(String text) -> put(cString(text));
            case Argument.Bytes(byte[] bytes) -> put(bytes);
            case Argument.Texts(List<String> texts) -> {
                long array = reserve(8L * (texts.size() + 1));
                for (int i = 0; i < texts.size(); i++) {
                    block.set(JAVA_LONG, array + 8L * i, put(cString(texts.get(i))));
                }
                yield block.address() + array;
            }
            case Argument.CountedBytes(long count, byte[] bytes) -> {
                long pair = reserve(16);
                block.set(JAVA_LONG, pair, count);
                block.set(JAVA_LONG, pair + 8, put(bytes));
                yield block.address() + pair;
            }
            case Argument.ResultOf(String name) -> {
                Integer index = earlier.get(name);
                if (index == null) {
                    throw new IllegalArgumentException("no earlier step is called " + name);
                }
                yield block.address() + ENTRIES + (long) index * ENTRY_BYTES + RESULT;
            }
        };
    }

    private long put(byte[] bytes) {
        long at = reserve(bytes.length);
        MemorySegment.copy(bytes, 0, block, ValueLayout.JAVA_BYTE, at, bytes.length);
        return block.address() + at;
    }

    private long reserve(long lengthBytes) {
        long at = freeBytes;
        freeBytes += align(lengthBytes);
        return at;
    }

    private static long sizeOf(Argument argument) {
        return switch (argument) {
            case Argument.Value v -> 0;
            case Argument.ResultOf r -> 0;
            case Argument.Text(String text) -> align(cString(text).length);
            case Argument.Bytes(byte[] bytes) -> align(bytes.length);
            case Argument.CountedBytes(long count, byte[] bytes) -> 16 + align(bytes.length);
            case Argument.Texts(List<String> texts) ->
                8L * (texts.size() + 1)
                        + texts.stream()
                                .mapToLong(t -> align(cString(t).length))
                                .sum();
        };
    }

    private static long align(long lengthBytes) {
        return (lengthBytes + 7) & -8L;
    }

    private static byte[] cString(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a NUL inside a string for the kernel");
        }
        return (text + '\0').getBytes(StandardCharsets.UTF_8);
    }
}
