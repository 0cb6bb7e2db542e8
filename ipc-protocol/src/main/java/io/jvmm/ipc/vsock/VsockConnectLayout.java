package io.jvmm.ipc.vsock;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The datagrams of the connect channel, little-endian. PROTOCOL.md, "Vsock connect channel".
 *
 * <pre>
 *   request, device to supervisor      0       4       8
 *                                      | id    | port  |
 *   reply, supervisor to device        0       4       8
 *                                      | id    | errno |   and, with errno 0, one connected stream socket (SCM_RIGHTS)
 * </pre>
 */
public final class VsockConnectLayout {
    public static final int ID = 0;
    public static final int PORT = 4;
    public static final int ERRNO = 4;
    public static final int LENGTH_BYTES = 8;

    /** Most requests a device has unanswered; the supervisor may treat one more as a violation. */
    public static final int MAX_OUTSTANDING = 64;

    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private VsockConnectLayout() {}
}
