package io.jvmm.ipc.message;

/**
 * Bytes of the requests of a supervisor link, all alike. Little-endian.
 *
 * <pre>
 *   0                8                16
 *   | u64 argument   | u64 reserved   |
 * </pre>
 *
 * <p>RESIZE: columns in the low half of the argument, rows in the high half. BALLOON: bytes the
 * guest is to give back in all. Everything else ignores it.
 */
public final class SupervisorRequestLayout {
    public static final int ARGUMENT = 0;
    public static final int RESERVED = 8;

    /** Length of every request of a supervisor link. */
    public static final int LENGTH_BYTES = 16;

    private SupervisorRequestLayout() {}
}
