package io.jvmm.device.vsock;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Everything the device does to the host, and everything it learns of it: the sockets of connections, which of them something has happened
 * to, the connect channel to the supervisor, and the clock. All that decides anything is on this side of it, so who answers these
 * calls as they were answered before has the same device. Nothing here waits, throws or allocates. Device thread only.
 *
 * <p>Sockets are plain numbers. Results are the kernel's, a negated errno included.
 */
interface Sockets extends AutoCloseable {

    /** The back end is about to take what has happened at the sockets. */
    void serving(long nowNs);

    /** The back end is about to do what is due by time. */
    void delivering(long nowNs);

    /** Readable when {@link #poll} would find something; null where there is no host. */
    @Nullable
    Fd fd();

    /** The clock, in between. */
    long nowNs();

    // ---- what has happened

    /** Fetches a bounded number of events; how many. */
    int poll();

    /** What an event of the last {@link #poll} is about. */
    long data(int index);

    /** Which event: flags of {@link io.jvmm.ipc.sys.Epoll}. */
    int events(int index);

    long watch(int socket, int events, long data);

    long change(int socket, int events, long data);

    void unwatch(int socket);

    // ---- streams

    /** Looks at what has come, from the beginning of {@code line}. */
    long peek(int socket, MemorySegment line, int mostBytes);

    /** Receives, with a receipt: {@link io.jvmm.ipc.sys.SocketIo}. */
    long receive(int socket, IoVector into, MemorySegment receipts, long place);

    /** Sends, with a receipt. */
    long send(int socket, IoVector from, MemorySegment receipts, long place);

    /** {@code direction}: as {@link io.jvmm.ipc.sys.SocketIo#shutdown} has it. */
    void shutdown(int socket, int direction);

    void close(int socket);

    /** Closes it because a scratch machine is taken down: the device does nothing any more. */
    void abandon(int socket);

    // ---- the connect channel

    /** Whether there is one; its events have {@code data} from now on. */
    boolean openChannel(long data);

    /** The supervisor has gone: nothing is watched any more. */
    void leaveChannel();

    /** As {@link io.jvmm.ipc.vsock.VsockConnectClient#closed}; so are those that follow. */
    boolean closed();

    boolean ask(int id, int port);

    boolean tellClosed(int id);

    boolean resume(int nonce);

    boolean next();

    int what();

    int id();

    int takeDescriptor();

    boolean lostDescriptor();

    @Override
    void close();
}
