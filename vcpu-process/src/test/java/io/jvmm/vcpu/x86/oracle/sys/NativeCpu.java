package io.jvmm.vcpu.x86.oracle.sys;

import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.sys.SyscallNumbers;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Objects;

/**
 * The host's processor, one instruction at a time: {@link #run} loads registers from a {@link NativeState}, executes the bytes given,
 * stores the registers, all in some 200 ns. Used by the thread that made it only.
 *
 * <p>Everything it maps lies below 2 GiB, so that 32-bit addresses and 32-bit code reach it:
 *
 * <pre>
 *   code page     stub.s; the instruction is written to the slot at 800
 *   state page    registers, FXSAVE image
 *   guard         not mapped
 *   scratch       {@link #SCRATCH_BYTES} for the instruction's memory operand and stack
 *   guard         not mapped
 * </pre>
 *
 * <p>An instruction may fault: handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP, on a stack of their own, notice when it was the
 * one in the slot, and note vector, error code and address; all other signals go on to the VM's handlers. What it must not do: write
 * outside the scratch, jump elsewhere than behind itself or to {@link #takenAddress()}, set TF, load segment registers, or make system calls.
 */
public final class NativeCpu {
    /** Bytes of {@link #scratch()}. */
    public static final int SCRATCH_BYTES = 0x4000;

    private static final int PAGE = 0x1000;
    private static final int HANDLER = 0x400;
    private static final int RESTORE = 0x480;
    private static final int LEAVE = 0x200;
    private static final int SLOT = 0x800;
    private static final int NEAR_PAD = 0x860;
    private static final int TAKEN_PAD = 0x900;
    private static final int TAKEN_PAD_32 = 0x940;
    private static final int LEAVE_32 = 0x960;

    private static final int STATE_FLAGS = PAGE + 0x80;
    private static final int STATE_TAKEN = PAGE + 0x94;
    private static final int STATE_VECTOR = PAGE + 0x98;
    private static final int STATE_ERROR = PAGE + 0xa0;
    private static final int STATE_ADDRESS = PAGE + 0xa8;
    private static final int STATE_RESUME = PAGE + 0xb0;
    private static final int STATE_FAR = PAGE + 0xc0;
    private static final int STATE_OLD = PAGE + 0x100;
    private static final int STATE_FX = PAGE + 0x200;

    private static final int SCRATCH_AT = 0x4000;
    private static final int ALTERNATE_AT = SCRATCH_AT + SCRATCH_BYTES + 0x2000;
    private static final int ALTERNATE_BYTES = 0x20000;
    private static final int TOTAL = ALTERNATE_AT + ALTERNATE_BYTES;

    private static final int MODE_FX = 1;
    private static final int MODE_32 = 2;
    private static final int USER_CS = 0x33;
    private static final int USER32_CS = 0x23;

    private static final int PROT_READ_WRITE_EXEC = 7;
    private static final int MAP_PRIVATE_ANONYMOUS_32BIT = 0x62;
    /** With MAP_FIXED_NOREPLACE. */
    private static final int MAP_PRIVATE_ANONYMOUS_HERE = 0x10_0022;

    private static final long LOWEST = 0x100_0000;
    private static final long HIGHEST = 0x7f00_0000;
    private static final long BETWEEN = 0x100_0000;
    private static final int SIGALTSTACK = 131;
    private static final int[] SIGNALS = {4, 5, 7, 8, 11};
    /** SA_SIGINFO, SA_ONSTACK, SA_RESTORER. */
    private static final long SIGNAL_FLAGS = 0x0c00_0004L;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final MemorySegment memory;
    private final MemorySegment scratch;
    private final MethodHandle enter;
    private final long owner = Thread.currentThread().threadId();

    /** Maps the memory and installs the handlers, for the life of the process. */
    public NativeCpu() {
        final long address = map();
        memory = MemorySegment.ofAddress(address).reinterpret(TOTAL);
        scratch = memory.asSlice(SCRATCH_AT, SCRATCH_BYTES);
        protect(2 * PAGE, SCRATCH_AT - 2 * PAGE);
        protect(SCRATCH_AT + SCRATCH_BYTES, ALTERNATE_AT - SCRATCH_AT - SCRATCH_BYTES);
        final byte[] stub = stub();
        MemorySegment.copy(stub, 0, memory, ValueLayout.JAVA_BYTE, 0, stub.length);
        // 32-bit code cannot be part of the stub: its far jump back is absolute.
        final int at = putMove32(TAKEN_PAD_32, (int) address + STATE_TAKEN);
        putFarJump(at, (int) address + LEAVE);
        putFarJump(LEAVE_32, (int) address + LEAVE);
        memory.set(INT, STATE_FAR, (int) address + SLOT);
        memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, STATE_FAR + 4, (short) USER32_CS);
        enter = Linker.nativeLinker().downcallHandle(memory, FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
        installHandlers(address);
    }

    /** Memory below 2 GiB. The kernel looks for it in the second GiB alone, which the JVM may have reserved whole for its classes. */
    private static long map() {
        final long found = map(0, MAP_PRIVATE_ANONYMOUS_32BIT);
        for (long at = LOWEST; found < 0 && at < HIGHEST; at += BETWEEN) {
            final long lower = map(at, MAP_PRIVATE_ANONYMOUS_HERE);
            if (lower == at) {
                return lower;
            }
        }
        return Syscall.check("map memory for native instructions", found);
    }

