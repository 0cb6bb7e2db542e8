package io.jvmm.supervisor.backend;

import io.jvmm.ipc.stream.PortStreamLayout;
import io.jvmm.ipc.sys.Fd;

/**
 * The unix socket that a serial port, or one of the console, is wired to: one client at a time, the next waits until the process says that
 * the first has gone. It outlives a reset of the guest, and so does the client. A process that asks to be connected breaks the protocol.
 */
public final class StreamBroker extends SocketBroker {
    /** @param listener where clients come; it stays the caller's */
    StreamBroker(Fd listener) {
        super(listener, 1, "port-stream", PortStreamLayout.TOTAL_BYTES);
    }

    /** The process's end of the channel that brings clients. */
    public Fd connect() {
        return deviceEnd();
    }

    /** The port's stream memory. */
    public Fd stream() {
        return streams();
    }

    @Override
    boolean answer(int id, int port) {
        return false;
    }

    @Override
    public boolean wantsClients() {
        return !server.full();
    }
}
