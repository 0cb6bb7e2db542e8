package io.jvmm.device.vsock;

import io.jvmm.ipc.sys.IoVector;

/**
 * The host's sockets as the device sees them. Nothing here waits, throws or allocates. What happens at the sockets comes back
 * through {@link Switchboard}. Device thread only.
 */
interface HostSide {

    /** A host nobody is on: every connection is refused. What a device has before its back end is made, and in scratch machines. */
    HostSide NOBODY = new HostSide() {
        @Override
        public boolean connect(Connection connection) {
            return false;
        }

        @Override
        public void forget(Connection connection) {}

        @Override
        public long read(Connection connection, GuestData into) {
            return 0;
        }

        @Override
        public long write(Connection connection, IoVector from, int kind) {
            return from.lengthBytes();
        }

        @Override
        public void watchWritable(Connection connection, boolean watched) {}

        @Override
        public void shutdown(Connection connection, int guestShutdown) {}

        @Override
        public void close(Connection connection) {}

        @Override
        public void committed() {}
    };

    /**
     * Begins to connect to the host's port of a connection; the answer is {@link Switchboard#connected} or
     * {@link Switchboard#refused}, later.
     *
     * @return false when that will never be: nobody can be asked
     */
    boolean connect(Connection connection);

    /** The connection is no longer {@code CONNECTING}; an answer that still comes is nobody's. */
    void forget(Connection connection);

    /** Reads: bytes, 0 at the end, or a negated errno. */
    long read(Connection connection, GuestData into);

    /**
     * Writes: bytes taken, or a negated errno.
     *
     * @param kind {@link Journal#WRITE} or {@link Journal#GREETING}
     */
    long write(Connection connection, IoVector from, int kind);

    /** Whether {@link Switchboard#writable} is to be called when there is room. */
    void watchWritable(Connection connection, boolean watched);

    /** Passes on that the guest sends or receives no more: flags of {@link VsockHeader}. */
    void shutdown(Connection connection, int guestShutdown);

    /** Nothing happens at the connection's socket any more. It is closed once that is committed: {@link Switchboard#released}. */
    void close(Connection connection);

    /** The state was committed. */
    void committed();
}
