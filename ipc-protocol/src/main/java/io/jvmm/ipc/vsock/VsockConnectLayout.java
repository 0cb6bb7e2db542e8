package io.jvmm.ipc.vsock;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The datagrams of the connect channel, little-endian. PROTOCOL.md, "Vsock connect channel".
 *
 * <pre>
 *   0       4       8       12      16
 *   | what  | id    | value | (0)   |
 * </pre>
 */
public final class VsockConnectLayout {
    public static final int WHAT = 0;
    public static final int ID = 4;
    public static final int VALUE = 8;
    public static final int LENGTH_BYTES = 16;

    // what, device to supervisor

    /** Connect to port <i>value</i>. */
    public static final int CONNECT = 1;
    /** The connection <i>id</i> has ended: the supervisor lets go of its socket. */
    public static final int CLOSED = 2;
    /** All sockets that are held, once more, and {@link #END} with this <i>id</i> behind them. */
    public static final int RESUME = 3;

    // what, supervisor to device

    /** Answers CONNECT: errno in <i>value</i>, and with 0 a socket. */
    public static final int CONNECTED = 1;
    /** A client of the host has come: a socket. */
    public static final int CLIENT = 2;
    /** A socket that is held. */
    public static final int HELD = 3;
    /** Nothing more is held. */
    public static final int END = 4;

    /** In the ids of clients, which are the supervisor's; never in those of requests, which are the device's. */
    public static final int CLIENT_ID = 1 << 31;

    /** Most CONNECT a device has unanswered; the supervisor may treat one more as a violation. */
    public static final int MAX_OUTSTANDING = 64;

    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private VsockConnectLayout() {}
}
