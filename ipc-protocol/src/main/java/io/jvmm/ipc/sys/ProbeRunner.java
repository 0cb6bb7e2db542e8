package io.jvmm.ipc.sys;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The part of a jail's probe that runs inside: makes the system calls of a {@link ProbeLayout} segment, one after another, and writes
 * down what came of each. A process is a probe instead of serving when its boot record has the descriptor {@code probe}; it reads that
 * record once, before any guest exists, and only the supervisor writes one. To code that has taken a process over this is nothing
 * new: such code makes whatever call it likes by itself, and is stopped by the filter like this one.
 *
 * <p>It must be made before the narrow filter is installed: it maps the segment and a page of code. Everything that
 * {@link #run} needs is loaded then.
 */
public final class ProbeRunner {
    private static final long GO_TIMEOUT_NS = 60_000_000_000L;
    private static final int DOOR_BYTES = 32;

    /** int $0x80 with the number in %eax; the arguments do not matter, for nothing gets that far. */
    private static final byte[] INT80 = {
        (byte) 0xf3,
        0x0f,
        0x1e,
        (byte) 0xfa, // endbr64
        0x53, //                                 push %rbx
        (byte) 0x89,
        (byte) 0xf8, //             mov %edi,%eax
        0x31,
        (byte) 0xdb, //                    xor %ebx,%ebx
        (byte) 0xcd,
        (byte) 0x80, //             int $0x80
        0x48,
        (byte) 0x98, //                    cltq
        0x5b, //                                 pop %rbx
        (byte) 0xc3 //                           ret
    };

    /** gettimeofday at its fixed address of old. */
    private static final byte[] VSYSCALL = {
        (byte) 0xf3,
        0x0f,
        0x1e,
        (byte) 0xfa, // endbr64
        0x48,
        (byte) 0x89,
        (byte) 0xf7, //       mov %rsi,%rdi
        0x31,
        (byte) 0xf6, //                    xor %esi,%esi
        0x48,
        (byte) 0xc7,
        (byte) 0xc0,
        0x00,
        0x00,
        0x60,
        (byte) 0xff, // mov $0xffffffffff600000,%rax
        0x48,
        (byte) 0x83,
        (byte) 0xec,
        0x08, // sub $8,%rsp
        (byte) 0xff,
        (byte) 0xd0, //             call *%rax
        0x48,
        (byte) 0x83,
        (byte) 0xc4,
        0x08, // add $8,%rsp
        (byte) 0xc3 //                           ret
    };

    private final UnsafeBuffer segment;
    private final long address;
    private final MethodHandle int80;
    private final MethodHandle vsyscall;

    /**
     * Takes over the descriptor: maps the segment, closes it, makes the doors.
     *
     * @throws SysException when the host or a filter refuses
     */
    public ProbeRunner(Fd probe) {
        segment = Mapping.shared(probe, 0, ProbeLayout.SEGMENT_BYTES, Mapping.Access.READ_WRITE)
                .buffer();
        probe.close();
        address = segment.addressOffset();
        MemorySegment page = Syscall.codePage(INT80, VSYSCALL, DOOR_BYTES);
        int80 = Syscall.inShape(page.asSlice(0, DOOR_BYTES));
        vsyscall = Syscall.inShape(page.asSlice(DOOR_BYTES, DOOR_BYTES));
        Futex.wake(segment, ProbeLayout.GO, 1);
        make(0, SyscallNumbers.GETTID, 0, 0, 0, 0, 0, 0);
        segment.putLong(ProbeLayout.ADDRESS, address);
    }

    /** Waits for the supervisor's word, makes the calls, and returns if none of them was the end of the process. */
    public void run() {
        long deadlineNs = Clock.monotonicNs() + GO_TIMEOUT_NS;
        while (segment.getIntVolatile(ProbeLayout.GO) == 0) {
            if (Clock.monotonicNs() > deadlineNs) {
                return;
            }
            Futex.awaitUntil(segment, ProbeLayout.GO, 0, deadlineNs);
        }
        int relocations = segment.getInt(ProbeLayout.RELOCATIONS);
        for (int i = 0; i < relocations; i++) {
            int offset = segment.getInt(ProbeLayout.FIRST_RELOCATION + i * Integer.BYTES);
            segment.putLong(offset, segment.getLong(offset) + address);
        }
        int calls = segment.getInt(ProbeLayout.CALLS);
        for (int i = 0; i < calls; i++) {
            int call = ProbeLayout.call(i);
            int flags = segment.getInt(call + ProbeLayout.FLAGS);
            segment.putIntVolatile(call + ProbeLayout.STATE, ProbeLayout.STATE_ENTERED);
            long result = make(
                    flags >>> ProbeLayout.DOOR_SHIFT,
                    segment.getLong(call),
                    argument(call, flags, 0),
                    argument(call, flags, 1),
                    argument(call, flags, 2),
                    argument(call, flags, 3),
                    argument(call, flags, 4),
                    argument(call, flags, 5));
            segment.putLong(call + ProbeLayout.RESULT, result);
            segment.putIntVolatile(call + ProbeLayout.STATE, ProbeLayout.STATE_RETURNED);
        }
        segment.putIntVolatile(ProbeLayout.DONE, 1);
    }

    private long argument(int call, int flags, int index) {
        long given = segment.getLong(call + ProbeLayout.ARGUMENTS + index * Long.BYTES);
        return (flags >>> index & 1) != 0 ? address + given : given;
    }

    private long make(int door, long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        if (door == ProbeLayout.DOOR_SYSCALL) {
            return Syscall.call(number, a0, a1, a2, a3, a4, a5);
        }
        try {
            return door == ProbeLayout.DOOR_INT80
                    ? (long) int80.invokeExact(number, a0, a1, a2, a3, a4, a5)
                    : (long) vsyscall.invokeExact(number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable impossible) {
            throw new AssertionError("syscall handle", impossible);
        }
    }
}
