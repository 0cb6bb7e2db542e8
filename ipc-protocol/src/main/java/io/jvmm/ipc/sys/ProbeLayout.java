package io.jvmm.ipc.sys;

/**
 * A probe of a jail from inside: system calls for a process to make, written by the supervisor, and what came of each. A sealed
 * memfd; both map it, little-endian.
 *
 * <pre>
 *      0 | u32 go: 0 wait, 1 make the calls          | u32 done: 1 when all have been made |
 *      8 | u64 address of this segment in the process, for whoever checks what the arguments were |
 *     16 | u32 number of calls | u32 number of words to relocate | 40 zero bytes |
 *     64 | calls, 80 bytes each:
 *        |    0 | u64 number | u64 arguments[6] |
 *        |   56 | u32 flags  | u32 state: 0 not yet, 1 entered, 2 returned |
 *        |   64 | u64 result, negated errno for an error | u64 zero |
 *  41024 | u32 offsets of words to which the address of the segment is added first (pointers in structures)
 *  45120 | what the arguments point to
 * </pre>
 *
 * In the flags bit <i>n</i> means that argument <i>n</i> is an offset in this segment; bits 16 and 17 are the door: 0 the syscall
 * instruction, 1 int 0x80, 2 the vsyscall page.
 */
public final class ProbeLayout {
    public static final int SEGMENT_BYTES = 256 * 1024;
    public static final int GO = 0;
    public static final int DONE = 4;
    public static final int ADDRESS = 8;
    public static final int CALLS = 16;
    public static final int RELOCATIONS = 20;
    public static final int FIRST_CALL = 64;
    public static final int CALL_BYTES = 80;
    public static final int MOST_CALLS = 512;
    public static final int ARGUMENTS = 8;
    public static final int FLAGS = 56;
    public static final int STATE = 60;
    public static final int RESULT = 64;
    public static final int FIRST_RELOCATION = FIRST_CALL + MOST_CALLS * CALL_BYTES;
    public static final int MOST_RELOCATIONS = 1024;
    public static final int HEAP = FIRST_RELOCATION + MOST_RELOCATIONS * Integer.BYTES;

    public static final int STATE_ENTERED = 1;
    public static final int STATE_RETURNED = 2;

    public static final int DOOR_SHIFT = 16;
    public static final int DOOR_SYSCALL = 0;
    public static final int DOOR_INT80 = 1;
    public static final int DOOR_VSYSCALL = 2;

    private ProbeLayout() {}

    /** Offset of a call. */
    public static int call(int index) {
        return FIRST_CALL + index * CALL_BYTES;
    }
}
