package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.ipc.vsock.VsockStreamsLayout;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a vsock's process has of the host, for one life of the machine: clients, of whom one beyond the device's connections is closed, and
 * for the guest the host's unix sockets (port N of the host is whoever listens at {@code PATH_N}; the process, which can reach no path,
 * asks, and can name a port and nothing else).
 */
public final class VsockBroker extends SocketBroker {
    private final String path;

    /**
     * @param listener where clients come; it stays the caller's
     * @param streams what connections have in the device's memory: the device's and its successors'
     */
    VsockBroker(Path path, @Nullable Fd listener, VsockStreamsLayout streams) {
        super(listener, streams.connections(), "vsock-streams", streams.totalBytes());
        this.path = path + "_";
    }

    @Override
    boolean answer(int id, int port) {
        if (server.answered(id)) {
            server.acceptAgain(id);
            return true;
        }
        try (UnixSocket stream = UnixSocket.connectNow(Path.of(path + Integer.toUnsignedString(port)))) {
            server.accept(id, stream.fd());
        } catch (SysException e) {
            server.refuse(id, e.errno());
        }
        return true;
    }

    @Override
    public boolean wantsClients() {
        return true;
    }
}
