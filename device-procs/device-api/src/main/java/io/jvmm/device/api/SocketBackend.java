package io.jvmm.device.api;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A port behind a listening unix socket: one client at a time, the next waits until the first has gone. Without a client
 * the carrier is low, the newest output is kept for whoever comes, and the guest runs on. See {@link Backend}.
 */
final class SocketBackend implements Backend {

    private final UnixSocket listener;
    private final StreamBackend stream;
    private @Nullable Fd client;
    private final AcceptPause pause;
    private final LongSupplier acceptor;
    private int listenerIndex;
    private int clientIndex;

    /** @param listener listening; becomes non-blocking here */
    SocketBackend(
            int port, HostPorts core, HostEvents events, UnixSocket listener, InputFilter filter, int backlogBytes) {
        this(port, core, events, listener, filter, backlogBytes, listener::tryAccept);
    }

    /** With something else that accepts, for tests. */
    SocketBackend(
            int port,
            HostPorts core,
            HostEvents events,
            UnixSocket listener,
            InputFilter filter,
            int backlogBytes,
            LongSupplier acceptor) {
        this.listener = listener;
        this.acceptor = acceptor;
        this.pause = new AcceptPause("port " + port, events);
        this.stream =
                new StreamBackend(port, core, events, null, null, StreamBackend.OnLoss.AWAIT, filter, 0, backlogBytes);
        listener.fd().setNonBlocking(true);
    }

    @Override
    public int port() {
        return stream.port();
    }

    @Override
    public boolean attach(Poller poller, long nowNs) {
        listenerIndex = poller.add(listener.fd(), 0);
        clientIndex = poller.add(listener.fd(), 0); // a place for the client to come
        unwatch(poller);
        return stream.attach(poller, nowNs);
    }

    @Override
    public void watch(Poller poller) {
        if (stream.connected()) {
            poller.ignore(listenerIndex);
            stream.watch(poller);
            return;
        }
        Fd gone = client;
        if (gone != null) {
            poller.ignore(clientIndex);
            gone.close();
            client = null;
        }
        if (pause.active()) {
            poller.ignore(listenerIndex);
        } else {
            poller.watch(listenerIndex, listener.fd(), Poller.READABLE);
        }
    }

    @Override
    public void unwatch(Poller poller) {
        poller.ignore(listenerIndex);
        poller.ignore(clientIndex);
    }

    @Override
    public boolean service(Poller poller, long nowNs) {
        if (stream.connected()) {
            return stream.service(poller, nowNs);
        }
        if (pause.ends(nowNs) || pause.active()) {
            return false;
        }
        if (client != null || !poller.isReady(listenerIndex, Poller.READABLE)) {
            return false;
        }
        long number = acceptor.getAsLong();
        if (number < 0) {
            pause.begins(number, nowNs); // or it thought better of it
            return false;
        }
        Fd accepted = Fd.of((int) number);
        client = accepted;
        stream.connect(accepted, clientIndex, nowNs);
        stream.flush(nowNs);
        return true;
    }

    @Override
    public long nextDeadlineNs() {
        return stream.connected() ? stream.nextDeadlineNs() : pause.nextDeadlineNs();
    }

    @Override
    public boolean flush(long nowNs) {
        return stream.flush(nowNs);
    }

    @Override
    public boolean deliver(long nowNs) {
        return stream.deliver(nowNs);
    }
}
