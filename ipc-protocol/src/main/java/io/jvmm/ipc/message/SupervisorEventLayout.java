package io.jvmm.ipc.message;

/**
 * Bytes of the events of a supervisor link. Little-endian; u32 unless said otherwise.
 *
 * <pre>
 *                     0             4            8                    16           24
 *   READY             | u64 monotonicNs          | 32 bytes: SHA-256 of the narrow filter ... | 40: threads | 44: reserved |
 *   ACK               | request     | status     |
 *   LOG               | level       | length     | UTF-8 text, length bytes, at most 480 ...
 *   COUNTER           | id          | reserved   | u64 value          |
 *   GUEST_STOPPED     | cause       | vcpu       | u64 rip            | u64 detail |
 *   DEVICE_HUNG       | device      | reserved   | u64 waitedNs       |
 *   PEER_VIOLATION    | device      | kind       | u64 position       | 64 bytes: the evidence ... |
 *   ESCAPE            | port        | what       |
 *   FIRST_INSTRUCTION | u64 monotonicNs          |
 *   BACKEND_LOST      | port        | errno      |
 *   ENGINE            | engine      | length     | UTF-8 text, length bytes, at most 480 ...
 *   DEVICE_STALL      | device      | messages   | u64 stallNs        |
 * </pre>
 */
public final class SupervisorEventLayout {
    public static final int FIRST = 0;
    public static final int SECOND = 4;
    public static final int WORD = 8;
    public static final int WORD_2 = 16;

    public static final int READY_NS = 0;
    public static final int READY_HASH = 8;
    public static final int READY_HASH_BYTES = 32;
    public static final int READY_THREADS = 40;
    public static final int READY_RESERVED = 44;

    public static final int LOG_TEXT = 8;
    public static final int LOG_MAX_TEXT_BYTES = 480;

    public static final int VIOLATION_EVIDENCE = 16;
    public static final int VIOLATION_EVIDENCE_BYTES = 64;

    /** Longest event of a supervisor link. */
    public static final int MAX_LENGTH_BYTES = LOG_TEXT + LOG_MAX_TEXT_BYTES;

    private SupervisorEventLayout() {}
}
