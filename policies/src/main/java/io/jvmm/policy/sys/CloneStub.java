package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HexFormat;

/**
 * The only machine code of the project: clone a child and let it walk a table of prepared system calls.
 *
 * <p>A JVM cannot fork: in the child there would be one thread, no safepoints and no garbage collector. So the child runs no Java
 * at all. It runs the loop below on a stack of its own, over a {@link ControlBlock} that Java filled in beforehand, and the last
 * entry of the table is execve(2). Everything that is decided is decided in Java, as data; the loop only carries it out.
 *
 * <p>The calling thread has every signal blocked across clone3(2), so that no handler of the JVM ever runs in the child; the
 * table unblocks them just before execve.
 */
public final class CloneStub {
    /** One instruction a line: its bytes, then what they mean. rbx = control block, r12 = entry, r13 = its flags. */
    private static final String LISTING = """
            53                    ; push rbx
            41 54                 ; push r12
            41 55                 ; push r13
            48 89 fb              ; mov rbx, rdi                control block
            b8 0e 00 00 00        ; mov eax, 14                 rt_sigprocmask
            bf 02 00 00 00        ; mov edi, 2                  SIG_SETMASK
            48 8d 73 28           ; lea rsi, [rbx+40]           every signal
            48 8d 53 20           ; lea rdx, [rbx+32]           the mask to restore
            41 ba 08 00 00 00     ; mov r10d, 8
            0f 05                 ; syscall
            b8 b3 01 00 00        ; mov eax, 435                clone3
            48 8d 7b 40           ; lea rdi, [rbx+64]           struct clone_args
            be 58 00 00 00        ; mov esi, 88
            0f 05                 ; syscall
            48 85 c0              ; test rax, rax
            74 24                 ; jz child
            49 89 c4              ; mov r12, rax                parent: pid or -errno
            b8 0e 00 00 00        ; mov eax, 14
            bf 02 00 00 00        ; mov edi, 2
            48 8d 73 20           ; lea rsi, [rbx+32]
            31 d2                 ; xor edx, edx
            41 ba 08 00 00 00     ; mov r10d, 8
            0f 05                 ; syscall
            4c 89 e0              ; mov rax, r12
            41 5d                 ; pop r13
            41 5c                 ; pop r12
            5b                    ; pop rbx
            c3                    ; ret
            4c 8d a3 00 01 00 00  ; child: lea r12, [rbx+256]   first entry
            4c 89 23              ; next: mov [rbx], r12        tell the parent where we are
            45 8b 6c 24 40        ; mov r13d, [r12+64]          flags
            49 8b 7c 24 08        ; mov rdi, [r12+8]
            41 f6 c5 01           ; test r13b, 1                argument 0 is the address of a value?
            74 03                 ; jz +3
            48 8b 3f              ; mov rdi, [rdi]
            49 8b 74 24 10        ; mov rsi, [r12+16]
            41 f6 c5 02           ; test r13b, 2
            74 03                 ; jz +3
            48 8b 36              ; mov rsi, [rsi]
            49 8b 54 24 18        ; mov rdx, [r12+24]
            41 f6 c5 04           ; test r13b, 4
            74 03                 ; jz +3
            48 8b 12              ; mov rdx, [rdx]
            4d 8b 54 24 20        ; mov r10, [r12+32]
            41 f6 c5 08           ; test r13b, 8
            74 03                 ; jz +3
            4d 8b 12              ; mov r10, [r10]
            4d 8b 44 24 28        ; mov r8, [r12+40]
            41 f6 c5 10           ; test r13b, 16
            74 03                 ; jz +3
            4d 8b 00              ; mov r8, [r8]
            4d 8b 4c 24 30        ; mov r9, [r12+48]
            41 f6 c5 20           ; test r13b, 32
            74 03                 ; jz +3
            4d 8b 09              ; mov r9, [r9]
            49 8b 04 24           ; mov rax, [r12]              system call number
            0f 05                 ; syscall
            49 89 44 24 38        ; mov [r12+56], rax           keep the result
            41 f7 c5 00 01 00 00  ; test r13d, 0x100            any result will do?
            75 1a                 ; jnz advance
            41 f7 c5 00 02 00 00  ; test r13d, 0x200            one exact result?
            74 09                 ; jz negative
            49 3b 44 24 48        ; cmp rax, [r12+72]
            74 0a                 ; je advance
            eb 11                 ; jmp fail
            48 3d 00 f0 ff ff     ; negative: cmp rax, -4096
            77 09                 ; ja fail                     -4095..-1 is an errno
            49 83 c4 50           ; advance: add r12, 80
            e9 6d ff ff ff        ; jmp next
            48 89 43 08           ; fail: mov [rbx+8], rax
            c7 43 10 01 00 00 00  ; mov dword [rbx+16], 1       outcome: failed
            b8 e7 00 00 00        ; mov eax, 231                exit_group
            bf 7f 00 00 00        ; mov edi, 127
            0f 05                 ; syscall
            0f 0b                 ; ud2
            """;

    private static final MethodHandle STUB = load();

    private CloneStub() {}

    /** The machine code, for a test that assembles the listing again. */
    static byte[] code() {
        StringBuilder hex = new StringBuilder();
        for (String line : LISTING.split("\n", -1)) {
            hex.append(line.split(";", 2)[0].replace(" ", ""));
        }
        return HexFormat.of().parseHex(hex);
    }

    /**
     * Runs clone3 with the block's arguments. Returns in the parent only.
     *
     * @return the child's pid, or {@code -errno}
     */
    static long clone(MemorySegment controlBlock) {
        try {
            return (long) STUB.invokeExact(controlBlock);
        } catch (Throwable e) {
            throw new AssertionError("a downcall does not throw", e);
        }
    }

    private static MethodHandle load() {
        byte[] code = code();
        long page = 4096;
        long address = Kernel.check(
                "mmap of the clone stub",
                SyscallNumbers.MMAP,
                0,
                page,
                Memory.PROT_READ | Memory.PROT_WRITE,
                Memory.MAP_PRIVATE | Memory.MAP_ANONYMOUS,
                -1,
                0);
        MemorySegment text = MemorySegment.ofAddress(address).reinterpret(page, Arena.global(), null);
        MemorySegment.copy(code, 0, text, ValueLayout.JAVA_BYTE, 0, code.length);
        Kernel.check(
                "mprotect of the clone stub",
                SyscallNumbers.MPROTECT,
                address,
                page,
                Memory.PROT_READ | Memory.PROT_EXEC);
        AddressLayout pointer = ValueLayout.ADDRESS;
        return Linker.nativeLinker().downcallHandle(text, FunctionDescriptor.of(ValueLayout.JAVA_LONG, pointer));
    }
}
