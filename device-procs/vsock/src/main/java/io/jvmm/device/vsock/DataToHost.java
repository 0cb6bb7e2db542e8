package io.jvmm.device.vsock;

import io.jvmm.device.vsock.Connection.State;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;

/**
 * Data of the guest on its way to a socket: out of guest memory where the host takes it at once, out of the connection's buffer
 * where it is slow. Device thread only; allocates nothing.
 */
final class DataToHost {

    /** A flush writes at most so often; a ring has two parts and a socket takes what it takes. */
    private static final int MOST_WRITES = 4;

    /** The guest is told of room once a quarter of the buffer has become free since it was told last. */
    private static final int CREDIT_UPDATE_SHARE = 4;

    private final Switchboard switchboard;
    private final IoVector vector = new IoVector(2);

    DataToHost(Switchboard switchboard) {
        this.switchboard = switchboard;
    }

    /** Data the guest sent; as much as the socket takes goes out of the guest's memory, the rest waits here. */
    void data(Connection connection, GuestData data, long nowNs) {
        if ((connection.hostShutdown & VsockHeader.SHUTDOWN_RECEIVE) != 0) {
            connection.fwdCnt += data.lengthBytes(); // to nobody
            return;
        }
        int ahead = Math.min(connection.sentAhead, data.lengthBytes());
        if (ahead > 0) {
            // A predecessor sent it before it was killed.
            connection.sentAhead -= ahead;
            connection.fwdCnt += ahead;
            data.readable(data.position() + ahead, data.lengthBytes() - ahead);
        }
        int taken = 0;
        if (connection.bufferCount == 0 && data.lengthBytes() > 0) {
            long result = switchboard.host().write(connection, data.vector(), Journal.WRITE);
            if (result > 0) {
                taken = (int) result;
                connection.fwdCnt += taken;
            } else if (!waits(result)) {
                writeFailed(connection, result);
                connection.fwdCnt += data.lengthBytes();
                return;
            }
        }
        if (taken < data.lengthBytes()) {
            switchboard.buffers().append(connection, data.chain(), data.position() + taken, data.lengthBytes() - taken);
            if (!connection.writeBlocked) {
                connection.writeBlocked = true;
                switchboard.host().watchWritable(connection, true);
            }
        }
        tellRoom(connection);
    }

    private static boolean waits(long result) {
        return Errno.EAGAIN.is(result) || Errno.EINTR.is(result);
    }

    private void writeFailed(Connection connection, long result) {
        if (Errno.EPIPE.is(result)) {
            switchboard.hostReceivesNoMore(connection);
        } else {
            switchboard.kill(connection);
        }
    }

    /** Writes what waits, as far as the socket takes it; it was watched for room. */
    void flush(Connection connection, long nowNs) {
        HostBuffers buffers = switchboard.buffers();
        HostSide host = switchboard.host();
        for (int i = 0; i < MOST_WRITES && connection.bufferCount > 0; i++) {
            vector.clear();
            buffers.addTo(vector, connection);
            long result = host.write(connection, vector, Journal.WRITE);
            if (waits(result)) {
                connection.writeBlocked = true;
                break;
            }
            if (result < 0) {
                flushFailed(connection, result);
                return;
            }
            buffers.remove(connection, (int) result);
            connection.fwdCnt += (int) result;
            if (connection.state == State.LINGERING) {
                switchboard.table().deadline(connection, nowNs + Timeouts.LINGER_NS);
            }
        }
        if (connection.bufferCount == 0) {
            host.watchWritable(connection, false);
            flushed(connection);
        } else if (!connection.writeBlocked) {
            connection.writeBlocked = true;
            host.watchWritable(connection, true); // tells again that there is room
        }
        if (connection.state == State.ESTABLISHED) {
            tellRoom(connection);
        }
    }

    private void flushFailed(Connection connection, long result) {
        if (connection.state == State.LINGERING) {
            switchboard.endLingering(connection);
        } else {
            writeFailed(connection, result);
        }
    }

    private void flushed(Connection connection) {
        if (connection.state == State.LINGERING) {
            switchboard.endLingering(connection);
        } else if ((connection.guestShutdown & VsockHeader.SHUTDOWN_SEND) != 0) {
            switchboard.host().shutdown(connection, VsockHeader.SHUTDOWN_SEND);
        }
    }

    private void tellRoom(Connection connection) {
        int untold = connection.fwdCnt - connection.fwdCntTold;
        if (untold >= switchboard.bufferBytes() / CREDIT_UPDATE_SHARE
                && (connection.guestShutdown & VsockHeader.SHUTDOWN_SEND) == 0) {
            switchboard.say(connection, Connection.CREDIT_UPDATE);
        }
    }
}
