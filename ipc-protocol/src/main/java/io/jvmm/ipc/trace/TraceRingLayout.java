package io.jvmm.ipc.trace;

import io.jvmm.ipc.ring.IpcRingLayout;

/**
 * The memory between a device that is recorded and the recorder: a sealed memfd, {@code trace} in the boot record, made for one process and
 * used by one. PROTOCOL.md, "Trace", is normative.
 *
 * <pre>
 *   0                    4 MiB                  +768            +832          TOTAL_BYTES (whole pages)
 *   | records ...        | trailer of the ring  | u32 asleep    | (0)         |
 * </pre>
 *
 * <p>An IPC ring ({@link IpcRingLayout}); each message is one batch, of type {@link #BATCH}. {@code asleep} is 1 while the recorder sleeps on the
 * eventfd {@code trace.bell}: who publishes a batch, fences, looks at the word, and where it is 1 sets it to 0 and signals. A producer that waits
 * for room does not sleep on anything: it looks at the ring again. {@code asleep} is 2 while the recorder naps, and will look by itself within 50 ms: it is signalled when half of the ring is
 * full, or there is no room.
 */
public final class TraceRingLayout {
    /** Descriptors in the boot record of a device that is recorded; both or neither. */
    public static final String FD_RING = "trace";

    public static final String FD_BELL = "trace.bell";

    /** The one type of message. */
    public static final int BATCH = 1;

    public static final int CAPACITY_BYTES = 4 << 20;
    /** Records and trailer. */
    public static final int RING_BYTES = IpcRingLayout.lengthBytes(CAPACITY_BYTES);

    public static final int ASLEEP_OFFSET = RING_BYTES;
    public static final int TOTAL_BYTES = CAPACITY_BYTES + 4096;

    private TraceRingLayout() {}
}
