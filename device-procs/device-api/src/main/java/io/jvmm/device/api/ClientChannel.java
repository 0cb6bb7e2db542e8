package io.jvmm.device.api;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.vsock.VsockConnectClient;
import io.jvmm.ipc.vsock.VsockConnectLayout;
import org.jspecify.annotations.Nullable;

/**
 * Over which the supervisor brings the client of a port, one at a time, and keeps a duplicate for a successor: the connect channel of
 * PROTOCOL.md without its CONNECT. A process that begins asks for what is held. Device thread; never waits, allocates for a client's
 * coming only.
 */
final class ClientChannel {
    private static final long RETRY_NS = 100_000_000;

    /** So long the supervisor may take to bring the client of a predecessor. */
    private static final long JOIN_NS = 5_000_000_000L;

    /** Of no client. */
    private static final int NONE = 0;

    /** What came. */
    enum Came {
        NOTHING,
        /** A client, which {@link #accept} makes the one there is. */
        CLIENT,
        /** It is known now whether there is one. */
        JOINED
    }

    private enum Joining {
        TO_ASK,
        ASKED,
        DONE
    }

    private final VsockConnectClient client;
    private final int nonce;
    private Joining joining = Joining.TO_ASK;
    private long joinByNs;
    private long retryAtNs = DeviceCore.NO_DEADLINE;
    private @Nullable Fd socket;
    private int id = NONE;
    /** The one that has gone, and whether the supervisor is still to be told. */
    private int goneId = NONE;

    private boolean toTell;
    private int comingId = NONE;
    private int coming = SocketIo.NO_DESCRIPTOR;
    private Came came = Came.NOTHING;

    ClientChannel(Fd connect, long timeNs) {
        this.client = new VsockConnectClient(connect, new SocketIo());
        this.nonce = (int) (timeNs ^ timeNs >>> Integer.SIZE); // that of no predecessor
    }

    /** To be watched for readability, unless it is {@link #closed}. */
    Fd fd() {
        return client.fd();
    }

    boolean closed() {
        return client.closed();
    }

    /** The client there is. */
    @Nullable
    Fd client() {
        return socket;
    }

    /** Whether it is not known yet if a predecessor had a client. */
    boolean joining() {
        return joining != Joining.DONE;
    }

    void giveUpJoining() {
        joining = Joining.DONE;
    }

    /** Takes a message, if there is one: {@link #what}. */
    boolean next() {
        if (!client.next()) {
            return false;
        }
        came = switch (client.what()) {
            case VsockConnectLayout.CLIENT, VsockConnectLayout.HELD -> someone(client.id(), client.takeDescriptor());
            case VsockConnectLayout.END -> end(client.id());
            default -> nobody(client.takeDescriptor());
        };
        return true;
    }

    Came what() {
        return came;
    }

    private static Came nobody(int descriptor) {
        if (descriptor != SocketIo.NO_DESCRIPTOR) {
            SocketIo.close(descriptor);
        }
        return Came.NOTHING;
    }

    private Came someone(int newId, int descriptor) {
        if (newId == id && socket != null) {
            return nobody(descriptor); // announced before it was asked for
        }
        if (newId == goneId || descriptor == SocketIo.NO_DESCRIPTOR) {
            gone(newId); // known to have gone, or there is no room for its descriptor
            return nobody(descriptor);
        }
        comingId = newId;
        coming = descriptor;
        return Came.CLIENT;
    }

    private Came end(int about) {
        if (joining != Joining.ASKED || about != nonce) {
            return Came.NOTHING;
        }
        joining = Joining.DONE;
        return Came.JOINED;
    }

    /** The one that came is the client, in place of whoever was. */
    void accept() {
        Fd before = socket;
        if (before != null) {
            before.close();
        }
        socket = Fd.of(coming);
        id = comingId;
    }

    /** The client has gone. */
    void drop() {
        Fd before = socket;
        if (before != null) {
            before.close();
            socket = null;
            gone(id);
        }
    }

    /** Nobody is told. */
    void close() {
        Fd before = socket;
        if (before != null) {
            before.close();
            socket = null;
        }
    }

    private void gone(int whose) {
        goneId = whose;
        toTell = true;
        tell(DeviceCore.NO_DEADLINE);
    }

    private void tell(long againAtNs) {
        toTell = !client.tellClosed(goneId) && !client.closed();
        retryAtNs = toTell ? againAtNs : DeviceCore.NO_DEADLINE;
    }

    /** What is due by time; true when the supervisor has not said in time whether there is a client. */
    boolean work(long nowNs) {
        if (toTell && (retryAtNs == DeviceCore.NO_DEADLINE || retryAtNs <= nowNs)) {
            tell(nowNs + RETRY_NS);
        }
        if (joining == Joining.TO_ASK && (retryAtNs == DeviceCore.NO_DEADLINE || retryAtNs <= nowNs)) {
            ask(nowNs);
        }
        boolean late = joining == Joining.ASKED && joinByNs <= nowNs;
        if (late || (joining == Joining.TO_ASK && client.closed())) {
            joining = Joining.DONE;
            return true;
        }
        return false;
    }

    private void ask(long nowNs) {
        if (client.resume(nonce)) {
            joining = Joining.ASKED;
            joinByNs = nowNs + JOIN_NS;
        } else {
            retryAtNs = nowNs + RETRY_NS;
        }
    }

    long nextDeadlineNs() {
        return joining == Joining.ASKED ? Math.min(retryAtNs, joinByNs) : retryAtNs;
    }
}
