package io.jvmm.device.vsock;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Epoll;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.sys.SocketIo;
import io.jvmm.ipc.sys.Syscall;
import io.jvmm.ipc.vsock.VsockConnectClient;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The host as it is: one epoll for all sockets of a function and its connect channel. */
final class UnixSockets implements Sockets {

    private final Epoll epoll;
    private final SocketIo io = new SocketIo();
    private final @Nullable VsockConnectClient channel;

    /**
     * @param mostEvents that are fetched at once
     * @param connect the connect channel; null: nobody comes, and the guest reaches nobody
     */
    UnixSockets(int mostEvents, @Nullable Fd connect) {
        this.epoll = new Epoll(mostEvents);
        this.channel = connect == null ? null : new VsockConnectClient(connect, io);
    }

    @Override
    public void serving(long nowNs) {
        // as it pleases
    }

    @Override
    public void delivering(long nowNs) {
        // as it pleases
    }

    @Override
    public Fd fd() {
        return epoll.fd();
    }

    @Override
    public long nowNs() {
        return Clock.monotonicNs();
    }

    @Override
    public int poll() {
        return epoll.poll();
    }

    @Override
    public long data(int index) {
        return epoll.data(index);
    }

    @Override
    public int events(int index) {
        return epoll.events(index);
    }

    @Override
    public long watch(int socket, int events, long data) {
        return epoll.add(socket, events, data);
    }

    @Override
    public long change(int socket, int events, long data) {
        return epoll.change(socket, events, data);
    }

    @Override
    public void unwatch(int socket) {
        epoll.remove(socket);
    }

    @Override
    public long peek(int socket, MemorySegment line, int mostBytes) {
        return io.peek(socket, line, 0, mostBytes);
    }

    @Override
    public long receive(int socket, IoVector into, MemorySegment receipts, long place) {
        return io.receive(socket, into, receipts, place);
    }

    @Override
    public long send(int socket, IoVector from, MemorySegment receipts, long place) {
        return io.send(socket, from, receipts, place);
    }

    @Override
    public void shutdown(int socket, int direction) {
        SocketIo.shutdown(socket, direction);
    }

    @Override
    public void close(int socket) {
        SocketIo.close(socket);
    }

    @Override
    public void abandon(int socket) {
        SocketIo.close(socket);
    }

    @Override
    public boolean openChannel(long data) {
        if (channel == null) {
            return false;
        }
        Syscall.check("watch connect channel", epoll.add(channel.fd().number(), Epoll.READABLE, data));
        return true;
    }

    @Override
    public void leaveChannel() {
        if (channel != null) {
            epoll.remove(channel.fd().number());
        }
    }

    @Override
    public boolean closed() {
        return channel == null || channel.closed();
    }

    @Override
    public boolean ask(int id, int port) {
        return channel != null && channel.ask(id, port);
    }

    @Override
    public boolean tellClosed(int id) {
        return channel != null && channel.tellClosed(id);
    }

    @Override
    public boolean resume(int nonce) {
        return channel != null && channel.resume(nonce);
    }

    @Override
    public boolean next() {
        return channel != null && channel.next();
    }

    @Override
    public int what() {
        return channel == null ? 0 : channel.what();
    }

    @Override
    public int id() {
        return channel == null ? 0 : channel.id();
    }

    @Override
    public int takeDescriptor() {
        return channel == null ? SocketIo.NO_DESCRIPTOR : channel.takeDescriptor();
    }

    @Override
    public boolean lostDescriptor() {
        return channel != null && channel.lostDescriptor();
    }

    @Override
    public void close() {
        epoll.close();
    }
}
