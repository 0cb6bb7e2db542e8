package io.jvmm.policy.sys;

import io.jvmm.ipc.sys.SyscallNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Anonymous mappings for the control block and its stack. */
final class Memory {
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;
    static final int MAP_SHARED = 1;
    static final int MAP_PRIVATE = 2;
    static final int MAP_ANONYMOUS = 0x20;

    private Memory() {}

    /** Zeroed memory that stays the same memory in a child, whether or not that shares our address space; unmapped with the arena. */
    static MemorySegment shared(Arena arena, long lengthBytes) {
        long address = Kernel.check(
                "mmap", SyscallNumbers.MMAP, 0, lengthBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return MemorySegment.ofAddress(address)
                .reinterpret(
                        lengthBytes, arena, gone -> Kernel.call(SyscallNumbers.MUNMAP, gone.address(), lengthBytes));
    }
}
