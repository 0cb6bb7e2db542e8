package io.jvmm.ipc.stream;

/**
 * Where things are in the stream memory of one serial or console port: a memfd that the supervisor makes in this size, gives to the
 * device and to each of its successors, and never looks into. PROTOCOL.md, "Stream memory of a port". Little-endian.
 *
 * <pre>
 *      0 | u64 "JVMMPORT" | u32 version | u32 0 |
 *     64 | u64 taken: input the device had of it at its last commit | u64 given: output likewise |
 *    128 | input's calls  | 640 output's calls
 *   4096 | input ring, {@link #IN_BYTES} | output ring, {@link #OUT_BYTES} |
 *
 *   calls: u64 number of the last call | 56 bytes 0 | two calls of 128 bytes, the one of number N at N modulo 2:
 *          | struct mmsghdr, 64 bytes | u64 position before the call | 0 |
 * </pre>
 *
 * <p>Positions count the bytes of a stream from 1 on; the byte at a position is in its ring at the position modulo the ring's length.
 */
public final class PortStreamLayout {
    public static final long MAGIC = 0x5452_4F50_4D4D_564AL; // "JVMMPORT"
    public static final int VERSION = 1;

    public static final int MAGIC_AT = 0;
    public static final int VERSION_AT = 8;
    public static final int TAKEN_AT = 64;
    public static final int GIVEN_AT = 72;
    public static final int IN_CALLS_AT = 128;
    public static final int OUT_CALLS_AT = 640;

    /** Within the calls of a direction. */
    public static final int FIRST_CALL = 64;

    public static final int CALL_BYTES = 128;

    /** Within a call, behind its header. */
    public static final int POSITION = 64;

    public static final int HEADER_BYTES = 4096;
    public static final int IN_BYTES = 8 * 1024;

    /** What a late comer still sees. */
    public static final int OUT_BYTES = 64 * 1024;

    public static final int IN_AT = HEADER_BYTES;
    public static final int OUT_AT = IN_AT + IN_BYTES;
    public static final int TOTAL_BYTES = OUT_AT + OUT_BYTES;

    /** The position of a stream that nothing has gone through yet. */
    public static final long FIRST_POSITION = 1;

    private PortStreamLayout() {}
}