    private static long map(long at, int flags) {
        return Syscall.call(SyscallNumbers.MMAP, at, TOTAL, PROT_READ_WRITE_EXEC, flags, -1, 0);
    }

    private void protect(long from, long bytes) {
        Syscall.check(
                "guard native memory",
                Syscall.call(SyscallNumbers.MPROTECT, memory.address() + from, bytes, 0, 0, 0, 0));
    }

    /** The code of {@code stub.s}, assembled. */
    static byte[] stub() {
        try (InputStream hex = Objects.requireNonNull(NativeCpu.class.getResourceAsStream("stub.hex"))) {
            return HexFormat.of()
                    .parseHex(new String(hex.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", ""));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int putMove32(int at, int target) {
        memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) 0x05c7);
        memory.set(INT, at + 2, target);
        memory.set(INT, at + 6, 1);
        return at + 10;
    }

    private void putFarJump(int at, int target) {
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) 0xea);
        memory.set(INT, at + 1, target);
        memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 5, (short) USER_CS);
    }

    /** Near, relative: the same bytes in both modes. */
    private void putJump(int at, int target) {
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) 0xe9);
        memory.set(INT, at + 1, target - (at + 5));
    }

    private void installHandlers(long address) {
        // The scratch lends its memory for the arguments.
        scratch.set(LONG, 0, address + ALTERNATE_AT);
        scratch.set(LONG, 8, 0);
        scratch.set(LONG, 16, ALTERNATE_BYTES);
        Syscall.check("alternate stack", Syscall.call(SIGALTSTACK, scratch.address(), 0, 0, 0, 0, 0));
        for (final int signal : SIGNALS) {
            Syscall.check(
                    "old handler", Syscall.call(SyscallNumbers.RT_SIGACTION, signal, 0, scratch.address(), 8, 0, 0));
            memory.set(LONG, STATE_OLD + 8L * signal, scratch.get(LONG, 0));
            scratch.set(LONG, 0, address + HANDLER);
            scratch.set(LONG, 8, SIGNAL_FLAGS);
            scratch.set(LONG, 16, address + RESTORE);
            Syscall.check(
                    "new handler", Syscall.call(SyscallNumbers.RT_SIGACTION, signal, scratch.address(), 0, 8, 0, 0));
        }
        scratch.fill((byte) 0);
    }

    /** Memory for operands and stack; {@code scratch().address()} fits 31 bits. Guard pages surround it. */
    public MemorySegment scratch() {
        return scratch;
    }

    /** Address of the instruction's first byte. */
    public long slotAddress() {
        return memory.address() + SLOT;
    }

    /** Where a branch under test may go, in 64-bit code; to go there sets {@link NativeState#taken}. */
    public long takenAddress() {
        return memory.address() + TAKEN_PAD;
    }

    /** The same for 32-bit code. */
    public long takenAddress32() {
        return memory.address() + TAKEN_PAD_32;
    }

    /** The same in either mode, at most 127 bytes from the end of the instruction: for branches with 8-bit displacements. */
    public long nearTakenAddress() {
        return memory.address() + NEAR_PAD;
    }

    /** Runs an instruction in 64-bit mode, with general registers and flags; x87, MMX and SSE state is what it happens to be. */
    public void run(byte[] code, int length, NativeState state) {
        run(code, length, state, 0);
    }

    /** The same, with x87, MMX and SSE state. */
    public void runWithFx(byte[] code, int length, NativeState state) {
        run(code, length, state, MODE_FX);
    }

    /** Runs an instruction in 32-bit protected mode with flat segments; registers are 32 bits. */
    public void run32(byte[] code, int length, NativeState state) {
        run(code, length, state, MODE_32);
    }

    private void run(byte[] code, int length, NativeState state, int mode) {
        if (Thread.currentThread().threadId() != owner) {
            throw new IllegalStateException("not the thread whose alternate stack was set");
        }
        final boolean is32 = (mode & MODE_32) != 0;
        MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, SLOT, length);
        final int end = SLOT + length;
        final int leave = is32 ? LEAVE_32 : LEAVE;
        putJump(end, leave);
        putJump(NEAR_PAD, is32 ? TAKEN_PAD_32 : TAKEN_PAD);
        MemorySegment.copy(state.r, 0, memory, LONG, PAGE, 16);
        memory.set(LONG, STATE_FLAGS, state.flags);
        memory.set(INT, STATE_TAKEN, 0);
        memory.set(LONG, STATE_VECTOR, -1L);
        memory.set(LONG, STATE_RESUME, memory.address() + leave);
        if ((mode & MODE_FX) != 0) {
            MemorySegment.copy(state.fx, 0, memory, ValueLayout.JAVA_BYTE, STATE_FX, 512);
        }
        try {
            enter.invokeExact((long) mode);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
        MemorySegment.copy(memory, LONG, PAGE, state.r, 0, 16);
        state.flags = memory.get(LONG, STATE_FLAGS);
        state.taken = memory.get(INT, STATE_TAKEN) != 0;
        state.vector = (int) memory.get(LONG, STATE_VECTOR);
        state.errorCode = memory.get(LONG, STATE_ERROR);
        state.faultAddress = memory.get(LONG, STATE_ADDRESS);
        if ((mode & MODE_FX) != 0) {
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, STATE_FX, state.fx, 0, 512);
        }
    }
}
