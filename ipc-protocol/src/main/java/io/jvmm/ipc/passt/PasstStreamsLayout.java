package io.jvmm.ipc.passt;

/**
 * The stream memory of a card with passt: made blank by the supervisor for each passt, given to the card's process and to each of its
 * successors, and never looked into. PROTOCOL.md, "Stream memory".
 *
 * <pre>
 *   | page: | to the host (512) | from the host (512) | (0) | bytes on their way to the host | bytes from the host |
 * </pre>
 */
public final class PasstStreamsLayout {
    /** A direction's place in the first page. */
    public static final int SIDE_BYTES = 512;

    public static final int OUT_AT = 4096;
    public static final int OUT_BYTES = 256 * 1024;
    public static final int IN_AT = OUT_AT + OUT_BYTES;
    public static final int IN_BYTES = 256 * 1024;
    public static final int TOTAL_BYTES = IN_AT + IN_BYTES;

    private PasstStreamsLayout() {}
}
